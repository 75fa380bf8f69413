//! Order, soak, windows, dates, and the base that has moved.

use serde_json::json;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{CheckName, Outcome};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::{
    Base, Preview, WaiverDraft, Way, grant_waiver, preview, review, revoke_waiver, set_policy,
};

use super::people::{failing, refused};
use crate::laws::ground::Ground;
use crate::laws::ground::site::of;

laws![of rows:
    what_was_never_on_staging_does_not_reach_production,
    soak_counts_the_time_that_the_manifest_has_stayed,
    a_window_is_named_with_the_instant_at_which_the_way_opens,
    a_build_that_would_take_back_what_came_in_between_is_not_promoted,
    a_waiver_holds_until_its_end_or_its_revocation,
    breaking_the_glass_asks_for_a_review_by_someone_else,
    the_stricter_of_project_and_environment_holds_and_each_revision_is_kept,
];

async fn what_was_never_on_staging_does_not_reach_production(ground: &Ground) {
    ground.set_policy("production", json!({ "order": true })).await;
    let build = ground.build_with("a", "1").await;
    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Order]);
    ground.promote("development", build).await;
    assert_eq!(refused(ground.try_promote("production", build, None).await), [CheckName::Order]);
    ground.promote("staging", build).await;
    ground.promote("production", build).await;
}

async fn soak_counts_the_time_that_the_manifest_has_stayed(ground: &Ground) {
    ground.set_policy("production", json!({ "soak_minutes": 60 })).await;
    let [first, second] = [ground.build_with("a", "1").await, ground.build_with("b", "2").await];
    ground.promote("staging", first).await;
    ground.engine.clock.jump_ms(59 * 60_000);
    assert_eq!(refused(ground.try_promote("production", first, None).await), [CheckName::Soak]);
    let in_time = Preview {
        environment: of("production"),
        build: first,
        at: Some(ground.engine.clock.now().plus_ms(61_000)),
        class: None,
        trigger: shelfmark_domain::gate::Trigger::Person,
    };
    let (_, verdict) = preview(&ground.engine, &ground.caller(), &ground.name, in_time).await.unwrap();
    assert!(verdict.passes(), "asked of an instant when it will have soaked: {verdict:?}");

    ground.promote("staging", second).await;
    ground.engine.clock.jump_ms(60 * 60_000);
    assert_eq!(failing(&ground.ask("production", first).await), [CheckName::Soak], "it was away meanwhile");
    ground.promote("production", second).await;
}

async fn a_window_is_named_with_the_instant_at_which_the_way_opens(ground: &Ground) {
    let now = ground.engine.clock.now();
    let start = now.to_string()[..19].to_owned();
    let freeze = json!({ "name": "the fair", "kind": "freeze", "starts": start, "lasts": "PT2H", "zone": "UTC" });
    ground.set_policy("production", json!({ "windows": [freeze] })).await;
    let [first, second] = [ground.build_with("a", "1").await, ground.build_with("b", "2").await];
    let error = ground.try_promote("production", first, None).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("window the fair is a freeze"), "{text}");
    let verdict = ground.ask("production", first).await;
    let Outcome::Fail { remedy } = &verdict.failures().next().unwrap().outcome else { panic!() };
    let opens: Timestamp = format!("{start}Z").parse::<Timestamp>().unwrap().plus_ms(2 * 3_600_000);
    assert!(remedy.contains(&opens.to_string()), "{remedy}");

    ground.engine.clock.jump_ms(2 * 3_600_000);
    ground.promote("production", first).await;
    let late = ground.engine.clock.now().to_string()[..19].to_owned();
    let freeze = json!({ "name": "the fair", "kind": "freeze", "starts": late, "lasts": "PT2H", "zone": "UTC" });
    let third = ground.rebuild(second.release).await;
    ground.promote("production", third).await;
    ground.set_policy("production", json!({ "windows": [freeze] })).await;
    ground.roll_back("production").await; // a rollback passes a freeze window that does not name it
}

async fn a_build_that_would_take_back_what_came_in_between_is_not_promoted(ground: &Ground) {
    let [one, two] = [ground.build_with("a", "1").await, ground.build_with("b", "2").await];
    let apart = {
        let release = ground.release(vec![shelfmark_engine::operations::AddedChange::Latest]).await;
        ground.try_build(release, Base::Empty).await.unwrap().name
    };
    ground.promote("production", one).await;

    assert_eq!(refused(ground.try_promote("production", two, None).await), [CheckName::Base]);
    ground.promote("staging", two).await; // only where it would take something back
    let rebuilt = ground.rebuild(two.release).await;
    ground.promote("production", rebuilt).await;
    let entries = ground.entries(ground.deployments("production").await[1].serves.manifest).await;
    assert!(entries.contains_key("a") && entries.contains_key("b"));
    ground.promote("production", apart).await; // built on nothing, and so whole by itself
    ground.roll_back("production").await;
    assert_eq!(ground.serves("production"), Some(rebuilt));
}

