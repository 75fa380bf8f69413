//! Entity tags, dates, and what the answer to a HEAD says.

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use shelfmark_domain::hash::ContentId;

use super::shelf::{Shelf, answer};
use crate::laws::ground::chance::noise;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_what_it_is() {
    let shelf = Shelf::start().await;
    let build = shelf.publish([("img/logo.svg", Bytes::from_static(b"<svg/>")), ("a.bin", noise(1, 100))]).await;

    let logo = shelf.fetch("/e/site/production/img/logo.svg").await;

    assert_eq!(logo.body, "<svg/>");
    assert_eq!(logo.header("etag"), format!("\"{}\"", ContentId::of(b"<svg/>")));
    assert_eq!(logo.header("content-type"), "image/svg+xml");
    assert_eq!(logo.header("shelfmark-release"), build);
    assert_eq!(logo.header("cache-control"), "public, max-age=10, stale-while-revalidate=60");
    assert_eq!(logo.header("accept-ranges"), "bytes");
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    assert!(logo.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
    assert_eq!(logo.header("access-control-allow-origin"), "*");
    assert_eq!(logo.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(logo.header("vary"), "");
    assert_eq!(shelf.fetch("/e/site/production/a.bin").await.header("content-security-policy"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_it_gets_no_bytes() {
    let shelf = Shelf::start().await;
    shelf.publish([("a.txt", Bytes::from_static(b"a")), ("large.bin", noise(2, 3 << 20))]).await;
    for path in ["a.txt", "large.bin"] {
        let address = format!("/e/site/production/{path}");
        let tag = shelf.fetch(&address).await.header("etag").to_owned();

        let kept = answer(shelf.get(&address).header("if-none-match", &tag)).await;
        let listed = answer(shelf.get(&address).header("if-none-match", format!("\"x\", W/{tag}"))).await;
        let other = answer(shelf.get(&address).header("if-none-match", "\"x\"")).await;

        assert_eq!((kept.status, kept.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!((kept.header("etag"), kept.header("cache-control").is_empty()), (tag.as_str(), false));
        assert_eq!(listed.status, StatusCode::NOT_MODIFIED);
        assert_eq!(other.status, StatusCode::OK);
        let failed = answer(shelf.get(&address).header("if-match", "\"x\"")).await;
        assert_eq!(failed.status, StatusCode::PRECONDITION_FAILED);
        failed.problem();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_a_change_for_a_client_that_compares_dates() {
    let shelf = Shelf::start().await;
    let address = "/e/site/production/a.txt";
    shelf.publish([("a.txt", Bytes::from_static(b"spring"))]).await;
    shelf.engine.clock.jump_ms(60_000);
    shelf.publish([("a.txt", Bytes::from_static(b"summer"))]).await;
    assert_eq!(shelf.fetch(address).await.header("last-modified"), "", "it may still change within this second");
    shelf.engine.clock.jump_ms(60_000);
    let summer = shelf.fetch(address).await.header("last-modified").to_owned();
    assert!(!summer.is_empty());
    let since = async |date: &str| answer(shelf.get(address).header("if-modified-since", date)).await;
    assert_eq!(since(&summer).await.status, StatusCode::NOT_MODIFIED);

    shelf.roll_back("production").await;

    let back = since(&summer).await;
    assert_eq!((back.status, back.body), (StatusCode::OK, Bytes::from_static(b"spring")));
    shelf.engine.clock.jump_ms(60_000);
    assert_eq!(since(&summer).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_says_what_a_get_would() {
    let shelf = Shelf::start().await;
    shelf.publish([("a.txt", Bytes::from_static(b"a")), ("large.bin", noise(3, 3 << 20))]).await;
    let content = ContentId::of(b"a");
    let addresses = [
        "/e/site/production/a.txt".to_owned(),
        "/e/site/production/large.bin".to_owned(),
        "/r/site/R-1.1/a.txt".to_owned(),
        format!("/c/site/{content}/a.txt"),
        "/e/site/production/-/manifest.json".to_owned(),
        "/e/site/production/-/parameters.json".to_owned(),
        "/e/site/production/missing.txt".to_owned(),
    ];
    for address in addresses {
        let (mut get, mut head) = (shelf.fetch(&address).await, answer(shelf.head(&address)).await);

        for changing in ["date", "x-request-id"] {
            get.headers.remove(changing);
            head.headers.remove(changing);
        }
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{address}");
        if get.status == StatusCode::OK {
            assert!(shelf.fetch(&address).await.body == get.body, "{address}: behind a HEAD as before it");
            assert_eq!(head.headers, get.headers, "{address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_here() {
    let shelf = Shelf::start().await;
    shelf.publish([("a.txt", Bytes::from_static(b"a"))]).await;
    for address in
        ["/e/site/production/a.txt", "/r/site/R-1.1/a.txt", "/c/site/x/y", "/e/site/production/-/manifest.json"]
    {
        for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let refused = answer(reqwest::Client::new().request(method, shelf.url(address))).await;

            assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
            refused.problem();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_saved_under_its_own_name() {
    let shelf = Shelf::start().await;
    shelf.publish([("img/größe \"1\".svg", Bytes::from_static(b"<svg/>"))]).await;
    let address = "/e/site/production/img/gr%C3%B6%C3%9Fe%20%221%22.svg";

    let shown = shelf.fetch(address).await;
    let saved = shelf.fetch(&format!("{address}?utm_source=x&download")).await;

    assert_eq!(shown.header("content-disposition"), "");
    let disposition = "attachment; filename=\"gr__e _1_.svg\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22.svg";
    assert_eq!(saved.header("content-disposition"), disposition);
    assert_eq!(saved.body, shown.body);
}
