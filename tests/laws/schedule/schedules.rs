//! Scheduled promotions: never early, never twice, never stale, in the name of whoever scheduled them.

use std::time::Duration;

use shelfmark::jobs::run_schedules_once;
use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::gate::{Class, Trigger};
use shelfmark_domain::name::BuildName;
use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{LockKind, ReleaseRow, ScheduleRow};
use shelfmark_engine::operations::{
    Caller, ScheduleDraft, ScheduleError, StopDraft, authenticate, create_token, create_user, lift, run_schedules,
    schedule_promotion, set_member, stop,
};

use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::failing::Statements;
use crate::laws::ground::faulty::Moment;
use crate::laws::ground::site::{Site, at_once, of, token_for};

laws![of rows:
    a_schedule_is_carried_out_at_its_instant_and_not_before,
    a_clock_that_jumps_makes_nothing_early_and_loses_nothing,
    many_processes_carry_a_schedule_out_once,
    a_process_that_dies_at_any_moment_neither_loses_nor_doubles_a_schedule,
    what_the_gate_refuses_waits_until_it_passes_or_lapses,
    a_change_in_the_project_is_a_reason_to_try_again_at_once,
    a_hold_makes_a_schedule_wait_until_it_is_lifted,
    a_schedule_of_a_release_that_is_over_fails,
    what_is_served_already_is_done_without_a_deployment,
];

pub const MINUTE_MS: i64 = 60_000;

/// Someone who plans releases here.
pub async fn person(site: &Site, name: &str, role: Role) -> Site {
    create_user(&site.engine, &site.caller(), &of(name), name, None).await.expect("a person can be made");
    set_member(&site.engine, &site.caller(), Some(&site.name), &of(name), Some(role)).await.expect("a role is given");
    let grant = Grant { role: Role::Administrator, project: None, environment: None };
    let mut draft = token_for("laptop", grant, None);
    draft.user = Some(of(name));
    let (_, secret) = create_token(&site.engine, &site.caller(), draft).await.expect("a token can be made");
    let (principal, _) = authenticate(&site.engine, &secret).await.expect("it is read").expect("the token is valid");
    site.asked_by(principal)
}

pub fn draft(build: BuildName, at: Timestamp) -> ScheduleDraft {
    ScheduleDraft {
        environment: of("production"),
        build,
        at,
        zone: None,
        deadline: None,
        reason: "for the fair".into(),
    }
}

/// A build that production does not serve yet.
pub async fn new_build(site: &Site) -> BuildName {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    site.put("a", format!("{count}")).await;
    site.build_latest().await.name
}

pub async fn schedule(site: &Site, build: BuildName, at: Timestamp) -> ScheduleRow {
    let made = schedule_promotion(&site.engine, &site.caller(), &site.name, draft(build, at)).await;
    made.expect("it is scheduled")
}

pub async fn look(site: &Site, number: i64) -> ScheduleRow {
    let project = site.row().await.number;
    site.engine.catalog.schedule(project, number).await.expect("it is read").expect("there is a schedule")
}

pub async fn run(site: &Site, now: Timestamp) -> usize {
    run_schedules(&site.engine, now).await.expect("the database answers")
}

/// What the events of this kind were about, oldest first.
pub async fn events(site: &Site, kind: &str) -> Vec<serde_json::Value> {
    let page = site.engine.catalog.audit_entries(None, None, 10_000).await.expect("it is read");
    let of_kind = page.items.into_iter().rev().filter(|entry| entry.action == kind);
    of_kind.map(|entry| serde_json::from_str(&entry.details).expect("details are JSON")).collect()
}

