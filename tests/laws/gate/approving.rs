//! Approvals, reports of outside systems, and points of the checklist.

use serde_json::json;
use shelfmark_domain::access::Role;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{CheckName, Decision};
use shelfmark_engine::catalog::{ChecklistAnswer, ChecklistSelector, ReportState};
use shelfmark_engine::operations::{
    AddedChange, ChecklistDraft, ReportDraft, add_changes, add_point, answer_point, release_checklist, report,
    retire_point,
};

use super::people::{failing, four_eyes, person, refused};
use crate::laws::ground::Ground;
use crate::laws::ground::site::of;

laws![of rows:
    who_made_a_version_or_the_build_is_no_second_pair_of_eyes,
    an_approval_binds_to_what_the_build_serves_and_a_new_build_voids_it,
    one_rejection_stops_until_its_author_thinks_again,
    who_is_not_asked_cannot_approve,
    the_last_report_of_an_outside_check_counts,
    a_point_of_the_checklist_is_asked_of_the_releases_that_it_selects,
    rules_look_at_what_the_build_would_change_there,
    what_changed_assets_refer_to_must_be_in_the_build,
];

async fn who_made_a_version_or_the_build_is_no_second_pair_of_eyes(ground: &Ground) {
    ground.set_policy("production", four_eyes()).await;
    let [author, builder, other] = ["anna", "ben", "cleo"].map(|name| person(name, Role::ReleaseManager));
    ground.asked_by(author.clone()).put("a", "1").await;
    let build = ground.asked_by(builder.clone()).build_latest().await.name;

    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Approvals]);
    for excluded in [&author, &builder] {
        ground.decide(excluded, "production", build, Decision::Approved).await.unwrap();
        assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Approvals]);
    }
    ground.decide(&other, "staging", build, Decision::Approved).await.unwrap();
    assert_eq!(failing(&ground.ask("production", build).await), [CheckName::Approvals], "that was for staging");
    ground.decide(&other, "production", build, Decision::Approved).await.unwrap();
    let deployed = ground.promote("production", build).await;
    assert!(deployed.deployment.verdict.passes());
    let said = deployed.deployment.verdict.checks.iter().find(|check| check.name == CheckName::Approvals).unwrap();
    assert!(said.reason.contains("cleo"), "{said:?}");
}

async fn an_approval_binds_to_what_the_build_serves_and_a_new_build_voids_it(ground: &Ground) {
    ground.set_policy("production", json!({ "approvals": [{ "count": 1, "role": "editor" }] })).await;
    let first = ground.build_with("a", "1").await;
    let editor = person("anna", Role::Editor);
    ground.decide(&editor, "production", first, Decision::Approved).await.unwrap();
    let same = ground.rebuild(first.release).await;
    assert!(
        ground.ask("production", same).await.passes(),
        "it serves the same, so what was approved is what goes live"
    );

    ground.put("b", "2").await;
    let change = AddedChange::Asset { path: of("b"), version: None };
    add_changes(&ground.engine, &ground.caller(), &ground.name, first.release, vec![change], None).await.unwrap();
    let other = ground.rebuild(first.release).await;

    assert_eq!(refused(ground.try_promote("production", other, None).await), [CheckName::Approvals]);
    ground.promote("production", first).await;
}

async fn one_rejection_stops_until_its_author_thinks_again(ground: &Ground) {
    ground.set_policy("production", json!({ "approvals": [{ "count": 2, "role": "editor" }] })).await;
    let build = ground.build_with("a", "1").await;
    let [anna, ben, cleo] = ["anna", "ben", "cleo"].map(|name| person(name, Role::Editor));
    for who in [&anna, &ben] {
        ground.decide(who, "production", build, Decision::Approved).await.unwrap();
    }
    ground.decide(&anna, "production", build, Decision::Approved).await.unwrap();
    assert!(ground.ask("production", build).await.passes());

    ground.decide(&cleo, "production", build, Decision::Rejected).await.unwrap();
    let verdict = ground.ask("production", build).await;
    assert!(verdict.failures().next().unwrap().reason.contains("cleo has rejected"), "{verdict:?}");

    ground.decide(&cleo, "production", build, Decision::Approved).await.unwrap();
    ground.promote("production", build).await;
}

async fn who_is_not_asked_cannot_approve(ground: &Ground) {
    ground.set_policy("production", four_eyes()).await;
    let build = ground.build_with("a", "1").await;
    let editor = ground.decide(&person("anna", Role::Editor), "production", build, Decision::Rejected).await;
    assert_eq!(editor.unwrap_err().kind(), FailureKind::Forbidden);
    let viewer = ground.decide(&person("vera", Role::Viewer), "staging", build, Decision::Rejected).await;
    assert_eq!(viewer.unwrap_err().kind(), FailureKind::Forbidden, "no rule asks, so only who works on it may say so");
    let head = ground.engine.catalog.audit_head().await.unwrap();
    let nowhere = ground.decide(&ground.who, "nowhere", build, Decision::Approved).await;
    assert_eq!(nowhere.unwrap_err().kind(), FailureKind::NotFound);
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap(), head);
}

