//! Steps: whatever is asked, an item's authorisation covers exactly what its authoriser has seen.

use std::collections::BTreeSet;

use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::work_item::{Transition, WorkStatus};
use shelfmark_engine::operations::work::{WorkItemDraft, create_work_item, detach};

use super::{asked_by, at, attached, authorised, draft, enter, history, item, status, step, try_attach, try_step};
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::of;

laws![of rows:
    numbers_have_no_gaps,
    no_sequence_of_calls_authorises_what_was_not_seen,
    another_set_of_versions_voids_the_authorisation,
    who_asked_for_it_says_yes_and_others_only_in_their_place,
    what_is_over_takes_no_versions,
];

async fn numbers_have_no_gaps(ground: &Ground) {
    let editor = asked_by(ground, "ed", Role::Editor).await;
    assert_eq!(enter(&editor, "one").await, of("W-1"));
    let wrong = WorkItemDraft { requester: Some(of("nobody")), ..draft("two") };
    let refused = create_work_item(&editor.engine, &editor.caller(), &editor.name, wrong).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::NotFound);
    assert_eq!(enter(&editor, "two").await, of("W-2"));
    let other = ground.another_project("other").await;
    assert_eq!(enter(&other, "one").await, of("W-1"));
    let row = item(&editor, of("W-2")).await;
    assert_eq!((row.requester.as_str(), row.status, row.revision), ("@ed", WorkStatus::Open, 1));
}

async fn no_sequence_of_calls_authorises_what_was_not_seen(ground: &Ground) {
    let mut chance = Chance::new();
    let requester = asked_by(ground, "rita", Role::Viewer).await;
    let editor = asked_by(ground, "ed", Role::Editor).await;
    let number = enter(&requester, "a logo").await;
    for n in 0..3 {
        ground.put("a", format!("a{n}")).await;
        ground.put("b", format!("b{n}")).await;
    }
    let id = async |path: &str| ground.asset(path).await.unwrap().id;
    let (a, b) = (id("a").await, id("b").await);
    // What the last yes was said to, as long as it holds.
    let mut seen: Option<BTreeSet<(AssetId, i64)>> = None;
    let mut now: BTreeSet<(AssetId, i64)> = BTreeSet::new();
    for _ in 0..80 {
        let before = status(ground, number).await;
        let (path, version) = (*chance.one_of(&["a", "b"]), 1 + chance.below(3) as i64);
        let pair = (if path == "a" { a } else { b }, version);
        match chance.below(4) {
            0 => {
                let done = try_attach(&editor, number, &[at(path, version)]).await;
                assert_eq!(done.is_ok(), before.takes_versions(), "{before:?}");
                if done.is_ok_and(|done| done.changed == 1) {
                    now.insert(pair);
                    seen = None;
                }
            }
            1 => {
                let versions = [at(path, version)];
                let done = detach(&editor.engine, &editor.caller(), &editor.name, number, &versions, None).await;
                if done.is_ok_and(|done| done.changed == 1) {
                    now.remove(&pair);
                    seen = None;
                }
            }
            _ => {
                let by = if chance.below(2) == 0 { &requester } else { &editor };
                let step = *chance.one_of(Transition::ALL);
                if let Ok(row) = try_step(by, number, step, "why").await {
                    assert_ne!(step, Transition::Release, "nobody releases by hand");
                    match row.status {
                        WorkStatus::Authorised => seen = Some(now.clone()),
                        WorkStatus::Reopened | WorkStatus::Rejected => seen = None,
                        _ => {}
                    }
                }
            }
        }
        let valid = authorised(ground, number).await.map(BTreeSet::from_iter);
        assert_eq!(valid, seen, "after {before:?}");
        let is_authorised = status(ground, number).await == WorkStatus::Authorised;
        assert!(!is_authorised || valid == Some(now.clone()));
    }
}

