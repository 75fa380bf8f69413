//! Verification of what is served: damage is found, what is not proved in time has failed, and going back happens once.

use serde_json::json;
use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{Class, Trigger};
use shelfmark_domain::name::BuildName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{LockKind, ReportState, VerificationRow, VerificationState};
use shelfmark_engine::operations::{
    Found, ReportDraft, StopDraft, claim_verifications, conclude_verification, lift, look_at_verification, report,
    roll_back_verified, set_policy, stop, verify_again,
};

use super::schedules::events;
use crate::laws::ground::chance::noise;
use crate::laws::ground::failing::Statements;
use crate::laws::ground::faulty::Moment;
use crate::laws::ground::site::{Site, at_once, of};
use crate::laws::ground::{Backing, Ground};

laws![
    what_is_as_it_was_written_passes,
    a_damaged_content_is_found_and_taken_back_once,
    an_outside_check_counts_by_its_last_report_after_the_promotion,
    what_is_not_proved_in_time_goes_back_once_and_no_further,
    an_environment_that_has_moved_on_is_not_rolled_back,
    a_failure_is_reported_where_the_policy_wants_no_more,
    a_rollback_that_the_gate_refuses_waits,
    a_process_that_dies_is_followed_by_another,
    an_address_that_is_wrong_is_looked_at_until_its_time_is_over,
    a_verification_can_be_asked_for_again,
];

const MINUTE_MS: i64 = 60_000;

async fn policy(site: &Site, rule: serde_json::Value) {
    let policy = serde_json::from_value(json!({ "verification": rule })).expect("it is a policy");
    let set = set_policy(&site.engine, &site.caller(), &site.name, Some(&of("production")), (policy, ""), None).await;
    set.expect("the policy is set");
}

async fn promoted(site: &Site, bytes: impl Into<bytes::Bytes>) -> (BuildName, i64) {
    site.put("film", bytes).await;
    let build = site.build_latest().await.name;
    (build, site.promote("production", build).await.deployment.revision)
}

async fn look(site: &Site, revision: i64) -> VerificationRow {
    let project = site.row().await.number;
    let row = site.engine.catalog.verification(project, &of("production"), revision).await.expect("it is read");
    row.expect("there is a verification")
}

/// Goes on with everything that is waiting, and finds that at every address.
async fn run_finding(site: &Site, now: Timestamp, found: Result<&str, &str>) {
    for open in claim_verifications(&site.engine, now).await.expect("the database answers") {
        if open.row.state == VerificationState::RollingBack {
            roll_back_verified(&site.engine, &open, now).await.expect("the database answers");
            continue;
        }
        let looked = look_at_verification(&site.engine, &open, now).await.expect("the database answers");
        let said = |url: &String| (url.clone(), found.map(str::to_owned).map_err(str::to_owned));
        let found: Vec<Found> = open.row.rule.addresses.iter().map(|address| said(&address.url)).collect();
        conclude_verification(&site.engine, &open, (looked, found), now).await.expect("the database answers");
    }
}

async fn run(site: &Site, now: Timestamp) {
    run_finding(site, now, Ok("as it should be")).await;
}

fn soon(site: &Site) -> Timestamp {
    site.engine.clock.now().plus_ms(1)
}

/// Flips a bit of a content that is stored as it is.
fn damage(ground: &Ground, bytes: &[u8]) {
    let entries = |folder: std::path::PathBuf| {
        std::fs::read_dir(folder).expect("it is read").map(|entry| entry.expect("it is read").path())
    };
    let folder = ground.folder().expect("bytes are in a folder").join("packs");
    let (wanted, mut flipped) = (&bytes[100..140], 0);
    for pack in entries(folder).flat_map(|folder| entries(folder).collect::<Vec<_>>()) {
        let mut stored = std::fs::read(&pack).expect("it is read");
        if let Some(found) = stored.windows(wanted.len()).position(|window| window == wanted) {
            stored[found] ^= 1;
            std::fs::write(&pack, stored).expect("it is written");
            flipped += 1;
        }
    }
    assert_eq!(flipped, 1);
}

