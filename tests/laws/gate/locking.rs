//! Freezes, holds and stops.

use serde_json::json;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{CheckName, Class, Trigger};
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::release::ReleaseState;
use shelfmark_engine::catalog::LockKind;
use shelfmark_engine::operations::{AddedChange, GateError, StopDraft, Way, add_changes, lift, stop, unfreeze};

use super::people::{failing, refused};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    a_frozen_release_takes_no_change_and_its_staging_no_other_build,
    what_is_frozen_is_what_staging_serves,
    a_rollback_ends_the_freeze_and_puts_a_hold,
    a_stopped_environment_takes_nothing_of_the_classes_that_are_named,
];

async fn state(site: &Site, release: ReleaseNumber) -> ReleaseState {
    site.engine.catalog.release(site.row().await.number, release).await.unwrap().unwrap().state
}

async fn a_frozen_release_takes_no_change_and_its_staging_no_other_build(ground: &Ground) {
    ground.set_policy("production", json!({ "frozen": true })).await;
    let [first, second] = [ground.build_with("a", "1").await, ground.build_with("b", "2").await];
    ground.promote("staging", first).await;
    assert_eq!(refused(ground.try_promote("production", first, None).await), [CheckName::Frozen]);

    ground.try_freeze(first).await.unwrap();

    let change = vec![AddedChange::Asset { path: of("b"), version: None }];
    let added = add_changes(&ground.engine, &ground.caller(), &ground.name, first.release, change, None).await;
    assert_eq!(added.unwrap_err().kind(), FailureKind::Conflict);
    let error = ground.try_promote("staging", second, None).await.unwrap_err().to_string();
    assert!(error.contains("freeze: Ada has frozen staging for R-1.1 since"), "{error}");
    assert!(matches!(ground.try_freeze(second).await, Err(GateError::NotOnStaging { .. })));
    ground.promote("development", second).await; // only staging is held
    ground.promote("production", first).await;
    assert_eq!(state(ground, first.release).await, ReleaseState::Released);
    assert_eq!(failing(&ground.ask("staging", second).await), [CheckName::Freeze], "until the release is closed");
}

async fn what_is_frozen_is_what_staging_serves(ground: &Ground) {
    let first = ground.build_with("a", "1").await;
    assert!(matches!(ground.try_freeze(first).await, Err(GateError::NotOnStaging { .. })));
    ground.promote("staging", first).await;
    let second = ground.rebuild(first.release).await;
    assert!(matches!(ground.try_freeze(second).await, Err(GateError::NotOnStaging { .. })));
    ground.try_freeze(first).await.unwrap();
    assert!(matches!(ground.try_freeze(first).await, Err(GateError::Refused(_))), "it is frozen already");

    let why = "a picture has to change";
    unfreeze(&ground.engine, &ground.caller(), &ground.name, first.release, why).await.unwrap();
    assert_eq!(state(ground, first.release).await, ReleaseState::Draft);
    let again = unfreeze(&ground.engine, &ground.caller(), &ground.name, first.release, why).await;
    assert_eq!(again.unwrap_err().kind(), FailureKind::Conflict);
    let other = ground.build_with("b", "2").await;
    ground.promote("staging", other).await;
}

async fn a_rollback_ends_the_freeze_and_puts_a_hold(ground: &Ground) {
    let first = ground.build_with("a", "1").await;
    for environment in ["staging", "production"] {
        ground.promote(environment, first).await;
    }
    let second = ground.build_with("a", "2").await;
    ground.promote("staging", second).await;
    ground.try_freeze(second).await.unwrap();
    ground.promote("production", second).await;

    ground.roll_back("production").await;

    assert_eq!(state(ground, second.release).await, ReleaseState::RolledBack);
    let third = ground.build_with("a", "3").await;
    ground.promote("staging", third).await;
    for trigger in [Trigger::Schedule, Trigger::Automation] {
        let (_, verdict) = ground.ask_as("production", third, trigger).await;
        assert_eq!(failing(&verdict), [CheckName::Hold]);
    }
    assert!(ground.ask("production", third).await.passes(), "a person may go on");
    let (environment, why) = (of("production"), "mended");
    lift(&ground.engine, &ground.caller(), &ground.name, (&environment, LockKind::Hold), why).await.unwrap();
    for trigger in [Trigger::Schedule, Trigger::Automation] {
        assert!(ground.ask_as("production", third, trigger).await.1.passes());
    }
    ground.promote("production", third).await;

    ground.try_freeze(third).await.unwrap_err(); // it is released
    let fourth = ground.build_with("a", "4").await;
    ground.promote("staging", fourth).await;
    ground.try_freeze(fourth).await.unwrap();
    ground.roll_back("staging").await;
    assert_eq!(state(ground, fourth.release).await, ReleaseState::Draft, "what was frozen is not there any more");
}

async fn a_stopped_environment_takes_nothing_of_the_classes_that_are_named(ground: &Ground) {
    let [first, second] = [ground.build_with("a", "1").await, ground.build_with("a", "2").await];
    ground.promote("staging", first).await;
    ground.promote("staging", second).await;
    let halt = async |classes: &[Class]| {
        let classes = classes.iter().copied().collect();
        let draft = StopDraft { environment: of("staging"), classes, reason: "the shop is down".into() };
        stop(&ground.engine, &ground.caller(), &ground.name, draft).await
    };
    let environment = of("staging");
    let open =
        async || lift(&ground.engine, &ground.caller(), &ground.name, (&environment, LockKind::Stop), "it is up").await;
    assert_eq!(open().await.unwrap_err().kind(), FailureKind::Conflict, "it is not stopped");
    assert_eq!(halt(&[]).await.unwrap_err().kind(), FailureKind::Invalid);
    halt(&[Class::Regular]).await.unwrap();
    assert_eq!(halt(&[Class::Rollback]).await.unwrap_err().kind(), FailureKind::Conflict);

    assert_eq!(refused(ground.try_promote("staging", first, None).await), [CheckName::Stop]);
    ground.roll_back("staging").await;
    open().await.unwrap();
    halt(&[Class::Rollback, Class::BreakGlass]).await.unwrap();
    assert_eq!(refused(ground.try_roll_back("staging", Some(second)).await), [CheckName::Stop]);
    assert_eq!(refused(ground.promote_by("staging", second, Way::BreakGlass).await), [CheckName::Stop]);
    ground.promote("staging", second).await;
}