async fn a_waiver_holds_until_its_end_or_its_revocation(ground: &Ground) {
    ground.set_policy("production", json!({ "order": true, "frozen": true })).await;
    let build = ground.build_with("a", "1").await;
    let waive = async |check: &str, minutes: i64| {
        let draft = WaiverDraft {
            environment: of("production"),
            check: of(check),
            release: Some(build.release),
            reason: "the law".into(),
            ends_at: ground.engine.clock.now().plus_ms(minutes * 60_000),
        };
        grant_waiver(&ground.engine, &ground.caller(), &ground.name, draft).await
    };
    assert_eq!(waive("base", 5).await.unwrap_err().kind(), FailureKind::Invalid);
    assert_eq!(waive("order", 0).await.unwrap_err().kind(), FailureKind::Invalid);
    assert_eq!(waive("order", 60 * 24 * 91).await.unwrap_err().kind(), FailureKind::Invalid);
    let order = waive("order", 5).await.unwrap();
    assert_eq!(failing(&ground.ask("production", build).await), [CheckName::Frozen]);
    waive("frozen", 60).await.unwrap();
    assert!(ground.ask("production", build).await.passes());
    ground.engine.clock.jump_ms(5 * 60_000);
    assert_eq!(failing(&ground.ask("production", build).await), [CheckName::Order]);
    let again = waive("order", 5).await.unwrap();
    revoke_waiver(&ground.engine, &ground.caller(), &ground.name, again.number).await.unwrap();
    assert_eq!(failing(&ground.ask("production", build).await), [CheckName::Order]);
    let ended = revoke_waiver(&ground.engine, &ground.caller(), &ground.name, order.number).await.unwrap();
    assert_eq!(ended.revoked_at, None, "it had ended by itself");
}

async fn breaking_the_glass_asks_for_a_review_by_someone_else(ground: &Ground) {
    let asked = json!({ "soak_minutes": 60, "order": true, "approvals": [{ "count": 1, "role": "viewer" }] });
    ground.set_policy("production", asked).await;
    let build = ground.build_with("a", "1").await;
    let broken = ground.promote_by("production", build, Way::BreakGlass).await;
    assert_eq!(refused(broken), [CheckName::Order], "the glass is before soak, approvals and windows only");
    ground.promote("staging", build).await;

    let manager = super::people::person("mia", shelfmark_domain::access::Role::ReleaseManager);
    let denied = ground.asked_by(manager.clone()).promote_by("production", build, Way::BreakGlass).await;
    assert_eq!(denied.unwrap_err().kind(), FailureKind::Forbidden);
    let deployed = ground.promote_by("production", build, Way::BreakGlass).await.unwrap();

    let revision = deployed.deployment.revision;
    let waived = deployed.deployment.verdict.checks.iter().filter(|c| matches!(c.outcome, Outcome::Waived { .. }));
    assert_eq!(waived.count(), 2);
    let project = ground.row().await.number;
    let owed = async || ground.engine.catalog.reviews(project, true, ("", 0), 10).await.unwrap().items.len();
    assert_eq!(owed().await, 1);
    let environment = of("production");
    let own = review(&ground.engine, &ground.caller(), &ground.name, (&environment, revision), "fine").await;
    assert_eq!(own.unwrap_err().kind(), FailureKind::Forbidden);
    let site = ground.asked_by(manager);
    review(&site.engine, &site.caller(), &site.name, (&environment, revision), "it was needed").await.unwrap();
    assert_eq!(owed().await, 0);
}

async fn the_stricter_of_project_and_environment_holds_and_each_revision_is_kept(ground: &Ground) {
    let set = async |policy: serde_json::Value, expected| {
        let policy = serde_json::from_value(policy).unwrap();
        set_policy(&ground.engine, &ground.caller(), &ground.name, None, (policy, "why"), expected).await
    };
    ground.set_policy("production", json!({ "order": true })).await;
    assert_eq!(set(json!({ "frozen": true }), Some(0)).await.unwrap().revision, 1);
    let build = ground.build_with("a", "1").await;
    assert_eq!(failing(&ground.ask("production", build).await), [CheckName::Order, CheckName::Frozen]);
    assert_eq!(failing(&ground.ask("staging", build).await), [CheckName::Frozen]);

    assert_eq!(set(json!({}), Some(0)).await.unwrap_err().kind(), FailureKind::Stale);
    let head = ground.engine.catalog.audit_head().await.unwrap();
    assert_eq!(set(json!({ "frozen": true }), None).await.unwrap().revision, 1, "nothing has changed");
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap(), head);
    assert_eq!(set(json!({}), Some(1)).await.unwrap().revision, 2);
    let project = ground.row().await.number;
    let kept = ground.engine.catalog.policy_revisions(project, None, None, 10).await.unwrap();
    assert_eq!(
        kept.items.iter().map(|row| (row.revision, row.policy.frozen)).collect::<Vec<_>>(),
        [(2, false), (1, true)]
    );
    let unknown = json!({ "automatic": { "from": "nowhere", "soak_minutes": 1 } });
    assert_eq!(set(unknown, None).await.unwrap_err().kind(), FailureKind::NotFound);
}
