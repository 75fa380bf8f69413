//! Waivers: excusing a failing check for a time.

use shelfmark_domain::access::Permission;
use shelfmark_domain::gate::{CheckName, Waiver};
use shelfmark_domain::name::{EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use super::error::GateError;
use crate::Engine;
use crate::catalog::{AuditDraft, ProjectRow, WaiverRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::text::check_said;

const DAY_MS: i64 = 86_400_000;

/// A waiver to be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverDraft {
    pub environment: EnvironmentName,
    pub check: CheckName,
    /// `None`: for every release.
    pub release: Option<ReleaseNumber>,
    pub reason: String,
    pub ends_at: Timestamp,
}

fn audit(action: &'static str, project: &ProjectRow, row: &WaiverRow, message: &str) -> AuditDraft {
    let WaiverRow { environment, waiver, .. } = row;
    let details = serde_json::json!({ "environment": environment, "check": waiver.check, "release": waiver.release,
        "ends_at": waiver.ends_at });
    let (project, subject) = (project.name.to_string(), waiver.check.to_string());
    AuditDraft { action, project, subject, message: message.to_owned(), details }
}

/// Excuses a check in an environment until an instant.
///
/// # Errors
/// See `GateError`; nothing has been changed.
pub async fn grant_waiver(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: WaiverDraft,
) -> Result<WaiverRow, GateError> {
    let WaiverDraft { environment, check, release, reason, ends_at } = draft;
    let project = caller.environment(&engine.catalog, project, &environment, Permission::Waive).await?;
    check_said("reason", &reason, engine.limits.text_bytes_max)?;
    if !check.is_waivable() {
        return Err(GateError::NotWaivable(check));
    }
    let days_max = engine.limits.waiver_days_max;
    if ends_at <= caller.now || ends_at > caller.now.plus_ms(days_max * DAY_MS) {
        return Err(GateError::WaiverEnd(days_max));
    }
    let earlier = caller.earlier_outcome::<i64>(&engine.catalog).await?;
    let mut write = match earlier {
        Some(_) => engine.catalog.write().await?,
        None => caller.begin(&engine.catalog).await?,
    };
    if let Some(number) = earlier {
        return write.waiver(project.number, number).await?.ok_or(GateError::NoWaiver(number));
    }
    check_place(&mut write, &project, &environment, release).await?;
    let waiver = Waiver { check, release, by_name: caller.principal.name.clone(), reason, ends_at };
    let mut row = WaiverRow { number: 0, environment, waiver, at: caller.now, revoked_at: None };
    let draft = audit("waiver.granted", &project, &row, &row.waiver.reason);
    row.number = write.record(&caller.principal, caller.now, draft);
    write.insert_waiver(project.number, &row).await?;
    caller.note_outcome(&mut write, &row.number).await?;
    write.commit().await?;
    Ok(row)
}

async fn check_place(
    write: &mut Write,
    project: &ProjectRow,
    environment: &EnvironmentName,
    release: Option<ReleaseNumber>,
) -> Result<(), GateError> {
    let environments = write.environments(project.number).await?;
    if !environments.iter().any(|at| at.environment.name == *environment) {
        return Err(GateError::NoEnvironment(environment.clone()));
    }
    if let Some(release) = release
        && write.release(project.number, release).await?.is_none()
    {
        return Err(GateError::NoRelease(release));
    }
    Ok(())
}

/// Ends a waiver before its time. One that has ended already is a success that adds nothing.
///
/// # Errors
/// See `GateError`; nothing has been changed.
pub async fn revoke_waiver(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: i64,
) -> Result<WaiverRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::Waive).await?;
    let mut write = engine.catalog.write().await?;
    let row = write.waiver(project.number, number).await?.ok_or(GateError::NoWaiver(number))?;
    if row.revoked_at.is_some() || row.waiver.ends_at <= caller.now {
        return Ok(row);
    }
    write.revoke_waiver(project.number, number, caller.now).await?;
    write.record(&caller.principal, caller.now, audit("waiver.revoked", &project, &row, ""));
    write.commit().await?;
    Ok(WaiverRow { revoked_at: Some(caller.now), ..row })
}
