//! Work items, test evidence and dates before the gate.

use serde_json::json;
use shelfmark_domain::gate::CheckName;
use shelfmark_domain::name::{BuildName, WorkItemNumber};
use shelfmark_domain::work_item::{TestOutcome, WorkStatus};
use shelfmark_engine::operations::work::{EvidenceDraft, file_evidence};
use shelfmark_engine::operations::{AddedChange, DateDraft, add_changes, agree_to_date, propose_date};

use super::people::{failing, person, refused};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};
use crate::laws::work::{at, authorised_item, group, status};

laws![of rows:
    an_item_is_authorised_for_what_the_build_pins_and_not_for_what_the_release_says_since,
    each_item_has_a_test_that_passed_on_this_build_and_none_that_failed_last,
    what_no_item_stands_behind_does_not_go_live,
    items_go_live_and_come_back_with_their_release,
    nothing_goes_live_before_the_agreed_date,
];

/// A release of one authorised item that answers with the first version at `a`, and its build.
async fn built(site: &Site) -> (WorkItemNumber, BuildName) {
    site.put("a", "1").await;
    let item = authorised_item(site, "a logo", &[at("a", 1)]).await;
    let release = site.release(Vec::new()).await;
    group(site, release, &[item], false).await.unwrap();
    (item, site.rebuild(release).await)
}

async fn an_item_is_authorised_for_what_the_build_pins_and_not_for_what_the_release_says_since(ground: &Ground) {
    ground.set_policy("production", json!({ "work_items_authorised": true })).await;
    let (_, first) = built(ground).await;
    ground.put("a", "2").await;
    let pin = |version| vec![AddedChange::Asset { path: of("a"), version: Some(version) }];
    let add = async |version| {
        add_changes(&ground.engine, &ground.caller(), &ground.name, first.release, pin(version), None).await.unwrap();
    };
    add(2).await;
    let other = ground.rebuild(first.release).await;
    add(1).await; // the release says again what was authorised, but that build does not

    let error = ground.try_promote("production", other, None).await.unwrap_err().to_string();

    assert!(error.contains("W-1 (the build pins another version at a)"), "{error}");
    ground.promote("production", first).await;
}

async fn each_item_has_a_test_that_passed_on_this_build_and_none_that_failed_last(ground: &Ground) {
    ground.set_policy("production", json!({ "evidence": true })).await;
    let (item, build) = built(ground).await;
    let file = async |case: &str, outcome, build| {
        let (test_case, build) = (case.to_owned(), Some(build));
        let draft =
            EvidenceDraft { test_case, expected: "".into(), actual: "".into(), outcome, build, files: Vec::new() };
        file_evidence(&ground.engine, &ground.caller(), &ground.name, item, draft).await.unwrap();
    };
    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Evidence]);
    for (case, outcome, passes) in
        [("phone", TestOutcome::Fail, false), ("print", TestOutcome::Pass, false), ("phone", TestOutcome::Pass, true)]
    {
        file(case, outcome, build).await;
        assert_eq!(ground.ask("production", build).await.passes(), passes, "{case} {outcome:?}");
    }
    ground.put("b", "1").await;
    let change = vec![AddedChange::Asset { path: of("b"), version: None }];
    add_changes(&ground.engine, &ground.caller(), &ground.name, build.release, change, None).await.unwrap();
    let next = ground.rebuild(build.release).await;
    assert_eq!(failing(&ground.ask("production", next).await), [CheckName::Evidence], "that was another build");
    ground.promote("production", build).await;
}

async fn what_no_item_stands_behind_does_not_go_live(ground: &Ground) {
    ground.set_policy("production", json!({ "work_items_for_changes": true })).await;
    let (_, build) = built(ground).await;
    ground.promote("production", build).await;
    let stray = ground.build_with("b", "1").await;
    assert_eq!(refused(ground.try_promote("production", stray, None).await), [CheckName::Traceability]);
}

async fn items_go_live_and_come_back_with_their_release(ground: &Ground) {
    let before = ground.build_with("b", "1").await;
    ground.promote("production", before).await;
    let (item, build) = built(ground).await;
    ground.promote("staging", build).await;
    assert_eq!(status(ground, item).await, WorkStatus::Authorised);
    ground.promote("production", build).await;
    assert_eq!(status(ground, item).await, WorkStatus::Released);
    ground.roll_back("production").await;
    assert_eq!(status(ground, item).await, WorkStatus::Authorised);
}

async fn nothing_goes_live_before_the_agreed_date(ground: &Ground) {
    ground.set_policy("production", json!({ "agreed_date": true })).await;
    let build = ground.build_with("a", "1").await;
    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Date], "no date");
    let date = ground.engine.clock.now().plus_ms(3_600_000).to_string();
    let draft = DateDraft { date: date[..19].into(), zone: Some(of("UTC")), remark: String::new(), expected: None };
    propose_date(&ground.engine, &ground.caller(), &ground.name, build.release, draft).await.unwrap();
    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Date], "not agreed");
    let client = ground.asked_by(person("carl", shelfmark_domain::access::Role::Viewer));
    let agreed = (String::new(), None);
    agree_to_date(&client.engine, &client.caller(), &client.name, build.release, 1, agreed).await.unwrap();
    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Date], "too early");
    ground.engine.clock.jump_ms(3_600_000);
    ground.promote("production", build).await;
}
