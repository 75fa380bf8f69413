//! Environments: one pointer each, moved by one promotion or rollback at a time.

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::Trigger;
use shelfmark_domain::name::BuildName;
use shelfmark_domain::pin::Visibility;
use shelfmark_engine::operations::{
    AddedChange, Base, DeployError, EnvironmentSettings, Rollback, ServedThen, create_environment, plan_rollback,
    set_environment,
};

use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, at_once, of};

laws![
    of_many_promotions_on_one_revision_exactly_one_wins,
    what_is_served_is_promoted_again_without_a_trace,
    a_promotion_is_seen_at_once_and_leaves_other_environments_alone,
    a_second_rollback_goes_further_back,
    a_rollback_goes_to_any_build_that_was_served_and_to_no_other,
    a_planned_rollback_says_what_it_would_do_and_does_nothing,
    what_is_not_there_is_not_promoted,
    what_was_served_at_an_instant_is_known,
    environments_stand_in_the_order_that_they_were_given,
];

/// So many builds, each of other bytes at the same path, and each whole by itself: none is built on another, so each can
/// be promoted whatever is served.
async fn builds(site: &Site, count: usize) -> Vec<BuildName> {
    let mut builds = Vec::new();
    for n in 0..count {
        site.put("a", format!("{n}")).await;
        let release = site.release(vec![AddedChange::Latest]).await;
        builds.push(site.try_build(release, Base::Empty).await.unwrap().name);
    }
    builds
}