async fn what_is_as_it_was_written_passes(ground: &Ground) {
    policy(ground, json!({})).await;
    let (_, revision) = promoted(ground, noise(1, 3_000_000)).await;

    run(ground, soon(ground)).await;

    let row = look(ground, revision).await;
    assert_eq!((row.state, row.items.len()), (VerificationState::Passed, 1));
    assert!(row.items[0].reason.starts_with("1 changed contents of 3000000 bytes"), "{}", row.items[0].reason);
    assert_eq!(events(ground, "verification.passed").await.len(), 1);
}

async fn a_damaged_content_is_found_and_taken_back_once(ground: &Ground) {
    if ground.backing != Backing::Folder {
        return; // only there a test can reach the bytes
    }
    policy(ground, json!({ "on_failure": "roll_back" })).await;
    let (first, _) = promoted(ground, noise(1, 50_000)).await;
    run(ground, soon(ground)).await;
    let bytes = noise(2, 50_000);
    let (_, revision) = promoted(ground, bytes.clone()).await;
    ground.bytes("film").await; // whatever was kept in memory is past
    damage(ground, &bytes);
    let other = ground.another().await;

    for turn in 0..4 {
        let works = [ground.site.clone(), other.clone(), ground.site.clone()];
        // A step that one of them took and did not finish is free again when its lease is over.
        at_once(works.map(|site| async move { run(&site, soon(&site).plus_ms(turn * 120_000)).await })).await;
    }

    let row = look(ground, revision).await;
    assert_eq!((row.state, row.rolled_back), (VerificationState::RolledBack, Some(revision + 1)));
    assert!(row.why.contains("damaged: film"), "{}", row.why);
    let deployments = ground.deployments("production").await;
    let last = deployments.last().unwrap();
    assert_eq!((deployments.len(), last.kind, last.cause), (3, DeploymentKind::Rollback, Trigger::Verification));
    assert_eq!((last.serves.build, last.actor_name.as_str()), (first, "verification"));
    assert_eq!(events(ground, "verification.failed").await.len(), 1);
    let project = ground.row().await.number;
    let locks = ground.engine.catalog.locks(project, &of("production"), None, 10).await.unwrap().items;
    assert_eq!((locks.len(), locks[0].kind), (1, LockKind::Hold));
}

async fn tell(site: &Site, build: BuildName, state: ReportState) {
    let (name, summary, link) = ("smoke".into(), "looked at".into(), String::new());
    let draft = ReportDraft { build, name, state, summary, link };
    report(&site.engine, &site.caller(), &site.name, draft).await.expect("it is filed");
}

async fn an_outside_check_counts_by_its_last_report_after_the_promotion(ground: &Ground) {
    policy(ground, json!({ "outside": [{ "name": "smoke" }], "read_back": false })).await;
    ground.put("film", "x").await;
    let build = ground.build_latest().await.name;
    tell(ground, build, ReportState::Passed).await;
    let revision = ground.promote("production", build).await.deployment.revision;
    let again_ms = ground.engine.limits.verify_again_ms + 1;

    run(ground, soon(ground)).await;
    assert_eq!(look(ground, revision).await.items[0].passed, None, "what was said before the promotion is past");
    tell(ground, build, ReportState::Failed).await;
    run(ground, soon(ground).plus_ms(again_ms)).await;
    let row = look(ground, revision).await;
    assert_eq!((row.state, row.items[0].passed), (VerificationState::Pending, Some(false)));
    tell(ground, build, ReportState::Passed).await;
    run(ground, soon(ground).plus_ms(2 * again_ms)).await;
    assert_eq!(look(ground, revision).await.state, VerificationState::Passed);
}

async fn what_is_not_proved_in_time_goes_back_once_and_no_further(ground: &Ground) {
    for bytes in ["1", "2"] {
        promoted(ground, bytes).await;
    }
    policy(ground, json!({ "outside": [{ "name": "smoke" }], "on_failure": "roll_back" })).await;
    let (_, revision) = promoted(ground, "3").await;
    let ends_at = look(ground, revision).await.ends_at;

    run(ground, ends_at.plus_ms(-1)).await;
    assert_eq!(look(ground, revision).await.state, VerificationState::Pending);
    for minutes in 0..4 {
        run(ground, ends_at.plus_ms(minutes * 20 * MINUTE_MS)).await;
    }

    assert_eq!(look(ground, revision).await.state, VerificationState::RolledBack);
    let rollback = look(ground, revision + 1).await;
    assert_eq!((rollback.kind, rollback.state), (DeploymentKind::Rollback, VerificationState::Failed));
    assert_eq!(ground.deployments("production").await.len(), 4, "what was gone back to is not left");
}