async fn another_set_of_versions_voids_the_authorisation(ground: &Ground) {
    for bytes in ["one", "two"] {
        ground.put("logo.svg", bytes).await;
    }
    let number = super::authorised_item(ground, "a logo", &[at("logo.svg", 1)]).await;
    let revision = item(ground, number).await.revision;

    let same = try_attach(ground, number, &[at("logo.svg", 1)]).await.unwrap();
    assert_eq!((same.changed, same.status, same.revision), (0, WorkStatus::Authorised, revision));
    let done = try_attach(ground, number, &[at("logo.svg", 2)]).await.unwrap();

    assert_eq!((done.changed, done.total, done.status), (1, 2, WorkStatus::Resolved));
    assert!(done.revision > revision);
    assert_eq!(authorised(ground, number).await, None);
    assert_eq!(
        history(ground, number).await,
        [
            "work_item.created",
            "work_item.versions_attached",
            "work_item.resolved",
            "work_item.authorised",
            "work_item.versions_attached",
            "work_item.authorisation_voided",
        ]
    );
    step(ground, number, Transition::Authorise).await;
    let versions = [at("logo.svg", 1)];
    let done = detach(&ground.engine, &ground.caller(), &ground.name, number, &versions, None).await.unwrap();
    assert_eq!((done.total, done.status), (1, WorkStatus::Resolved));
    assert_eq!(attached(ground, number).await, [("logo.svg".to_owned(), 2)]);
}

async fn who_asked_for_it_says_yes_and_others_only_in_their_place(ground: &Ground) {
    let requester = asked_by(ground, "rita", Role::Viewer).await;
    let editor = asked_by(ground, "ed", Role::Editor).await;
    let manager = asked_by(ground, "max", Role::ReleaseManager).await;
    let number = enter(&requester, "a logo").await;
    let kind = |refused: super::WorkError| refused.kind();
    let start = try_step(&requester, number, Transition::Start, "").await;
    assert_eq!(start.map_err(kind), Err(FailureKind::Forbidden));
    step(&editor, number, Transition::Start).await;
    step(&editor, number, Transition::Resolve).await;
    let editors = try_step(&editor, number, Transition::Authorise, "looks good").await;
    assert_eq!(editors.map_err(kind), Err(FailureKind::Forbidden));
    let silent = try_step(&manager, number, Transition::Authorise, " ").await;
    assert_eq!(silent.map_err(kind), Err(FailureKind::Invalid));

    step(&manager, number, Transition::Authorise).await;
    let project = ground.row().await.number;
    let given = ground.engine.catalog.authorisation(project, number).await.unwrap().unwrap();
    assert_eq!((given.authoriser.as_str(), given.is_in_place, given.remark.as_str()), ("@max", true, "a reason"));
    step(&requester, number, Transition::Reopen).await;
    step(&editor, number, Transition::Resolve).await;
    try_step(&requester, number, Transition::Authorise, "").await.unwrap();
    let given = ground.engine.catalog.authorisation(project, number).await.unwrap().unwrap();
    assert_eq!((given.number, given.authoriser.as_str(), given.is_in_place), (2, "@rita", false));

    // Someone who works may enter what another one wants; that one says yes.
    let wanted = WorkItemDraft { requester: Some(of("rita")), ..draft("for Rita") };
    let not_theirs = WorkItemDraft { requester: Some(of("ed")), ..draft("for Ed") };
    let caller = requester.caller();
    let stranger = create_work_item(&requester.engine, &caller, &requester.name, not_theirs);
    assert_eq!(stranger.await.map_err(kind), Err(FailureKind::Forbidden));
    let row = create_work_item(&editor.engine, &editor.caller(), &editor.name, wanted).await.unwrap();
    assert_eq!((row.requester.as_str(), row.creator.as_str()), ("@rita", "@ed"));
}

async fn what_is_over_takes_no_versions(ground: &Ground) {
    ground.put("a", "a").await;
    let number = enter(ground, "nothing").await;
    step(ground, number, Transition::Reject).await;
    let before = ground.engine.catalog.audit_head().await.unwrap();
    let refused = try_attach(ground, number, &[at("a", 1)]).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Conflict);
    let unknown = try_attach(ground, of("W-99"), &[at("a", 1)]).await.unwrap_err();
    assert_eq!(unknown.kind(), FailureKind::NotFound);
    let missing = try_attach(ground, number, &[at("a", 7)]).await.unwrap_err();
    assert_eq!(missing.kind(), FailureKind::NotFound);
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap(), before);
}
