//! Tokens and what they allow.

use shelfmark_domain::access::{Grant, Principal, Role};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_engine::operations::{
    Caller, Expect, TokenError, authenticate, bootstrap, create_release, create_token, edit_metadata, remove,
    revoke_token,
};

use super::ground::Ground;
use crate::laws::ground::site::{Site, of, titled, token_for};

laws![
    a_token_speaks_until_it_expires_or_is_revoked,
    each_role_does_what_it_may_and_no_more,
    a_project_that_may_not_be_seen_does_not_exist,
    a_token_that_makes_no_sense_is_not_made,
    the_first_token_is_made_once,
];

fn grant(role: Role, project: Option<&str>, environment: Option<&str>) -> Grant {
    Grant { role, project: project.map(of), environment: environment.map(of) }
}

/// The site as the holder of a new token sees it.
async fn holder(site: &Site, grant: Grant) -> Site {
    let (_, secret) = create_token(&site.engine, &site.caller(), token_for("a token", grant, None)).await.unwrap();
    site.asked_by(who(site, &secret).await.unwrap())
}

async fn who(site: &Site, secret: &str) -> Option<Principal> {
    authenticate(&site.engine, secret).await.unwrap().map(|(principal, _)| principal)
}

async fn a_token_speaks_until_it_expires_or_is_revoked(ground: &Ground) {
    let clock = ground.engine.clock.clone();
    let everything = grant(Role::Viewer, None, None);
    let end = clock.now().plus_ms(60_000);
    let expiring =
        create_token(&ground.engine, &ground.caller(), token_for("soon", everything.clone(), Some(end))).await.unwrap();
    let (lasting, secret) =
        create_token(&ground.engine, &ground.caller(), token_for("long", everything, None)).await.unwrap();

    assert_eq!(who(ground, &expiring.1).await.unwrap().name, "soon");
    assert_eq!(who(ground, &secret).await.unwrap().id, lasting.id);
    for wrong in ["", "smt_", &secret[1..], &format!("{secret}0"), &secret.to_uppercase(), &"x".repeat(100_000)] {
        assert!(who(ground, wrong).await.is_none());
    }
    clock.jump_ms(60_001);
    assert!(who(ground, &expiring.1).await.is_none(), "its time is over");
    revoke_token(&ground.engine, &ground.caller(), &lasting.id).await.unwrap();
    assert!(who(ground, &secret).await.is_none(), "it is revoked");
    let again = revoke_token(&ground.engine, &ground.caller(), &lasting.id).await.unwrap();
    assert!(again.revoked_at.is_some());
    let unknown = revoke_token(&ground.engine, &ground.caller(), "nothing").await;
    assert!(matches!(unknown, Err(TokenError::NoToken(_))));
    let listed = ground.engine.catalog.tokens(None, 10).await.unwrap().items;
    assert_eq!(listed.len(), 2);
    assert!(!format!("{listed:?}").contains(&secret[4..]), "nobody can read a secret");
}

