//! Grouping: items bring their versions into a release, gates see what is authorised and tested, deployments carry
//! items on.

use std::collections::BTreeMap;

use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::work_item::{TestOutcome, Transition, WorkStatus};
use shelfmark_engine::catalog::{ChangeValue, Snapshot};
use shelfmark_engine::operations::work::{
    EvidenceDraft, close_items, detach, file_evidence, release_items, remove_item, trace, unrelease_items,
};
use shelfmark_engine::operations::{AddedChange as Add, Base, add_changes};

use super::{asked_by, at, attached, authorised_item, enter, group, history, item, status, step, try_attach, try_step};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    items_bring_their_versions_and_take_them_out_again,
    what_a_person_has_pinned_by_hand_stays,
    only_what_is_authorised_is_added_unless_said_otherwise,
    a_gate_sees_whether_exactly_what_is_pinned_was_authorised,
    of_each_test_case_the_last_result_on_the_manifest_counts,
    deployments_carry_items_on_and_back_and_the_end_of_a_release_closes_them,
    a_trace_leads_to_every_build_and_the_moment_it_went_live,
];

/// A release's pins: paths and versions.
async fn pins(site: &Site, release: ReleaseNumber) -> BTreeMap<String, i64> {
    let project = site.row().await.number;
    let page = site.engine.catalog.changes(project, release, "", 10_000).await.unwrap();
    let pin = |line: shelfmark_engine::catalog::PinnedChange| match line.change.value {
        ChangeValue::Pin { version, .. } => Some((line.change.key, version)),
        _ => None,
    };
    page.items.into_iter().filter_map(pin).collect()
}

fn map<const N: usize>(pins: [(&str, i64); N]) -> BTreeMap<String, i64> {
    pins.into_iter().map(|(path, version)| (path.to_owned(), version)).collect()
}

async fn versions(site: &Site, path: &str, count: usize) {
    for n in 0..count {
        site.put(path, format!("{path} {n}")).await;
    }
}

async fn take_out(site: &Site, release: ReleaseNumber, number: &str) -> u64 {
    let removed = remove_item(&site.engine, &site.caller(), &site.name, release, of(number), None).await;
    removed.unwrap().lines
}

async fn items_bring_their_versions_and_take_them_out_again(ground: &Ground) {
    versions(ground, "a", 3).await;
    versions(ground, "b", 2).await;
    versions(ground, "c", 1).await;
    let release = ground.release(Vec::new()).await;
    let one = authorised_item(ground, "one", &[at("a", 1), at("a", 2), at("b", 1)]).await;
    let two = authorised_item(ground, "two", &[at("a", 3), at("c", 1)]).await;

    assert_eq!(group(ground, release, &[one], false).await.unwrap().lines, 2);
    assert_eq!(pins(ground, release).await, map([("a", 2), ("b", 1)]));
    group(ground, release, &[two], false).await.unwrap();
    assert_eq!(pins(ground, release).await, map([("a", 3), ("b", 1), ("c", 1)]));

    // Added again, an item brings what answers it now.
    try_attach(ground, one, &[at("b", 2)]).await.unwrap();
    step(ground, one, Transition::Authorise).await;
    group(ground, release, &[one, one], false).await.unwrap();
    assert_eq!(pins(ground, release).await, map([("a", 3), ("b", 2), ("c", 1)]));
    detach(&ground.engine, &ground.caller(), &ground.name, one, &[at("b", 2)], None).await.unwrap();
    step(ground, one, Transition::Authorise).await;
    group(ground, release, &[one], false).await.unwrap();
    assert_eq!(pins(ground, release).await, map([("a", 3), ("b", 1), ("c", 1)]));
    assert_eq!(group(ground, release, &[one, two], false).await.unwrap().lines, 0, "nothing is new");

    assert_eq!(take_out(ground, release, "W-2").await, 2);
    assert_eq!(pins(ground, release).await, map([("a", 2), ("b", 1)]), "the other item still asks for one of them");
    assert_eq!(take_out(ground, release, "W-1").await, 2);
    assert_eq!(pins(ground, release).await, map([]));
    let again = remove_item(&ground.engine, &ground.caller(), &ground.name, release, one, None).await.unwrap_err();
    assert_eq!(again.kind(), FailureKind::NotFound);
    assert!(history(ground, one).await.ends_with(&["work_item.removed_from_release".to_owned()]));
    assert_eq!(item(ground, one).await.release, None);
}

async fn what_a_person_has_pinned_by_hand_stays(ground: &Ground) {
    versions(ground, "a", 3).await;
    versions(ground, "b", 3).await;
    let by_hand = |path: &str, version| Add::Asset { path: of(path), version: Some(version) };
    let release = ground.release(vec![by_hand("a", 3), by_hand("b", 1)]).await;
    let one = authorised_item(ground, "one", &[at("a", 2), at("b", 2)]).await;
    group(ground, release, &[one], false).await.unwrap();
    assert_eq!(pins(ground, release).await, map([("a", 3), ("b", 2)]), "no line goes back to a lower version");

    let later = vec![by_hand("b", 3)];
    add_changes(&ground.engine, &ground.caller(), &ground.name, release, later, None).await.unwrap();
    take_out(ground, release, "W-1").await;

    assert_eq!(pins(ground, release).await, map([("a", 3), ("b", 3)]), "these came not only with the item");
}