async fn a_schedule_is_carried_out_at_its_instant_and_not_before(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let build = new_build(ground).await;
    let at = anna.engine.clock.now().plus_ms(10 * MINUTE_MS);
    let made = schedule(&anna, build, at).await;
    assert_eq!((made.state, made.by.as_str(), made.deadline), (ScheduleState::Pending, "@anna", at.plus_ms(3_600_000)));

    assert_eq!(run(ground, at.plus_ms(-1)).await, 0);
    assert_eq!(ground.serves("production"), None);
    assert_eq!(run(ground, at).await, 1);

    assert_eq!(ground.serves("production"), Some(build));
    let [deployment] = &ground.deployments("production").await[..] else { panic!("not one") };
    assert_eq!((deployment.cause, deployment.actor_name.as_str(), deployment.at), (Trigger::Schedule, "anna", at));
    let done = look(ground, made.number).await;
    assert_eq!((done.state, done.deployment), (ScheduleState::Done, Some(1)));
    assert_eq!(events(ground, "environment.promoted").await[0]["schedule"], made.number);
    assert_eq!(run(ground, at.plus_ms(MINUTE_MS)).await, 0);
}

async fn a_clock_that_jumps_makes_nothing_early_and_loses_nothing(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let (build, clock) = (new_build(ground).await, &ground.engine.clock);
    let due = schedule(&anna, build, clock.now().plus_ms(60 * MINUTE_MS)).await;

    for jump_ms in [61 * MINUTE_MS, 600 * MINUTE_MS, -1_400 * MINUTE_MS, 740 * MINUTE_MS] {
        clock.jump_ms(jump_ms);
        assert_eq!(run_schedules_once(&ground.engine).await.unwrap(), 0, "after a jump by {jump_ms} ms");
        let state = look(ground, due.number).await.state;
        assert_eq!(state, ScheduleState::Pending, "after a jump by {jump_ms} ms, also beyond its deadline");
    }
    clock.jump_ms(-MINUTE_MS);
    assert_eq!(run(ground, due.at).await, 1);
    assert_eq!(ground.serves("production"), Some(build));

    // While the clock is behind, what is due waits; put right, it is carried out.
    let build = new_build(ground).await;
    let asked = Caller::new(anna.who.clone(), clock.passed().plus_ms(-5_000));
    let past = draft(build, asked.now.plus_ms(1));
    let due = schedule_promotion(&anna.engine, &asked, &anna.name, past).await.unwrap();
    clock.jump_ms(-MINUTE_MS);
    assert_eq!(run_schedules_once(&ground.engine).await.unwrap(), 0);
    clock.jump_ms(MINUTE_MS);
    assert_eq!(run_schedules_once(&ground.engine).await.unwrap(), 1);
    assert_eq!(look(ground, due.number).await.state, ScheduleState::Done);
}