async fn the_last_report_of_an_outside_check_counts(ground: &Ground) {
    ground.set_policy("production", json!({ "outside": [{ "name": "ci", "age_minutes_max": 30 }] })).await;
    let build = ground.build_with("a", "1").await;
    let file = async |state, name: &str| {
        let draft = ReportDraft { build, name: name.into(), state, summary: "s".into(), link: String::new() };
        report(&ground.engine, &ground.caller(), &ground.name, draft).await.unwrap();
    };
    let is_stopped = async || !ground.ask("production", build).await.passes();
    assert!(is_stopped().await, "nothing is reported");
    file(ReportState::Passed, "other").await;
    assert!(is_stopped().await);
    for (state, stops) in [
        (ReportState::Running, true),
        (ReportState::Passed, false),
        (ReportState::Failed, true),
        (ReportState::Passed, false),
    ] {
        file(state, "ci").await;
        assert_eq!(is_stopped().await, stops, "{state:?}");
    }
    ground.engine.clock.jump_ms(31 * 60_000);
    assert!(is_stopped().await, "the report is too old");
    file(ReportState::Passed, "ci").await;
    ground.promote("production", build).await;
}

async fn a_point_of_the_checklist_is_asked_of_the_releases_that_it_selects(ground: &Ground) {
    let (engine, name) = (&ground.engine, &ground.name);
    let selector = ChecklistSelector { paths: [of("img")].into(), ..ChecklistSelector::default() };
    let draft = ChecklistDraft { step: "production".into(), text: "look in dark mode".into(), selector, origin: None };
    let point = add_point(engine, &ground.caller(), name, draft.clone()).await.unwrap();
    let [picture, text] = [ground.build_with("img/a", "1").await, ground.build_with("b", "1").await];
    let wrong = ChecklistDraft { step: "nowhere".into(), ..draft };
    assert_eq!(add_point(engine, &ground.caller(), name, wrong).await.unwrap_err().kind(), FailureKind::Invalid);

    let asked = release_checklist(engine, &ground.caller(), name, picture.release).await.unwrap();
    assert_eq!(asked.len(), 1);
    assert!(release_checklist(engine, &ground.caller(), name, text.release).await.unwrap().is_empty());
    assert_eq!(refused(ground.try_promote("production", picture, None).await), [CheckName::Checklist]);
    assert!(ground.ask("staging", picture).await.passes() && ground.ask("production", text).await.passes());

    let answer = (ChecklistAnswer::Confirmed, "seen");
    answer_point(engine, &ground.caller(), name, (picture.release, point.number), answer).await.unwrap();
    assert!(ground.ask("production", picture).await.passes());
    retire_point(engine, &ground.caller(), name, point.number, "no more").await.unwrap();
    let late = answer_point(engine, &ground.caller(), name, (text.release, point.number), answer).await;
    assert_eq!(late.unwrap_err().kind(), FailureKind::NotFound);
    ground.promote("production", picture).await;
}

async fn rules_look_at_what_the_build_would_change_there(ground: &Ground) {
    let first = ground.build_with("old.png", "1").await;
    ground.promote("production", first).await;
    ground
        .set_policy(
            "production",
            json!({
                "metadata": [{ "of": { "paths": ["img"] }, "fields": ["licence"] }],
                "contents": [{ "size_bytes_max": 3 }],
                "rights_days": 30,
            }),
        )
        .await;
    let fine = ground.build_with("text", "abc").await;
    assert!(ground.ask("production", fine).await.passes());

    let wrong = ground.build_with("img/a", "abcd").await;
    let names = refused(ground.try_promote("production", wrong, None).await);
    assert_eq!(names, [CheckName::Metadata, CheckName::Contents]);

    let soon = ground.engine.clock.now().plus_ms(5 * 86_400_000).to_string();
    let metadata = json!({ "licence": "CC0", "expires_on": soon[..10] });
    let upload = shelfmark_engine::operations::Upload {
        metadata: Some(serde_json::from_value(metadata).unwrap()),
        ..Default::default()
    };
    ground.upload("img/b", upload, "abc").await.unwrap();
    let change = AddedChange::Asset { path: of("img/b"), version: None };
    let ending = ground.build_of(vec![change]).await.name;
    assert_eq!(failing(&ground.ask("production", ending).await), [CheckName::Rights]);
}

async fn what_changed_assets_refer_to_must_be_in_the_build(ground: &Ground) {
    ground.set_policy("production", json!({ "dependencies": true })).await;
    let page = "<html><img src=\"logo.svg\"></html>";
    let build = ground.build_with("index.html", page).await;
    let error = ground.try_promote("production", build, None).await.unwrap_err().to_string();
    assert!(error.contains("dependencies: missing: logo.svg (from index.html)"), "{error}");

    ground.put("logo.svg", "<svg/>").await;
    let change = AddedChange::Asset { path: of("logo.svg"), version: None };
    add_changes(&ground.engine, &ground.caller(), &ground.name, build.release, vec![change], None).await.unwrap();
    let whole = ground.rebuild(build.release).await;
    ground.promote("production", whole).await;

    let gone = ground.build_of(vec![AddedChange::RemovePath(of("logo.svg"))]).await.name;
    assert_eq!(failing(&ground.ask("production", gone).await), [CheckName::Dependencies]);
}