async fn only_what_is_authorised_is_added_unless_said_otherwise(ground: &Ground) {
    ground.put("a", "a").await;
    let release = ground.release(Vec::new()).await;
    let number = enter(ground, "a logo").await;
    try_attach(ground, number, &[at("a", 1)]).await.unwrap();
    let refused = group(ground, release, &[number], true).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Conflict, "{refused}");
    step(ground, number, Transition::Resolve).await;
    let refused = group(ground, release, &[number], false).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Conflict, "{refused}");
    group(ground, release, &[number], true).await.unwrap();

    let other = ground.release(Vec::new()).await;
    let refused = group(ground, other, &[number], true).await.unwrap_err();
    assert!(refused.to_string().contains("R-1"), "{refused}");
    for step in [Transition::Reject, Transition::Close] {
        let refused = try_step(ground, number, step, "why").await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Conflict, "{refused}");
    }
    let editor = asked_by(ground, "ed", Role::Editor).await;
    let refused = group(&editor, release, &[number], true).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Forbidden);
    assert_eq!(item(ground, number).await.release, Some(release));
    take_out(ground, release, "W-1").await;
    group(ground, other, &[number], true).await.unwrap();
    assert_eq!(item(ground, number).await.release, Some(other));
}

async fn a_gate_sees_whether_exactly_what_is_pinned_was_authorised(ground: &Ground) {
    versions(ground, "a", 3).await;
    let release = ground.release(Vec::new()).await;
    let number = authorised_item(ground, "a logo", &[at("a", 1), at("a", 2)]).await;
    group(ground, release, &[number], false).await.unwrap();
    let project = ground.row().await.number;
    let ready = async || snapshot(ground).await.reading().item_readiness(project, release).await.unwrap().remove(0);
    let now = ready().await;
    assert!(now.is_authorised() && now.item == number && now.authorised_by.as_deref() == Some("Ada"), "{now:?}");

    let repinned = vec![Add::Asset { path: of("a"), version: Some(3) }];
    add_changes(&ground.engine, &ground.caller(), &ground.name, release, repinned, None).await.unwrap();
    let now = ready().await;
    assert!(!now.is_authorised());
    assert_eq!((now.mismatches[0].authorised, now.mismatches[0].pinned), (2, Some(3)));
    let keys = ["a".to_owned()];
    let removed = shelfmark_engine::operations::remove_changes;
    removed(&ground.engine, &ground.caller(), &ground.name, release, &keys, None).await.unwrap();
    assert_eq!(ready().await.mismatches[0].pinned, None);
    group(ground, release, &[number], false).await.unwrap();
    assert!(ready().await.is_authorised());

    try_attach(ground, number, &[at("a", 3)]).await.unwrap();
    let now = ready().await;
    assert_eq!((now.is_authorised(), now.status, now.authorised_by), (false, WorkStatus::Resolved, None));
    step(ground, number, Transition::Authorise).await;
    assert!(!ready().await.is_authorised(), "the release pins what was there before");
    group(ground, release, &[number], false).await.unwrap();
    assert!(ready().await.is_authorised());
}

async fn test(site: &Site, case: &str, outcome: TestOutcome, build: Option<BuildName>) -> bool {
    let (expected, actual) = ("blue".to_owned(), "red".to_owned());
    let files = vec![at("a", 1)];
    let draft = EvidenceDraft { test_case: case.to_owned(), expected, actual, outcome, build, files };
    file_evidence(&site.engine, &site.caller(), &site.name, of("W-1"), draft).await.unwrap().is_void
}

