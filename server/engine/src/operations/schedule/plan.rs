//! Scheduling a promotion.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_domain::time::Timestamp;

use super::error::ScheduleError;
use crate::Engine;
use crate::catalog::{AuditDraft, ProjectRow, ScheduleRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::text::check_text;

const DAY_MS: i64 = 86_400_000;

/// A promotion to be scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleDraft {
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub at: Timestamp,
    /// The time zone in which the instant was said.
    pub zone: Option<String>,
    /// `None`: the configured time after the instant.
    pub deadline: Option<Timestamp>,
    pub reason: String,
}

/// Schedules a promotion, in the caller's name. The gate is asked when it is due, with the permissions that the caller has
/// then, and no more than they have now.
///
/// # Errors
/// See `ScheduleError`; nothing has been changed.
pub async fn schedule_promotion(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: ScheduleDraft,
) -> Result<ScheduleRow, ScheduleError> {
    let project = caller.environment(&engine.catalog, project, &draft.environment, Permission::Promote).await?;
    check_text("reason", &draft.reason, engine.limits.text_bytes_max)?;
    if let Some(number) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        let row = engine.catalog.schedule(project.number, number).await?;
        return row.ok_or(ScheduleError::NoSchedule(number));
    }
    let deadline = check_times(engine, caller, &draft)?;
    let mut write = caller.begin(&engine.catalog).await?;
    check_place(&mut write, &project, &draft).await?;
    let ScheduleDraft { environment, build, at, zone, reason, .. } = draft;
    let audit = AuditDraft {
        action: "schedule.created",
        project: project.name.to_string(),
        subject: environment.to_string(),
        message: reason.clone(),
        details: serde_json::json!({ "environment": environment, "build": build, "at": at, "zone": zone,
            "deadline": deadline }),
    };
    let number = write.record(&caller.principal, caller.now, audit);
    let row = ScheduleRow {
        number,
        environment,
        build,
        at,
        zone,
        deadline,
        reason,
        by: caller.principal.id.clone(),
        by_name: caller.principal.name.clone(),
        grants: caller.principal.grants.clone(),
        created_at: caller.now,
        revision: 1,
        state: ScheduleState::Pending,
        ended: None,
        deployment: None,
        refusal: Vec::new(),
        refused_at: None,
    };
    write.insert_schedule(project.number, &row).await?;
    caller.note_outcome(&mut write, &number).await?;
    write.commit().await?;
    Ok(row)
}

/// The deadline, if both instants can be meant.
fn check_times(engine: &Engine, caller: &Caller, draft: &ScheduleDraft) -> Result<Timestamp, ScheduleError> {
    let (at, now, days) = (draft.at, caller.now, engine.limits.schedule_days_max);
    if at <= now {
        return Err(ScheduleError::Past { at, now });
    }
    let latest = now.plus_ms(days.saturating_mul(DAY_MS));
    let deadline = draft.deadline.unwrap_or_else(|| at.plus_ms(engine.limits.schedule_deadline_ms));
    if draft.deadline.is_some() && deadline <= at {
        return Err(ScheduleError::Deadline { deadline, at });
    }
    match [Some(at), draft.deadline].into_iter().flatten().find(|instant| *instant > latest) {
        Some(at) => Err(ScheduleError::TooFar { at, days }),
        None => Ok(deadline),
    }
}

async fn check_place(write: &mut Write, project: &ProjectRow, draft: &ScheduleDraft) -> Result<(), ScheduleError> {
    let environments = write.environments(project.number).await?;
    if !environments.iter().any(|at| at.environment.name == draft.environment) {
        return Err(ScheduleError::NoEnvironment(draft.environment.clone()));
    }
    if write.reading().build(project.number, draft.build).await?.is_none() {
        return Err(ScheduleError::NoBuild(draft.build));
    }
    match write.release(project.number, draft.build.release).await?.map(|release| release.state) {
        Some(state @ (ReleaseState::Closed | ReleaseState::Cancelled)) => {
            Err(ScheduleError::Over(draft.build.release, state))
        }
        _ => Ok(()),
    }
}
