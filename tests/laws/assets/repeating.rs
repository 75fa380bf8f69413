//! A request that is repeated with its key has one effect and one outcome.

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_engine::operations::{
    AccessError, AddedChange as Add, Base, BatchError, BuildError, CommitError, Expect, Move, Promotion, ReleaseError,
    Way, batch, build, create_project, create_release, move_assets, promote, revert,
};

use super::tars::tar_of;
use crate::laws::ground::Ground;
use crate::laws::ground::site::{at_once, body, of, titled};

laws![
    a_repeated_release_is_made_once,
    a_repeated_build_is_made_once,
    a_repeated_batch_is_carried_out_once,
    a_change_that_is_sent_many_times_at_once_is_made_once,
    a_repeated_project_is_made_once,
    a_key_belongs_to_whoever_used_it,
];

async fn a_repeated_release_is_made_once(ground: &Ground) {
    let make = |key: &str, title: &str| {
        let (site, caller, title) = (ground.site.clone(), ground.caller_with_key(key, title), title.to_owned());
        async move { create_release(&site.engine, &caller, &site.name, titled(title)).await }
    };
    let first = make("k", "spring").await.unwrap();
    assert_eq!(make("k", "spring").await.unwrap().number, first.number);
    let reused = make("k", "summer").await.unwrap_err();
    assert!(
        matches!(reused, ReleaseError::Access(AccessError::KeyReused(_))) && reused.kind() == FailureKind::Conflict
    );

    let many = at_once((0..16).map(|_| make("racing", "autumn"))).await;
    for made in many {
        match made {
            Ok(release) => assert_eq!(release.number, of("R-2")),
            Err(error) => assert_eq!(error.kind(), FailureKind::Busy, "{error:?}"),
        }
    }
    assert_eq!(make("racing", "autumn").await.unwrap().number, of("R-2"));
    assert_eq!(make("other", "winter").await.unwrap().number, of("R-3"));
}

async fn a_repeated_build_is_made_once(ground: &Ground) {
    ground.put("a", "x").await;
    let release = ground.release(vec![Add::Latest]).await;
    let make = |key: &str, what: &str| {
        let (site, caller) = (ground.site.clone(), ground.caller_with_key(key, what));
        async move { build(&site.engine, &caller, &site.name, release, Base::Empty).await }
    };
    let many = at_once((0..8).map(|_| make("k", "empty"))).await;
    for made in many {
        match made {
            Ok(build) => assert_eq!(build.name, of("R-1.1")),
            Err(error) => assert_eq!(error.kind(), FailureKind::Busy, "{error:?}"),
        }
    }
    assert_eq!(make("k", "empty").await.unwrap().name, of("R-1.1"));
    assert!(matches!(make("k", "other").await, Err(BuildError::Access(AccessError::KeyReused(_)))));
    assert_eq!(make("l", "empty").await.unwrap().name, of("R-1.2"));
}

async fn a_repeated_batch_is_carried_out_once(ground: &Ground) {
    let make = |key: &str, bytes: &'static [u8]| {
        let (site, caller) = (ground.site.clone(), ground.caller_with_key(key, &String::from_utf8_lossy(bytes)));
        let tar = tar_of([("a", bytes), ("b", b"always")]);
        async move { batch(&site.engine, caller, &site.name, String::new(), None, body(tar)).await }
    };
    let first = make("k", b"1").await.unwrap();
    ground.put("a", "2").await;
    let again = make("k", b"1").await.unwrap();
    assert_eq!((again.summary, again.files), (first.summary, first.files));
    assert_eq!(ground.bytes("a").await, b"2", "what came later stays");
    assert_eq!(make("k", b"3").await.unwrap_err().kind(), FailureKind::Conflict);

    let many = at_once((0..12).map(|_| make("racing", b"4"))).await;
    for made in many {
        match made {
            Ok(_) => {}
            Err(BatchError::Commit(CommitError::Access(error))) => assert_eq!(error.kind(), FailureKind::Busy),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(ground.versions("a").await.len(), 3);
}

async fn a_change_that_is_sent_many_times_at_once_is_made_once(ground: &Ground) {
    let id = ground.put("a", "1").await.asset.unwrap().id;
    ground.put("a", "2").await;
    let first = ground.build_latest().await.name;
    ground.promote("production", first).await;
    ground.put("a", "3").await;
    let second = ground.build_latest().await.name;
    ground.put("b", "b").await;
    let head = ground.engine.catalog.audit_head().await.unwrap().0;
    let kinds = at_once((0..24).map(|n| {
        let (site, caller) = (ground.site.clone(), ground.caller_with_key(&format!("k{}", n % 3), "the same"));
        async move {
            let (engine, name) = (&site.engine, &site.name);
            match n % 3 {
                0 => revert(engine, caller, name, id, 1, Expect::Anything, "".into()).await.map_err(|e| e.kind()).err(),
                1 => {
                    let what = Move::Asset { from: of("b"), to: of("c") };
                    move_assets(engine, caller, name, what, "".into()).await.map_err(|e| e.kind()).err()
                }
                _ => {
                    let to = Promotion {
                        environment: of("production"),
                        build: second,
                        reason: "".into(),
                        way: Way::Person,
                        expected: None,
                    };
                    promote(engine, &caller, name, to).await.map_err(|e| e.kind()).err()
                }
            }
        }
    }))
    .await;
    assert!(kinds.iter().flatten().all(|kind| *kind == FailureKind::Busy), "{kinds:?}");
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap().0, head + 3);
    assert_eq!((ground.versions("a").await.len(), ground.deployments("production").await.len()), (4, 2));
}

async fn a_repeated_project_is_made_once(ground: &Ground) {
    let make = |title: &str| {
        let (site, caller, title) = (ground.site.clone(), ground.caller_with_key("k", title), title.to_owned());
        async move { create_project(&site.engine, &caller, &of("shop"), &title).await }
    };
    let first = make("Shop").await.unwrap();
    assert_eq!(make("Shop").await.unwrap(), first);
    assert_eq!(make("Other").await.unwrap_err().kind(), FailureKind::Conflict);
}

async fn a_key_belongs_to_whoever_used_it(ground: &Ground) {
    let mut other = ground.who.clone();
    other.id = "someone else".into();
    let mut numbers = Vec::new();
    for site in [ground.site.clone(), ground.asked_by(other)] {
        let caller = site.caller_with_key("k", "same");
        numbers.push(create_release(&site.engine, &caller, &site.name, titled("same")).await.unwrap().number.get());
    }
    assert_eq!(numbers, [1, 2]);
}
