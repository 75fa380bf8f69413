//! Who gets what.

use bytes::Bytes;
use reqwest::StatusCode;
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::pin::Visibility;
use shelfmark_engine::operations::{AddedChange, create_project};

use super::shelf::Shelf;
use crate::laws::ground::site::{Site, of};

const PRESS: Bytes = Bytes::from_static(b"press");
const SECRET: Bytes = Bytes::from_static(b"secret");
const DRAFT: Bytes = Bytes::from_static(b"draft");

/// `R-1.1` is public in production but for the folder `internal`; `R-2.1` is only in development, which is private.
async fn shelf_with_secrets() -> Shelf {
    let shelf = Shelf::start().await;
    for (path, bytes) in [("a.txt", PRESS), ("internal/b.txt", SECRET), ("internal/press/c.txt", PRESS)] {
        shelf.put(path, bytes).await;
    }
    let rules = [("internal", Visibility::Private), ("internal/press", Visibility::Public)];
    let rules = rules.map(|(folder, visibility)| AddedChange::Access(of(folder), visibility));
    let build = shelf.build_of([AddedChange::Latest].into_iter().chain(rules).collect()).await.name;
    shelf.promote("production", build).await;
    shelf.put("draft.txt", DRAFT).await;
    let draft = shelf.build_latest().await.name;
    shelf.promote("development", draft).await;
    shelf
}

