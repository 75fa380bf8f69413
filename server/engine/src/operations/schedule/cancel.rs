//! Taking a scheduled promotion back.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{EnvironmentName, ProjectName};
use shelfmark_domain::schedule::ScheduleState;

use super::error::ScheduleError;
use crate::Engine;
use crate::catalog::{AuditDraft, ScheduleRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// Cancels a pending schedule. One that is cancelled already is a success that adds nothing.
///
/// # Errors
/// `Ended` when it has come to another end; otherwise see `ScheduleError`. Nothing has been changed.
pub async fn cancel_schedule(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (environment, number): (&EnvironmentName, i64),
    reason: &str,
    expected: Option<i64>,
) -> Result<ScheduleRow, ScheduleError> {
    let project = caller.environment(&engine.catalog, project, environment, Permission::Promote).await?;
    check_text("reason", reason, engine.limits.text_bytes_max)?;
    let is_repeated = caller.earlier_outcome::<()>(&engine.catalog).await?.is_some();
    let mut write = if is_repeated { engine.catalog.write().await? } else { caller.begin(&engine.catalog).await? };
    let row = write.schedule(project.number, number).await?.filter(|row| row.environment == *environment);
    let row = row.ok_or(ScheduleError::NoSchedule(number))?;
    if is_repeated || row.state == ScheduleState::Cancelled {
        return Ok(row);
    }
    check_revision(format!("schedule {number}"), expected, row.revision)?;
    if row.state != ScheduleState::Pending {
        return Err(ScheduleError::Ended(number, row.state));
    }
    let details =
        serde_json::json!({ "schedule": number, "environment": environment, "build": row.build, "at": row.at });
    let draft = AuditDraft {
        action: "schedule.cancelled",
        project: project.name.to_string(),
        subject: environment.to_string(),
        message: reason.to_owned(),
        details,
    };
    write.record(&caller.principal, caller.now, draft);
    let ended = (caller.now, caller.principal.name.as_str(), reason);
    write.end_schedule(project.number, number, ScheduleState::Cancelled, ended, None).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    let ended = Some((caller.now, caller.principal.name.clone(), reason.to_owned()));
    Ok(ScheduleRow { state: ScheduleState::Cancelled, ended, revision: row.revision + 1, ..row })
}
