//! Carrying out what is due. Any number of processes do so at the same time: a lease keeps them from asking the gate for
//! the same schedule at once, and the change that moves the pointer marks the schedule done, so that it happens once.

use std::collections::BTreeSet;

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{Check, CheckName, Verdict};
use shelfmark_domain::schedule::{Due, ScheduleState, due};
use shelfmark_domain::time::Timestamp;

use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, DueSchedule};
use crate::operations::gate::{DeployError, Promotion, Way, promote};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::people::tokens::principal_again;

/// Schedules looked at in one go.
const AT_ONCE: u32 = 100;
/// Who ends schedules that are not carried out.
const SCHEDULER: &str = "scheduler";
/// What fails for a reason of the moment is tried again after so long.
const SOON_MS: i64 = 1_000;

/// Carries out the schedules that are due at an instant that has really come, see `Clock::passed`. Returns how many it
/// has had in hand.
///
/// # Errors
/// When the database can't say what is due. What goes wrong with one schedule is logged, and tried again.
pub async fn run_schedules(engine: &Engine, now: Timestamp) -> Result<usize, CatalogError> {
    // An earlier run may not have learnt that its commit took effect; nobody asks again for what it did.
    engine.pointers.refresh().await?;
    let mut had = 0;
    for due in engine.catalog.due_schedules(now, engine.limits.lease_ms, AT_ONCE).await? {
        let (project, number) = (due.project_number, due.schedule.number);
        if !engine.catalog.lease_schedule(project, number, now, engine.limits.lease_ms).await? {
            continue;
        }
        had += 1;
        if let Err(error) = carry_out(engine, &due, now).await {
            tracing::warn!(%error, schedule = number, "a scheduled promotion could not be tried; it is tried again");
        }
    }
    Ok(had)
}

async fn carry_out(engine: &Engine, plan: &DueSchedule, now: Timestamp) -> Result<(), CatalogError> {
    let DueSchedule { project, project_number, schedule } = plan;
    match due(schedule.at, schedule.deadline, now) {
        Due::NotYet => return Ok(()),
        Due::TooLate => {
            let why = format!("its deadline {} has passed", schedule.deadline);
            return end(engine, plan, ScheduleState::Lapsed, &why, now).await;
        }
        Due::Now => {}
    }
    // Read before the gate is asked: what changes meanwhile is a reason to ask again.
    let seen = engine.catalog.last_change(project).await?;
    let Some(principal) = principal_again(engine, &schedule.by, &schedule.grants, now).await? else {
        let why = format!("{}, who scheduled it, may not act any more", schedule.by_name);
        return end(engine, plan, ScheduleState::Failed, &why, now).await;
    };
    let promotion = Promotion {
        environment: schedule.environment.clone(),
        build: schedule.build,
        reason: schedule.reason.clone(),
        way: Way::Schedule(schedule.number),
        expected: None,
    };
    let again_ms = match promote(engine, &Caller::new(principal, now), project, promotion).await {
        Ok(_) | Err(DeployError::NotDue(_)) => return Ok(()),
        Err(DeployError::Refused(refusal)) if is_over(&refusal.verdict) => {
            return end(engine, plan, ScheduleState::Failed, &refusal.to_string(), now).await;
        }
        Err(DeployError::Refused(refusal)) => {
            refuse(engine, plan, refusal.verdict, now).await?;
            engine.limits.refused_ms
        }
        Err(
            error @ (DeployError::NoBuild(_)
            | DeployError::NoEnvironment(_)
            | DeployError::Access(AccessError::NoProject(_) | AccessError::Denied(_))),
        ) => return end(engine, plan, ScheduleState::Failed, &error.to_string(), now).await,
        Err(error) => {
            if error.kind() != FailureKind::Busy {
                tracing::warn!(%error, schedule = schedule.number, "a scheduled promotion failed; it is tried again");
            }
            SOON_MS
        }
    };
    let again = (now.plus_ms(again_ms), seen);
    engine.catalog.put_schedule_off(*project_number, schedule.number, again).await
}

/// Whether waiting can't help: the release is closed or cancelled.
fn is_over(verdict: &Verdict) -> bool {
    verdict.failures().any(|check| check.name == CheckName::State)
}

/// Ends a schedule that is not carried out.
async fn end(
    engine: &Engine,
    plan: &DueSchedule,
    state: ScheduleState,
    why: &str,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let DueSchedule { project, project_number, schedule } = plan;
    let mut write = engine.catalog.write().await?;
    let present = write.schedule(*project_number, schedule.number).await?;
    if present.is_none_or(|present| present.state != ScheduleState::Pending) {
        return Ok(());
    }
    let scheduler = Caller::system(SCHEDULER, now).principal;
    let draft = AuditDraft {
        action: if state == ScheduleState::Lapsed { "schedule.lapsed" } else { "schedule.failed" },
        project: project.to_string(),
        subject: schedule.environment.to_string(),
        message: why.to_owned(),
        details: serde_json::json!({ "schedule": schedule.number, "environment": schedule.environment, "build": schedule.build, "at": schedule.at,
            "deadline": schedule.deadline, "checks": schedule.refusal }),
    };
    write.record(&scheduler, now, draft);
    write.end_schedule(*project_number, schedule.number, state, (now, &scheduler.name, why), None).await?;
    write.commit().await
}

/// Notes what the gate said. People are told when other checks stand in the way than before.
async fn refuse(engine: &Engine, plan: &DueSchedule, verdict: Verdict, now: Timestamp) -> Result<(), CatalogError> {
    let DueSchedule { project, project_number, schedule } = plan;
    let mut write = engine.catalog.write().await?;
    let Some(present) = write.schedule(*project_number, schedule.number).await? else { return Ok(()) };
    let failures: Vec<Check> = verdict.failures().cloned().collect();
    if present.state != ScheduleState::Pending || names(&present.refusal) == names(&failures) {
        return Ok(());
    }
    let draft = AuditDraft {
        action: "schedule.refused",
        project: project.to_string(),
        subject: schedule.environment.to_string(),
        message: String::new(),
        details: serde_json::json!({ "schedule": schedule.number, "environment": schedule.environment, "build": schedule.build, "at": schedule.at,
            "deadline": schedule.deadline, "checks": failures }),
    };
    write.record(&Caller::system(SCHEDULER, now).principal, now, draft);
    write.refuse_schedule(*project_number, schedule.number, &failures, now).await?;
    write.commit().await
}

/// Which checks stand in the way. Their reasons have times in them that change every minute.
pub(super) fn names(checks: &[Check]) -> BTreeSet<&CheckName> {
    checks.iter().map(|check| &check.name).collect()
}