async fn of_many_promotions_on_one_revision_exactly_one_wins(ground: &Ground) {
    let builds = builds(ground, 6).await;
    ground.promote("production", builds[0]).await;
    let promotions = (0..50).map(|n| {
        let (site, build) = (ground.site.clone(), builds[1 + n % 5]);
        async move { (build, site.try_promote("production", build, Some(1)).await) }
    });

    let done = at_once(promotions).await;

    let won: Vec<_> = done.iter().filter(|(_, done)| done.as_ref().is_ok_and(|done| done.is_new)).collect();
    assert_eq!(won.len(), 1);
    let winner = won[0].0;
    for (build, done) in done {
        match done {
            Ok(deployed) => assert_eq!((deployed.deployment.serves.build, deployed.deployment.revision), (winner, 2)),
            Err(DeployError::Moved(moved)) => {
                assert_ne!(build, winner, "who wanted what won has it");
                assert_eq!((moved.serves.unwrap().build, moved.revision, moved.expected), (winner, 2, 1));
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(ground.serves("production"), Some(winner));
    assert_eq!(ground.deployments("production").await.len(), 2);
}

async fn what_is_served_is_promoted_again_without_a_trace(ground: &Ground) {
    let builds = builds(ground, 1).await;
    let first = ground.promote("production", builds[0]).await;
    assert!(first.is_new);
    let head = ground.engine.catalog.audit_head().await.unwrap();

    let again = ground.try_promote("production", builds[0], Some(0)).await.unwrap();

    assert!(!again.is_new);
    assert_eq!(again.deployment, first.deployment);
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap(), head);
    assert_eq!(ground.deployments("production").await.len(), 1);
}

async fn a_promotion_is_seen_at_once_and_leaves_other_environments_alone(ground: &Ground) {
    let builds = builds(ground, 2).await;
    assert_eq!(ground.serves("staging"), None);
    for (n, build) in builds.iter().enumerate() {
        let deployed = ground.promote("staging", *build).await;
        assert_eq!(ground.serves("staging"), Some(*build));
        assert_eq!(deployed.deployment.replaced, n.checked_sub(1).map(|before| builds[before]));
    }
    assert_eq!((ground.serves("development"), ground.serves("production")), (None, None));
    let recorded = ground.deployments("staging").await;
    assert_eq!(recorded.iter().map(|deployment| deployment.revision).collect::<Vec<_>>(), [1, 2]);
    assert!(recorded.iter().all(|deployment| deployment.kind == DeploymentKind::Promotion));
}

async fn a_second_rollback_goes_further_back(ground: &Ground) {
    let b = builds(ground, 4).await;
    // What is promoted one after the other, and what each rollback comes to.
    let cases: [(&[usize], &[usize]); 4] =
        [(&[0, 1, 2], &[1, 0]), (&[0, 1, 0], &[1, 0]), (&[0, 1, 0, 2, 1], &[2, 0, 1, 0]), (&[3], &[])];
    for (n, (promoted, back_to)) in cases.into_iter().enumerate() {
        let environment = format!("e{n}");
        let settings = EnvironmentSettings::default();
        create_environment(&ground.engine, &ground.caller(), &ground.name, &of(&environment), settings).await.unwrap();
        for build in promoted {
            ground.promote(&environment, b[*build]).await;
        }
        for build in back_to {
            let back = ground.roll_back(&environment).await;
            assert_eq!(back.deployment.serves.build, b[*build], "{promoted:?}");
            assert_eq!(back.deployment.kind, DeploymentKind::Rollback);
            assert_eq!(ground.serves(&environment), Some(b[*build]));
        }
        let end = ground.try_roll_back(&environment, None).await;
        assert!(matches!(end, Err(DeployError::NothingBefore(_))), "{promoted:?}: {end:?}");
        assert_eq!(ground.deployments(&environment).await.len(), promoted.len() + back_to.len());
    }
}

async fn a_rollback_goes_to_any_build_that_was_served_and_to_no_other(ground: &Ground) {
    let b = builds(ground, 4).await;
    assert!(matches!(ground.try_roll_back("production", None).await, Err(DeployError::NothingBefore(_))));
    for build in &b[..3] {
        ground.promote("production", *build).await;
    }
    ground.promote("staging", b[3]).await;

    let back = ground.try_roll_back("production", Some(b[0])).await.unwrap();
    assert_eq!((back.deployment.serves.build, back.deployment.replaced), (b[0], Some(b[2])));
    let never = ground.try_roll_back("production", Some(b[3])).await;
    assert!(matches!(never, Err(DeployError::NeverServed { build, .. }) if build == b[3]), "{never:?}");
    let unknown = ground.try_roll_back("production", Some(of("R-99.1"))).await;
    assert_eq!(unknown.unwrap_err().kind(), FailureKind::NotFound);
    let again = ground.try_roll_back("production", Some(b[0])).await.unwrap();
    assert!(!again.is_new);
    assert!(matches!(ground.try_roll_back("production", None).await, Err(DeployError::NothingBefore(_))));

    // After a rollback that was a mistake, the way forward is a promotion, and it can be taken back in turn.
    ground.promote("production", b[2]).await;
    assert_eq!(ground.roll_back("production").await.deployment.serves.build, b[0]);
}

async fn a_planned_rollback_says_what_it_would_do_and_does_nothing(ground: &Ground) {
    let b = builds(ground, 2).await;
    ground.promote("production", b[0]).await;
    ground.promote("production", b[1]).await;
    let rollback = Rollback {
        environment: of("production"),
        to: None,
        reason: String::new(),
        trigger: Trigger::Person,
        expected: None,
    };
    let head = ground.engine.catalog.audit_head().await.unwrap();

    let plan = plan_rollback(&ground.engine, &ground.caller(), &ground.name, &rollback).await.unwrap();

    assert_eq!((plan.serves.unwrap().build, plan.would_serve.build), (b[1], b[0]));
    assert_eq!((plan.changes, plan.missing.len(), plan.revision), (1, 0, 2));
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap(), head);
    assert_eq!(ground.serves("production"), Some(b[1]));
}

async fn what_is_not_there_is_not_promoted(ground: &Ground) {
    let own = builds(ground, 1).await;
    let foreign = ground.another_project("other").await;
    for n in 0..2 {
        foreign.put("a", format!("{n}")).await;
        foreign.build_latest().await;
    }
    let refused = ground.try_promote("production", of("R-2.1"), None).await;
    assert!(matches!(refused, Err(DeployError::NoBuild(_))), "a build of another project: {refused:?}");
    assert!(matches!(ground.try_promote("production", of("R-1.2"), None).await, Err(DeployError::NoBuild(_))));
    assert!(matches!(ground.try_promote("nowhere", own[0], None).await, Err(DeployError::NoEnvironment(_))));
    let stale = ground.try_promote("production", own[0], Some(7)).await.unwrap_err();
    assert_eq!(stale.kind(), FailureKind::Stale);
    assert_eq!(ground.serves("production"), None);
    assert!(ground.deployments("production").await.is_empty());
}

fn build_of(found: ServedThen) -> Option<BuildName> {
    match found {
        ServedThen::Deployed { served, .. } => Some(served.build),
        ServedThen::NotYet { .. } => None,
    }
}

async fn what_was_served_at_an_instant_is_known(ground: &Ground) {
    let b = builds(ground, 3).await;
    let clock = ground.engine.clock.clone();
    let mut instants = vec![(clock.now(), None)];
    for build in &b {
        clock.jump_ms(3_600_000);
        let deployed = ground.promote("production", *build).await;
        instants.push((deployed.deployment.at, Some(*build)));
        clock.jump_ms(1_000);
        instants.push((clock.now(), Some(*build)));
        for (at, served) in &instants {
            let pointer = ground.engine.pointers.get("site", "production").unwrap();
            let found = ground.engine.pointers.served_at(&pointer, *at).await.unwrap();
            assert_eq!(build_of(found), *served);
            let project = ground.row().await.number;
            let row = ground.engine.catalog.deployment_at(project, &of("production"), *at).await.unwrap();
            assert_eq!(row.map(|row| row.serves.build), *served);
        }
    }
    // A clock that is set back does not make what came later unseen.
    clock.jump_ms(-7_200_000);
    ground.roll_back("production").await;
    let pointer = ground.engine.pointers.get("site", "production").unwrap();
    let found = ground.engine.pointers.served_at(&pointer, clock.now()).await.unwrap();
    assert_eq!(build_of(found), Some(b[1]));
}

async fn environments_stand_in_the_order_that_they_were_given(ground: &Ground) {
    let order = async || -> Vec<String> {
        let project = ground.row().await.number;
        let environments = ground.engine.catalog.environments(project).await.unwrap();
        environments.into_iter().map(|at| at.environment.name.to_string()).collect()
    };
    let at = |position| EnvironmentSettings { position: Some(position), ..Default::default() };
    let create = |name: &str, settings| {
        let (site, name) = (ground.site.clone(), of(name));
        async move { create_environment(&site.engine, &site.caller(), &site.name, &name, settings).await }
    };
    assert_eq!(order().await, ["development", "staging", "production"]);
    create("test", at(2)).await.unwrap();
    create("canary", EnvironmentSettings { visibility: Some(Visibility::Public), ..Default::default() }).await.unwrap();
    assert_eq!(order().await, ["development", "test", "staging", "production", "canary"]);
    set_environment(&ground.engine, &ground.caller(), &ground.name, &of("canary"), at(1)).await.unwrap();
    assert_eq!(order().await, ["canary", "development", "test", "staging", "production"]);

    for position in [0, -1, 7, i64::MAX, i64::MIN] {
        assert_eq!(create("more", at(position)).await.unwrap_err().kind(), FailureKind::Invalid, "{position}");
    }
    assert_eq!(create("test", at(1)).await.unwrap_err().kind(), FailureKind::Conflict);
    let unknown = set_environment(&ground.engine, &ground.caller(), &ground.name, &of("more"), at(1)).await;
    assert_eq!(unknown.unwrap_err().kind(), FailureKind::NotFound);
    assert_eq!(order().await.len(), 5);
    assert_eq!(ground.engine.pointers.get("site", "canary").unwrap().at.environment.visibility, Visibility::Public);
}
