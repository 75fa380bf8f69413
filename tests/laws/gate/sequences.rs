//! Whatever people do in whatever order, nothing reaches an environment unless the gate has said yes to exactly that.

use serde_json::json;
use shelfmark_domain::access::{Principal, Role};
use shelfmark_domain::gate::{Class, Decision, Outcome, Trigger};
use shelfmark_domain::name::BuildName;
use shelfmark_engine::catalog::LockKind;
use shelfmark_engine::operations::{DeployError, StopDraft, Way, lift, stop, unfreeze};

use super::people::person;
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::of;

laws![of rows: no_sequence_of_calls_reaches_an_environment_unless_the_gate_says_yes];

const STEPS: usize = 60;

async fn no_sequence_of_calls_reaches_an_environment_unless_the_gate_says_yes(ground: &Ground) {
    let mut chance = Chance::new();
    let people = ["anna", "ben", "cleo"].map(|name| person(name, Role::ReleaseManager));
    let mut builds = vec![ground.build_with("a", "0").await];
    let mut moved = 0;
    for step in 0..STEPS {
        let environment = ["development", "staging", "production"][chance.below(3)];
        let build = builds[chance.below(builds.len())];
        match chance.below(12) {
            0 => builds.push(ground.build_with(["a", "b"][chance.below(2)], &format!("{step}")).await),
            1 => {
                if let Ok(again) = ground.try_build(build.release, Default::default()).await {
                    builds.push(again.name);
                }
            }
            2 => set_some_policy(ground, &mut chance, environment).await,
            3 => {
                let decision = if chance.below(4) == 0 { Decision::Rejected } else { Decision::Approved };
                let _ = ground.decide(&people[chance.below(3)], environment, build, decision).await;
            }
            4 => drop(ground.try_freeze(build).await),
            5 => drop(unfreeze(&ground.engine, &ground.caller(), &ground.name, build.release, "again").await),
            6 => change_locks(ground, &mut chance, environment).await,
            7 => ground.engine.clock.jump_ms(chance.below(40) as i64 * 60_000),
            8 => drop(ground.try_roll_back(environment, None).await),
            _ => moved += usize::from(try_one(ground, &mut chance, &people, environment, build).await),
        }
    }
    println!("{moved} promotions went through");
    for environment in ["development", "staging", "production"] {
        for deployment in ground.deployments(environment).await {
            assert!(deployment.verdict.passes(), "{deployment:?}");
            let is_broken =
                deployment.verdict.checks.iter().any(|check| {
                    matches!(&check.outcome, Outcome::Waived { .. }) && deployment.class != Class::BreakGlass
                });
            assert!(!is_broken, "nobody has waived anything: {deployment:?}");
        }
    }
}

/// Asks the gate and then promotes: the answer is the same, and what is served changes only after a yes.
async fn try_one(
    ground: &Ground,
    chance: &mut Chance,
    people: &[Principal; 3],
    environment: &str,
    build: BuildName,
) -> bool {
    let before = ground.serves(environment);
    let (_, verdict) = ground.ask_as(environment, build, Trigger::Person).await;
    let site = ground.asked_by(people[chance.below(3)].clone());
    let done = site.promote_by(environment, build, Way::Person).await;
    let after = ground.serves(environment);
    match done {
        Ok(deployed) if deployed.is_new => {
            assert!(verdict.passes(), "{environment} took {build}, though: {verdict:?}");
            assert_eq!(after, Some(build));
            true
        }
        Ok(_) => {
            assert_eq!((before, after), (Some(build), Some(build)));
            false
        }
        Err(DeployError::Refused(refusal)) => {
            assert!(!verdict.passes(), "{environment} refused {build}, though: {verdict:?}; {refusal}");
            assert_eq!(before, after);
            false
        }
        Err(error) => panic!("{error:?}"),
    }
}

async fn set_some_policy(ground: &Ground, chance: &mut Chance, environment: &str) {
    let mut policy = json!({});
    if chance.below(2) == 0 {
        policy["order"] = json!(true);
    }
    if chance.below(3) == 0 {
        policy["soak_minutes"] = json!(chance.below(60));
    }
    if chance.below(3) == 0 {
        policy["frozen"] = json!(true);
    }
    if chance.below(2) == 0 {
        policy["approvals"] =
            json!([{ "count": 1 + chance.below(2), "role": "release_manager", "exclude_builder": true }]);
    }
    ground.set_policy(environment, policy).await;
}

async fn change_locks(ground: &Ground, chance: &mut Chance, environment: &str) {
    let name = of(environment);
    let (engine, caller) = (&ground.engine, ground.caller());
    match chance.below(3) {
        0 => {
            let classes = [Class::Regular].into();
            let draft = StopDraft { environment: name, classes, reason: "stop".into() };
            let _ = stop(engine, &caller, &ground.name, draft).await;
        }
        1 => drop(lift(engine, &caller, &ground.name, (&name, LockKind::Stop), "go on").await),
        _ => drop(lift(engine, &caller, &ground.name, (&name, LockKind::Hold), "go on").await),
    }
}
