//! Automatic promotion: what has soaked elsewhere, once, and never over what people have done.

use serde_json::json;
use shelfmark_domain::access::Role;
use shelfmark_domain::gate::{Class, Trigger};
use shelfmark_domain::name::BuildName;
use shelfmark_domain::release::ReleaseKind;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::LockKind;
use shelfmark_engine::operations::{
    ReleasePatch, StopDraft, describe_release, lift, run_automations, set_policy, stop,
};

use super::schedules::{events, person};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, at_once, of};

laws![of rows:
    what_has_soaked_is_promoted_once,
    what_has_left_before_its_time_is_not_promoted,
    what_people_have_done_since_is_not_undone,
    a_rollback_holds_automation_until_a_person_lifts_it,
    what_the_gate_refuses_to_automation_is_told_once_and_tried_again,
    many_processes_promote_once,
    only_releases_of_the_named_kind_are_promoted,
    a_policy_of_the_project_promotes_into_every_other_environment,
];

const MINUTE_MS: i64 = 60_000;

async fn policy(site: &Site, environment: Option<&str>, policy: serde_json::Value) {
    let (environment, policy) = (environment.map(of), serde_json::from_value(policy).expect("it is a policy"));
    let set = set_policy(&site.engine, &site.caller(), &site.name, environment.as_ref(), (policy, ""), None).await;
    set.expect("the policy is set");
}

/// Production takes what staging has served for ten minutes.
async fn automate(site: &Site) {
    policy(site, Some("production"), json!({ "automatic": { "from": "staging", "soak_minutes": 10 } })).await;
}

async fn new_build(site: &Site) -> BuildName {
    let count = site.engine.catalog.audit_head().await.unwrap().0;
    site.put("a", format!("{count}")).await;
    site.build_latest().await.name
}

/// Promotes a new build to staging; says when it will have soaked.
async fn stage(site: &Site) -> (BuildName, Timestamp) {
    let build = new_build(site).await;
    let deployed = site.promote("staging", build).await;
    (build, deployed.deployment.at.plus_ms(10 * MINUTE_MS))
}

async fn run(site: &Site, now: Timestamp) -> usize {
    run_automations(&site.engine, now).await.expect("the database answers").promoted
}

async fn what_has_soaked_is_promoted_once(ground: &Ground) {
    automate(ground).await;
    let (build, soaked) = stage(ground).await;

    let early = run_automations(&ground.engine, soaked.plus_ms(-1)).await.unwrap();
    assert_eq!((early.promoted, early.next_at), (0, Some(soaked)));
    assert_eq!(run(ground, soaked).await, 1);
    assert_eq!(run(ground, soaked).await, 0);

    let [deployment] = &ground.deployments("production").await[..] else { panic!("not one") };
    assert_eq!((deployment.serves.build, deployment.cause), (build, Trigger::Automation));
    assert_eq!(deployment.actor_name, "automatic promotion");
    // What was taken away by hand does not come back by itself.
    ground.promote("production", new_build(ground).await).await;
    assert_eq!(run(ground, soaked.plus_ms(MINUTE_MS)).await, 0);
}

async fn what_has_left_before_its_time_is_not_promoted(ground: &Ground) {
    automate(ground).await;
    let (_, first) = stage(ground).await;
    let (build, second) = stage(ground).await;

    assert!(first < second);
    assert_eq!(run(ground, first).await, 0, "a break starts the soak time anew");
    assert_eq!(run(ground, second).await, 1);
    assert_eq!(ground.serves("production"), Some(build));
}

async fn what_people_have_done_since_is_not_undone(ground: &Ground) {
    automate(ground).await;
    let (_, soaked) = stage(ground).await;
    let hotfix = new_build(ground).await;
    ground.promote("production", hotfix).await;

    assert_eq!(run(ground, soaked.plus_ms(MINUTE_MS)).await, 0);
    assert_eq!(ground.serves("production"), Some(hotfix));
}