fn named(project: &str, bytes: &Bytes) -> String {
    format!("/c/{project}/{}/x.txt", ContentId::of(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_only_what_is_public() {
    let shelf = shelf_with_secrets().await;
    let cases = [
        ("/e/site/production/a.txt", StatusCode::OK),
        ("/e/site/production/internal/press/c.txt", StatusCode::OK),
        ("/e/site/production/missing.txt", StatusCode::NOT_FOUND),
        ("/e/site/production/internal/b.txt", StatusCode::UNAUTHORIZED),
        ("/e/site/production/internal/missing.txt", StatusCode::UNAUTHORIZED),
        ("/e/site/development/a.txt", StatusCode::UNAUTHORIZED),
        ("/e/site/development/missing.txt", StatusCode::UNAUTHORIZED),
        ("/e/site/nowhere/a.txt", StatusCode::UNAUTHORIZED),
        ("/e/unknown/production/a.txt", StatusCode::UNAUTHORIZED),
        ("/e/site/staging/a.txt", StatusCode::NOT_FOUND),
        ("/r/site/R-1.1/a.txt", StatusCode::OK),
        ("/r/site/R-1/a.txt", StatusCode::OK),
        ("/r/site/R-1.1/missing.txt", StatusCode::NOT_FOUND),
        ("/r/site/R-1.1/internal/b.txt", StatusCode::UNAUTHORIZED),
        ("/r/site/R-2.1/a.txt", StatusCode::UNAUTHORIZED),
        ("/r/site/R-9.1/a.txt", StatusCode::UNAUTHORIZED),
        ("/r/site/R-9/a.txt", StatusCode::UNAUTHORIZED),
        ("/r/unknown/R-1.1/a.txt", StatusCode::UNAUTHORIZED),
    ];
    for (address, status) in cases {
        let got = shelf.fetch(address).await;
        assert_eq!(got.status, status, "{address}");
        if status != StatusCode::OK {
            got.problem();
            assert_eq!(got.header("cache-control"), "no-store");
        }
    }
    let (private, unknown) = (shelf.fetch("/e/site/development/a.txt").await, shelf.fetch("/e/unknown/x/a.txt").await);
    assert_eq!(private.problem(), unknown.problem(), "they can't be told apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_credentials_what_they_are_for() {
    let shelf = shelf_with_secrets().await;
    let other: ProjectName = of("other");
    create_project(&shelf.engine, &shelf.caller(), &other, "").await.expect("a project can be made");
    let viewer = shelf.viewer("site", None).await;
    let developer = shelf.viewer("site", Some("development")).await;
    let stranger = shelf.viewer("other", None).await;
    let cases = [
        ("/e/site/production/internal/b.txt", [200, 403, 404]),
        ("/e/site/production/internal/missing.txt", [404, 403, 404]),
        ("/e/site/development/draft.txt", [200, 200, 404]),
        ("/e/site/nowhere/a.txt", [404, 404, 404]),
        ("/e/unknown/production/a.txt", [404, 404, 404]),
        ("/r/site/R-2.1/draft.txt", [200, 200, 404]),
        ("/r/site/R-9.1/draft.txt", [404, 404, 404]),
        ("/e/site/production/a.txt", [200, 200, 200]),
    ];
    for (address, statuses) in cases {
        for (token, status) in [&viewer, &developer, &stranger].into_iter().zip(statuses) {
            let got = shelf.fetch_as(token, address).await;
            assert_eq!(got.status.as_u16(), status, "{address}");
        }
    }
    let private = shelf.fetch_as(&viewer, "/e/site/production/internal/b.txt").await;
    assert_eq!(private.body, SECRET);
    assert_eq!((private.header("cache-control"), private.header("vary")), ("private, no-cache", "Authorization"));
    assert_eq!(
        (private.header("access-control-allow-origin"), private.header("cross-origin-resource-policy")),
        ("", "same-origin")
    );
    let exact = shelf.fetch_as(&viewer, "/r/site/R-2.1/draft.txt").await;
    assert_eq!(exact.header("cache-control"), "private, no-cache");
    let wrong = shelf.fetch_as("smt_wrong", "/e/site/development/draft.txt").await;
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_is_told_only_to_who_may_know_it() {
    let shelf = shelf_with_secrets().await;
    let other = Site { name: of("other"), ..shelf.site.clone() };
    create_project(&shelf.engine, &shelf.caller(), &other.name, "").await.expect("a project can be made");
    let foreign = Bytes::from_static(b"foreign");
    other.put("f.txt", foreign.clone()).await;
    let viewer = shelf.viewer("site", None).await;
    let stranger = shelf.viewer("other", None).await;
    let nowhere = Bytes::from_static(b"nowhere");
    // Address; status without credentials, for a viewer of `site`, for a viewer of `other`.
    let cases = [
        (named("site", &PRESS), [200, 200, 200]),
        (named("site", &SECRET), [404, 200, 404]),
        (named("site", &DRAFT), [404, 200, 404]),
        (named("site", &foreign), [404, 404, 404]),
        (named("other", &foreign), [404, 404, 200]),
        (named("other", &PRESS), [404, 404, 404]),
        (named("site", &nowhere), [404, 404, 404]),
        (named("unknown", &PRESS), [404, 404, 404]),
    ];
    for (address, statuses) in cases {
        let got = [
            shelf.fetch(&address).await,
            shelf.fetch_as(&viewer, &address).await,
            shelf.fetch_as(&stranger, &address).await,
        ];
        assert_eq!(got.each_ref().map(|answer| answer.status.as_u16()), statuses, "{address}");
        let problems = got.iter().filter(|answer| answer.status != StatusCode::OK);
        let sentences: std::collections::BTreeSet<String> = problems.map(|answer| answer.problem()).collect();
        assert!(sentences.len() <= 1, "{sentences:?}");
    }
    let malformed = shelf.fetch("/c/site/ABC/x.txt").await;
    assert_eq!((malformed.status, &malformed.json()["field"]), (StatusCode::BAD_REQUEST, &"content".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_environment_hides_even_what_rules_make_public() {
    let shelf = shelf_with_secrets().await;
    assert_eq!(shelf.fetch("/e/site/production/internal/press/c.txt").await.status, StatusCode::OK);

    shelf.set_visibility("production", Visibility::Private).await;

    for address in
        ["/e/site/production/internal/press/c.txt", "/r/site/R-1.1/a.txt", "/e/site/production/-/manifest.json"]
    {
        assert_eq!(shelf.fetch(address).await.status, StatusCode::UNAUTHORIZED, "{address}");
    }
}