async fn an_environment_that_has_moved_on_is_not_rolled_back(ground: &Ground) {
    policy(ground, json!({ "outside": [{ "name": "smoke" }], "on_failure": "roll_back", "within_minutes": 0 })).await;
    promoted(ground, "1").await;
    let (_, revision) = promoted(ground, "2").await;
    run(ground, soon(ground)).await;
    assert_eq!(look(ground, 1).await.state, VerificationState::Superseded);
    assert_eq!(look(ground, revision).await.state, VerificationState::RollingBack);

    let (build, _) = promoted(ground, "3").await;
    run(ground, soon(ground)).await;

    let row = look(ground, revision).await;
    assert_eq!(row.state, VerificationState::Failed);
    assert!(row.why.contains("it was not rolled back"), "{}", row.why);
    assert_eq!(ground.deployments("production").await.iter().filter(|d| d.kind == DeploymentKind::Rollback).count(), 0);
    assert_eq!(ground.serves("production"), Some(build));
}

async fn a_failure_is_reported_where_the_policy_wants_no_more(ground: &Ground) {
    policy(ground, json!({ "outside": [{ "name": "smoke" }], "within_minutes": 0 })).await;
    promoted(ground, "1").await;
    run(ground, soon(ground)).await;
    run(ground, soon(ground)).await;

    assert_eq!(look(ground, 1).await.state, VerificationState::Failed);
    let told = events(ground, "verification.failed").await;
    assert_eq!((told.len(), &told[0]["rolls_back"]), (1, &json!(false)));
    assert_eq!(ground.deployments("production").await.len(), 1);
}

async fn a_rollback_that_the_gate_refuses_waits(ground: &Ground) {
    let (first, _) = promoted(ground, "1").await;
    policy(ground, json!({ "outside": [{ "name": "smoke" }], "on_failure": "roll_back", "within_minutes": 0 })).await;
    let (_, revision) = promoted(ground, "2").await;
    let production = of("production");
    let draft = StopDraft { environment: of("production"), classes: [Class::Rollback].into(), reason: "wait".into() };
    stop(&ground.engine, &ground.caller(), &ground.name, draft).await.unwrap();
    for minutes in 0..4 {
        run(ground, soon(ground).plus_ms(minutes * 2 * MINUTE_MS)).await;
    }
    assert_eq!(look(ground, revision).await.state, VerificationState::RollingBack);
    assert_eq!(events(ground, "verification.rollback_refused").await.len(), 1);

    let stop = (&production, LockKind::Stop);
    lift(&ground.engine, &ground.caller(), &ground.name, stop, "over").await.unwrap();
    run(ground, soon(ground).plus_ms(20 * MINUTE_MS)).await;
    assert_eq!(
        (look(ground, revision).await.state, ground.serves("production")),
        (VerificationState::RolledBack, Some(first))
    );
}

async fn a_process_that_dies_is_followed_by_another(ground: &Ground) {
    policy(ground, json!({})).await;
    let (_, revision) = promoted(ground, "1").await;
    let (now, lease_ms) = (soon(ground), ground.engine.limits.lease_ms);
    assert_eq!(claim_verifications(&ground.engine, now).await.unwrap().len(), 1);

    run(ground, now.plus_ms(lease_ms - 1)).await;
    assert_eq!(look(ground, revision).await.state, VerificationState::Pending);
    run(ground, now.plus_ms(lease_ms)).await;
    assert_eq!(look(ground, revision).await.state, VerificationState::Passed);
}