async fn of_each_test_case_the_last_result_on_the_manifest_counts(ground: &Ground) {
    versions(ground, "a", 2).await;
    let number = authorised_item(ground, "a logo", &[at("a", 1)]).await;
    let release = ground.release(Vec::new()).await;
    group(ground, release, &[number], false).await.unwrap();
    let build = ground.try_build(release, Base::Empty).await.unwrap();
    let (pass, fail) = (TestOutcome::Pass, TestOutcome::Fail);
    for (case, outcome) in [("phone", fail), ("print", pass), ("phone", pass), ("print", fail), ("desk", pass)] {
        assert!(!test(ground, case, outcome, Some(build.name)).await);
    }
    test(ground, "unbound", pass, None).await;
    let project = ground.row().await.number;
    let catalog = &ground.engine.catalog;
    let tests = snapshot(ground).await.reading().item_tests(project, release, build.manifest).await.unwrap().remove(0);
    assert_eq!(
        (tests.item, tests.passed, tests.failed),
        (number, vec!["desk".to_owned(), "phone".to_owned()], vec!["print".to_owned()])
    );

    let repinned = vec![Add::Asset { path: of("a"), version: Some(2) }];
    add_changes(&ground.engine, &ground.caller(), &ground.name, release, repinned, None).await.unwrap();
    let next = ground.try_build(release, Base::Empty).await.unwrap();

    let tests = snapshot(ground).await.reading().item_tests(project, release, next.manifest).await.unwrap().remove(0);
    assert!(tests.passed.is_empty() && tests.failed.is_empty(), "what was tested was something else");
    let evidence = catalog.evidence_of_build(project, build.name, None, 100).await.unwrap().items;
    assert_eq!(evidence.len(), 5);
    assert!(evidence.iter().all(|one| one.is_void && one.evidence.files.len() == 1));
    let all = catalog.evidence_of_item(project, number, None, 100).await.unwrap().items;
    assert_eq!((all.len(), all[0].is_void), (6, false), "what is bound to no build can't be void");
    assert!(!test(ground, "phone", pass, Some(next.name)).await);
    assert!(test(ground, "phone", pass, Some(build.name)).await);
}

async fn deployments_carry_items_on_and_back_and_the_end_of_a_release_closes_them(ground: &Ground) {
    ground.put("a", "a").await;
    let release = ground.release(Vec::new()).await;
    let yes = authorised_item(ground, "authorised", &[at("a", 1)]).await;
    let maybe = enter(ground, "resolved").await;
    step(ground, maybe, Transition::Resolve).await;
    let open = enter(ground, "reopened").await;
    step(ground, open, Transition::Resolve).await;
    group(ground, release, &[yes, maybe, open], true).await.unwrap();
    step(ground, open, Transition::Reopen).await;
    let project = ground.row().await;
    let (caller, production) = (ground.caller(), of("production"));
    let build = BuildName { release, number: 1 };
    let statuses = async || [status(ground, yes).await, status(ground, maybe).await, status(ground, open).await];

    for _ in 0..2 {
        let mut write = caller.begin(&ground.engine.catalog).await.unwrap();
        let carried = release_items(&mut write, &caller, &project, release, &production, build).await.unwrap();
        assert_eq!(carried, [yes, maybe]);
        write.commit().await.unwrap();
        assert_eq!(statuses().await, [WorkStatus::Released, WorkStatus::Released, WorkStatus::Reopened]);
        let mut write = caller.begin(&ground.engine.catalog).await.unwrap();
        assert_eq!(unrelease_items(&mut write, &caller, &project, release, &production).await.unwrap(), [yes, maybe]);
        write.commit().await.unwrap();
        assert_eq!(statuses().await, [WorkStatus::Authorised, WorkStatus::Resolved, WorkStatus::Reopened]);
    }
    let mut write = caller.begin(&ground.engine.catalog).await.unwrap();
    assert!(close_items(&mut write, &caller, &project, release).await.unwrap().is_empty());
    release_items(&mut write, &caller, &project, release, &production, build).await.unwrap();
    assert_eq!(close_items(&mut write, &caller, &project, release).await.unwrap(), [yes, maybe]);
    drop(write);
    assert_eq!(statuses().await[0], WorkStatus::Authorised, "a change that is given up carries nothing");
    let released = history(ground, yes).await.iter().filter(|action| *action == "work_item.released").count();
    assert_eq!(released, 2);
}

async fn a_trace_leads_to_every_build_and_the_moment_it_went_live(ground: &Ground) {
    versions(ground, "a", 1).await;
    let number = authorised_item(ground, "a logo", &[at("a", 1)]).await;
    ground.put("b", "b").await;
    let empty = ground.release(vec![Add::Asset { path: of("b"), version: None }]).await;
    ground.try_build(empty, Base::Empty).await.unwrap();
    group(ground, empty, &[number], false).await.unwrap();
    let build = ground.try_build(empty, Base::Empty).await.unwrap();
    ground.promote("staging", build.name).await;
    ground.promote("production", build.name).await;

    let traced = trace(&ground.engine, &ground.row().await, number, None, 100).await.unwrap().items;

    assert_eq!(traced.len(), 1);
    assert_eq!((traced[0].version.path.as_str(), traced[0].version.version), ("a", 1));
    let found: Vec<_> = traced[0].builds.iter().map(|one| (one.build, one.deployments.len())).collect();
    assert_eq!(found, [(build.name, 2)], "the build before the item came doesn't hold it");
    assert_eq!(traced[0].builds[0].deployments[1].0, of("production"));
    let project = ground.row().await.number;
    let asset = ground.asset("a").await.unwrap().id;
    let items = ground.engine.catalog.items_of_version(project, asset, 1, 0, 10).await.unwrap().items;
    assert_eq!(items.iter().map(|item| item.number).collect::<Vec<_>>(), [number]);
    assert_eq!(attached(ground, number).await.len(), 1);
}

async fn snapshot(site: &Site) -> Snapshot {
    site.engine.catalog.snapshot().await.unwrap()
}