async fn a_rollback_holds_automation_until_a_person_lifts_it(ground: &Ground) {
    automate(ground).await;
    for _ in 0..2 {
        ground.promote("production", new_build(ground).await).await;
    }
    ground.roll_back("production").await;
    let (build, soaked) = stage(ground).await;
    assert_eq!(run(ground, soaked).await, 0);
    let refused = events(ground, "environment.automation_refused").await;
    assert_eq!((refused.len(), &refused[0]["checks"][0]["name"]), (1, &json!("hold")));

    let (production, hold) = (of("production"), LockKind::Hold);
    lift(&ground.engine, &ground.caller(), &ground.name, (&production, hold), "mended").await.unwrap();
    assert_eq!(run(ground, soaked).await, 1);
    assert_eq!(ground.serves("production"), Some(build));
    // And what a rollback takes back stays taken back, also after the hold.
    ground.roll_back("production").await;
    lift(&ground.engine, &ground.caller(), &ground.name, (&production, hold), "mended").await.unwrap();
    assert_eq!(run(ground, soaked.plus_ms(MINUTE_MS)).await, 0);
}

async fn what_the_gate_refuses_to_automation_is_told_once_and_tried_again(ground: &Ground) {
    automate(ground).await;
    let (build, soaked) = stage(ground).await;
    let draft = StopDraft { environment: of("production"), classes: [Class::Regular].into(), reason: "x".into() };
    stop(&ground.engine, &ground.caller(), &ground.name, draft).await.unwrap();

    for minutes in 0..3 {
        assert_eq!(run(ground, soaked.plus_ms(minutes * MINUTE_MS)).await, 0);
    }
    assert_eq!(events(ground, "environment.automation_refused").await.len(), 1);
    let (production, stop) = (of("production"), LockKind::Stop);
    lift(&ground.engine, &ground.caller(), &ground.name, (&production, stop), "over").await.unwrap();
    assert_eq!(run(ground, soaked.plus_ms(3 * MINUTE_MS)).await, 1);
    assert_eq!(ground.serves("production"), Some(build));
}

async fn many_processes_promote_once(ground: &Ground) {
    automate(ground).await;
    let other = ground.another().await;
    for round in 1..=6 {
        let (_, soaked) = stage(ground).await;
        let works = (0..6).map(|n| {
            let site = if n % 2 == 0 { ground.site.clone() } else { other.clone() };
            async move { run_automations(&site.engine, soaked).await.expect("the database answers").promoted }
        });
        let promoted: usize = at_once(works).await.into_iter().sum();
        assert_eq!((promoted, ground.deployments("production").await.len()), (1, round));
    }
}

async fn only_releases_of_the_named_kind_are_promoted(ground: &Ground) {
    let rule = json!({ "automatic": { "from": "staging", "soak_minutes": 10, "kind": "hotfix" } });
    policy(ground, Some("production"), rule).await;
    let (build, soaked) = stage(ground).await;
    assert_eq!(run(ground, soaked).await, 0);

    let patch = ReleasePatch { kind: Some(ReleaseKind::Hotfix), ..ReleasePatch::default() };
    describe_release(&ground.engine, &ground.caller(), &ground.name, build.release, patch).await.unwrap();
    assert_eq!(run(ground, soaked).await, 1);
    assert_eq!(ground.deployments("production").await[0].class, Class::Hotfix);
}

async fn a_policy_of_the_project_promotes_into_every_other_environment(ground: &Ground) {
    policy(ground, None, json!({ "automatic": { "from": "development", "soak_minutes": 0 } })).await;
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let build = new_build(ground).await;
    let deployed = anna.promote("development", build).await.deployment.at;

    assert_eq!(run(ground, deployed).await, 2);

    assert_eq!((ground.serves("staging"), ground.serves("production")), (Some(build), Some(build)));
}