async fn an_address_that_is_wrong_is_looked_at_until_its_time_is_over(ground: &Ground) {
    policy(ground, json!({ "addresses": [{ "url": "https://example.org/" }] })).await;
    for (right_after_ms, state) in
        [(9 * MINUTE_MS, VerificationState::Passed), (10 * MINUTE_MS, VerificationState::Failed)]
    {
        let (_, revision) = promoted(ground, format!("{right_after_ms}")).await;
        let begun = look(ground, revision).await.begun_at;
        for at_ms in (1..=10).map(|minute| minute * MINUTE_MS) {
            let found = if at_ms > right_after_ms { Ok("right") } else { Err("it answered 500 instead of 200") };
            run_finding(ground, begun.plus_ms(at_ms), found).await;
        }
        let row = look(ground, revision).await;
        assert_eq!(row.state, state);
        assert_eq!(
            row.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(),
            ["contents", "https://example.org/"]
        );
    }
}

async fn a_verification_can_be_asked_for_again(ground: &Ground) {
    let again = async |revision| {
        verify_again(&ground.engine, &ground.caller(), &ground.name, (&of("production"), revision)).await
    };
    promoted(ground, "1").await;
    assert_eq!(again(1).await.unwrap_err().kind(), FailureKind::Conflict, "no policy asks for one");
    policy(ground, json!({})).await;
    assert_eq!(again(7).await.unwrap_err().kind(), FailureKind::NotFound);
    assert_eq!(again(1).await.unwrap().run, 1);
    assert_eq!(again(1).await.unwrap().run, 1, "it is under way");
    run(ground, soon(ground)).await;
    assert_eq!(again(1).await.unwrap().run, 2);
    run(ground, soon(ground)).await;
    assert_eq!(look(ground, 1).await.state, VerificationState::Passed);
    assert_eq!(events(ground, "verification.requested").await.len(), 2);
    promoted(ground, "2").await;
    assert_eq!(again(1).await.unwrap_err().kind(), FailureKind::Conflict, "only what is served can be looked at");
}

/// Lets each statement of going back fail in turn, and then each commit after it took effect.
async fn each_statement_of_going_back_fails_once(ground: &Ground) {
    let (site, statements) = Statements::of(ground).await;
    policy(ground, json!({ "outside": [{ "name": "smoke" }], "on_failure": "roll_back", "within_minutes": 0 })).await;
    let (lease_ms, mut rollbacks) = (ground.engine.limits.lease_ms, 0);
    promoted(ground, "0").await;
    for moment in [Moment::Before, Moment::After] {
        for n in 1.. {
            let (_, revision) = promoted(ground, format!("{moment:?} {n}")).await;
            run(ground, soon(ground)).await;
            assert_eq!(look(ground, revision).await.state, VerificationState::RollingBack);
            let now = soon(ground);
            let claimed = claim_verifications(&site.engine, now).await.expect("the database answers");
            let open = claimed.into_iter().find(|open| open.row.revision == revision).expect("it is waiting");

            statements.fail(n, moment);
            let done = roll_back_verified(&site.engine, &open, now).await;
            let is_over = statements.is_pending();
            statements.fail(0, moment);

            let state = look(ground, revision).await.state;
            let was = async || {
                let all = ground.deployments("production").await;
                all.iter().filter(|deployment| deployment.kind == DeploymentKind::Rollback).count()
            };
            let what = format!("{moment:?} {n}: {done:?}");
            let is_done = state == VerificationState::RolledBack;
            assert_eq!(was().await, rollbacks + usize::from(is_done), "{what}");
            run(&site, now.plus_ms(2 * lease_ms)).await;
            rollbacks += 1;
            assert_eq!(look(ground, revision).await.state, VerificationState::RolledBack, "{what}");
            assert_eq!(was().await, rollbacks, "{what}");
            let (production, hold) = (of("production"), LockKind::Hold);
            let lifted = lift(&ground.engine, &ground.caller(), &ground.name, (&production, hold), "seen").await;
            lifted.expect("a rollback puts a hold");
            if is_over {
                assert!(n > 1, "going back asks nothing of the database");
                break;
            }
        }
    }
}

mod statements {
    use crate::laws::ground::{Backing, Database, Ground};

    #[tokio::test(flavor = "multi_thread")]
    async fn going_back_survives_every_failing_statement_of_sqlite() {
        survives(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn going_back_survives_every_failing_statement_of_postgres() {
        survives(Database::Postgres).await;
    }

    async fn survives(database: Database) {
        if let Some(ground) = Ground::open(database, Backing::Memory).await {
            super::each_statement_of_going_back_fails_once(&ground).await;
            ground.holds().await;
        }
    }
}