async fn many_processes_carry_a_schedule_out_once(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let other = ground.another().await;
    for round in 1..=12 {
        let build = new_build(ground).await;
        let due = schedule(&anna, build, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
        // One of them has a clock that makes it believe that every lease is over.
        let works = (0..6).map(|n: i64| {
            let site = if n % 2 == 0 { ground.site.clone() } else { other.clone() };
            let now = due.at.plus_ms(n % 3 * 2 * MINUTE_MS);
            async move { run_schedules(&site.engine, now).await.expect("the database answers") }
        });

        at_once(works).await;

        let deployments = ground.deployments("production").await;
        assert_eq!((deployments.len(), deployments.last().unwrap().serves.build), (round, build));
        assert_eq!(look(ground, due.number).await.state, ScheduleState::Done);
    }
    for site in [&ground.site, &other] {
        site.engine.pointers.refresh().await.unwrap();
    }
    assert_eq!(other.serves("production"), ground.serves("production"));
}

async fn a_process_that_dies_at_any_moment_neither_loses_nor_doubles_a_schedule(ground: &Ground) {
    let mut chance = Chance::new();
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let lease_ms = ground.engine.limits.lease_ms;
    for round in 1..=8 {
        let due = schedule(&anna, new_build(ground).await, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
        let (doomed, at) = (ground.another().await, due.at);
        let running = tokio::spawn(async move { run_schedules(&doomed.engine, at).await });
        tokio::time::sleep(Duration::from_micros(chance.below(12_000) as u64)).await;
        running.abort();
        let _ = running.await; // it was broken off, or has been quick

        run(ground, at.plus_ms(lease_ms)).await;

        assert_eq!(ground.deployments("production").await.len(), round);
        assert_eq!(look(ground, due.number).await.state, ScheduleState::Done);
    }
    // One that died with the lease in its hand keeps others away for as long as the lease, and no longer.
    let due = schedule(&anna, new_build(ground).await, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    let project = ground.row().await.number;
    assert!(ground.engine.catalog.lease_schedule(project, due.number, due.at, lease_ms).await.unwrap());
    assert_eq!(run(ground, due.at.plus_ms(lease_ms - 1)).await, 0);
    assert_eq!(run(ground, due.at.plus_ms(lease_ms)).await, 1);
    assert_eq!(look(ground, due.number).await.state, ScheduleState::Done);
}

async fn stop_production(site: &Site) {
    let (environment, classes) = (of("production"), [Class::Regular].into());
    let draft = StopDraft { environment, classes, reason: "an incident".into() };
    stop(&site.engine, &site.caller(), &site.name, draft).await.expect("it is stopped");
}

async fn lift_in_production(site: &Site, kind: LockKind) {
    let environment = of("production");
    let lifted = lift(&site.engine, &site.caller(), &site.name, (&environment, kind), "over").await;
    lifted.expect("it is lifted");
}

async fn what_the_gate_refuses_waits_until_it_passes_or_lapses(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let due = schedule(&anna, new_build(ground).await, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    stop_production(ground).await;

    for minutes in 0..5 {
        run(ground, due.at.plus_ms(minutes * MINUTE_MS)).await;
    }
    let refused = look(ground, due.number).await;
    assert_eq!((refused.state, refused.refusal.len()), (ScheduleState::Pending, 1));
    let told = events(ground, "schedule.refused").await;
    assert_eq!(told.len(), 1, "once for the same reasons: {told:?}");
    assert_eq!((&told[0]["schedule"], &told[0]["checks"][0]["name"]), (&due.number.into(), &"stop".into()));

    run(ground, due.deadline).await;
    assert_eq!(look(ground, due.number).await.state, ScheduleState::Pending, "to the last moment");
    run(ground, due.deadline.plus_ms(1)).await;
    assert_eq!(look(ground, due.number).await.state, ScheduleState::Lapsed);
    assert_eq!(events(ground, "schedule.lapsed").await.len(), 1);
    lift_in_production(ground, LockKind::Stop).await;
    assert_eq!(run(ground, due.deadline.plus_ms(MINUTE_MS)).await, 0);
    assert_eq!(ground.serves("production"), None, "what is stale is not carried out");
}

async fn a_change_in_the_project_is_a_reason_to_try_again_at_once(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let build = new_build(ground).await;
    let due = schedule(&anna, build, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    stop_production(ground).await;
    run(ground, due.at).await;
    run(ground, due.at.plus_ms(1)).await; // its own refusal was a change
    assert_eq!(run(ground, due.at.plus_ms(2)).await, 0, "nothing has changed, and no minute has passed");

    lift_in_production(ground, LockKind::Stop).await;

    assert_eq!(run(ground, due.at.plus_ms(3)).await, 1);
    assert_eq!(ground.serves("production"), Some(build));
}

async fn a_hold_makes_a_schedule_wait_until_it_is_lifted(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    for _ in 0..2 {
        ground.promote("production", new_build(ground).await).await;
    }
    ground.roll_back("production").await;
    let build = new_build(ground).await;
    let due = schedule(&anna, build, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;

    run(ground, due.at).await;
    assert_eq!(look(ground, due.number).await.refusal[0].name, of("hold"));
    assert_ne!(ground.serves("production"), Some(build));
    lift_in_production(&anna, LockKind::Hold).await;
    run(ground, due.at.plus_ms(MINUTE_MS)).await;
    assert_eq!(ground.serves("production"), Some(build));
}

async fn a_schedule_of_a_release_that_is_over_fails(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let due = schedule(&anna, new_build(ground).await, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    let project = ground.row().await.number;
    let mut write = ground.engine.catalog.write().await.unwrap();
    let release = write.release(project, due.build.release).await.unwrap().unwrap();
    let over = ReleaseRow { state: ReleaseState::Cancelled, ..release };
    write.update_release(project, &over).await.unwrap();
    let draft = shelfmark_engine::catalog::AuditDraft {
        action: "release.cancelled",
        project: "site".into(),
        subject: due.build.release.to_string(),
        message: String::new(),
        details: serde_json::json!({}),
    };
    write.record(&ground.who, ground.engine.clock.now(), draft);
    write.commit().await.unwrap();

    run(ground, due.at).await;

    let failed = look(ground, due.number).await;
    assert_eq!(failed.state, ScheduleState::Failed);
    assert!(failed.ended.unwrap().2.contains("is cancelled"));
    let again = crate::laws::schedule::schedules::draft(due.build, due.at.plus_ms(MINUTE_MS));
    let refused = schedule_promotion(&anna.engine, &anna.caller(), &anna.name, again).await.unwrap_err();
    assert!(matches!(refused, ScheduleError::Over(_, ReleaseState::Cancelled)), "{refused}");
}

async fn what_is_served_already_is_done_without_a_deployment(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let build = new_build(ground).await;
    let due = schedule(&anna, build, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    ground.promote("production", build).await;

    run(ground, due.at).await;

    let done = look(ground, due.number).await;
    assert_eq!((done.state, done.deployment), (ScheduleState::Done, Some(1)));
    assert_eq!(ground.deployments("production").await.len(), 1);
    assert_eq!(events(ground, "schedule.done").await.len(), 1);
}

/// Lets each statement of a run fail in turn, and then each commit after it took effect.
async fn each_statement_of_a_run_fails_once(ground: &Ground) {
    let (site, statements) = Statements::of(ground).await;
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let mut number = 0;
    for moment in [Moment::Before, Moment::After] {
        for n in 1.. {
            number += 1;
            let due = schedule(&anna, new_build(ground).await, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;

            statements.fail(n, moment);
            let ran = run_schedules(&site.engine, due.at).await;
            let is_over = statements.is_pending();
            statements.fail(0, moment);

            let what = format!("{moment:?} {n}: {ran:?}");
            let found = look(ground, due.number).await;
            let deployments = ground.deployments("production").await;
            match found.state {
                ScheduleState::Done => assert_eq!(deployments.len(), number, "{what}"),
                ScheduleState::Pending => assert_eq!(deployments.len(), number - 1, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
            run_schedules(&site.engine, due.at.plus_ms(site.engine.limits.lease_ms)).await.unwrap();
            let found = look(ground, due.number).await;
            let deployments = ground.deployments("production").await;
            assert_eq!((found.state, found.deployment), (ScheduleState::Done, Some(number as i64)), "{what}");
            assert_eq!(deployments.len(), number, "{what}");
            assert_eq!(site.serves("production"), Some(due.build), "{what}");
            if is_over {
                assert!(n > 1, "a run asks nothing of the database");
                break;
            }
        }
    }
}

mod statements {
    use crate::laws::ground::{Backing, Database, Ground};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_scheduled_promotion_survives_every_failing_statement_of_sqlite() {
        survives(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_scheduled_promotion_survives_every_failing_statement_of_postgres() {
        survives(Database::Postgres).await;
    }

    async fn survives(database: Database) {
        if let Some(ground) = Ground::open(database, Backing::Memory).await {
            super::each_statement_of_a_run_fails_once(&ground).await;
            ground.holds().await;
        }
    }
}