async fn each_role_does_what_it_may_and_no_more(ground: &Ground) {
    ground.put("a", "x").await;
    let build = ground.build_latest().await;
    let id = ground.asset("a").await.unwrap().id;
    let roles = [Role::Viewer, Role::Editor, Role::ReleaseManager, Role::Administrator];
    for (n, role) in roles.into_iter().enumerate() {
        let site = holder(ground, grant(role, Some("site"), None)).await;
        let title = shelfmark_domain::metadata::Metadata { title: Some(format!("{n}")), ..Default::default() };
        let done = [
            (1, site.upload(&format!("{n}"), Default::default(), "x").await.map(drop).map_err(|e| e.kind())),
            (
                1,
                edit_metadata(&site.engine, site.caller(), &site.name, id, title, Expect::Anything, "".into())
                    .await
                    .map(drop)
                    .map_err(|e| e.kind()),
            ),
            (
                2,
                create_release(&site.engine, &site.caller(), &site.name, titled("x"))
                    .await
                    .map(drop)
                    .map_err(|e| e.kind()),
            ),
            (2, site.try_promote("production", build.name, None).await.map(drop).map_err(|e| e.kind())),
            (
                3,
                create_token(
                    &site.engine,
                    &site.caller(),
                    token_for("x", grant(Role::Viewer, Some("site"), None), None),
                )
                .await
                .map(drop)
                .map_err(|e| e.kind()),
            ),
            (
                9,
                create_token(&site.engine, &site.caller(), token_for("x", grant(Role::Viewer, None, None), None))
                    .await
                    .map(drop)
                    .map_err(|e| e.kind()),
            ),
        ];
        for (least, done) in done {
            assert_eq!(done, if n >= least { Ok(()) } else { Err(FailureKind::Forbidden) }, "{role:?} {least}");
        }
    }
    let stager = holder(ground, grant(Role::ReleaseManager, Some("site"), Some("staging"))).await;
    stager.promote("staging", build.name).await;
    let elsewhere = stager.try_promote("development", build.name, None).await.unwrap_err();
    assert_eq!(elsewhere.kind(), FailureKind::Forbidden);
    let removed = remove(&stager.engine, stager.caller(), &stager.name, of("a"), Expect::Anything, String::new()).await;
    assert_eq!(removed.unwrap_err().kind(), FailureKind::Forbidden);
}

async fn a_project_that_may_not_be_seen_does_not_exist(ground: &Ground) {
    let other = ground.another_project("other").await;
    let stranger = holder(&other, grant(Role::Administrator, Some("other"), None)).await;
    for name in ["site", "nothing"] {
        let there = Site { name: of(name), ..stranger.clone() };
        let error = there.upload("a", Default::default(), "x").await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::NotFound);
        assert!(error.to_string().contains("no project"), "{error}");
        assert_eq!(there.try_promote("production", of("R-1.1"), None).await.unwrap_err().kind(), FailureKind::NotFound);
    }
}

async fn a_token_that_makes_no_sense_is_not_made(ground: &Ground) {
    let now = ground.engine.clock.now();
    let viewer = || grant(Role::Viewer, None, None);
    let cases = [
        ("", viewer(), None, FailureKind::Invalid),
        ("a\0b", viewer(), None, FailureKind::Invalid),
        ("past", viewer(), Some(now.plus_ms(-1)), FailureKind::Invalid),
        ("nowhere", grant(Role::Viewer, None, Some("staging")), None, FailureKind::Invalid),
        ("unknown", grant(Role::Viewer, Some("unknown"), None), None, FailureKind::NotFound),
    ];
    for (name, grant, end, kind) in cases {
        let error = create_token(&ground.engine, &ground.caller(), token_for(name, grant, end)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name:?}: {error}");
    }
    assert!(ground.engine.catalog.tokens(None, 10).await.unwrap().items.is_empty());
}

async fn the_first_token_is_made_once(ground: &Ground) {
    for weak in ["short", &"x".repeat(23), &"x y".repeat(20), &"x".repeat(257)] {
        assert!(matches!(bootstrap(&ground.engine, Some(weak)).await, Err(TokenError::Secret)));
    }
    let given = "a-secret-that-is-long-enough-for-a-test";
    assert_eq!(bootstrap(&ground.engine, Some(given)).await.unwrap(), None, "who gave it knows it");
    let first = who(ground, given).await.unwrap();
    let caller = Caller::new(first, ground.engine.clock.now());
    create_token(&ground.engine, &caller, token_for("next", grant(Role::Administrator, None, None), None))
        .await
        .unwrap();
    assert_eq!(bootstrap(&ground.engine, Some("another-secret-that-is-long-enough")).await.unwrap(), None);
    assert!(who(ground, "another-secret-that-is-long-enough").await.is_none());
}
