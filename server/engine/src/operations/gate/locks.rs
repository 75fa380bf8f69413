//! Stopping an environment, and ending stops and holds.

use std::collections::BTreeSet;

use shelfmark_domain::access::Permission;
use shelfmark_domain::gate::{Class, LockFacts};
use shelfmark_domain::name::{EnvironmentName, ProjectName};

use super::error::GateError;
use super::facts::shown;
use crate::Engine;
use crate::catalog::{AuditDraft, LockKind, LockRow, ProjectRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::text::check_said;

/// A stop to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopDraft {
    pub environment: EnvironmentName,
    pub classes: BTreeSet<Class>,
    pub reason: String,
}

fn audit(action: &'static str, project: &ProjectRow, environment: &EnvironmentName, reason: &str) -> AuditDraft {
    let (project, subject) = (project.name.to_string(), environment.to_string());
    let details = serde_json::json!({ "environment": environment });
    AuditDraft { action, project, subject, message: reason.to_owned(), details }
}

async fn present(
    write: &mut Write,
    project: &ProjectRow,
    environment: &EnvironmentName,
    kind: LockKind,
) -> Result<Option<LockRow>, GateError> {
    let environments = write.environments(project.number).await?;
    if !environments.iter().any(|at| at.environment.name == *environment) {
        return Err(GateError::NoEnvironment(environment.clone()));
    }
    let locks = write.reading().present_locks(project.number, environment).await?;
    Ok(locks.into_iter().find(|lock| lock.kind == kind))
}

/// Stops an environment: nothing of the named classes passes until someone lifts it.
///
/// # Errors
/// `Locked` when it is stopped already; otherwise see `GateError`. Nothing has been changed.
pub async fn stop(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: StopDraft,
) -> Result<LockRow, GateError> {
    let StopDraft { environment, classes, reason } = draft;
    let project = caller.environment(&engine.catalog, project, &environment, Permission::Promote).await?;
    check_said("reason", &reason, engine.limits.text_bytes_max)?;
    if classes.is_empty() {
        return Err(GateError::NoClass);
    }
    let is_repeated = caller.earlier_outcome::<()>(&engine.catalog).await?.is_some();
    let mut write = if is_repeated { engine.catalog.write().await? } else { caller.begin(&engine.catalog).await? };
    match present(&mut write, &project, &environment, LockKind::Stop).await? {
        Some(lock) if is_repeated => return Ok(lock),
        Some(lock) => {
            let (since, by) = shown(&lock.facts);
            return Err(GateError::Locked { environment, state: "stopped", since, by });
        }
        None => {}
    }
    let number =
        write.record(&caller.principal, caller.now, audit("environment.stopped", &project, &environment, &reason));
    let by_name = caller.principal.name.clone();
    let facts = LockFacts { build: None, classes, by_name, reason, since: caller.now, until: None };
    let lock = LockRow { number, environment, kind: LockKind::Stop, facts, ended: None };
    write.insert_lock(project.number, &lock).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(lock)
}

/// Ends a stop or a hold.
///
/// # Errors
/// `NotLocked` when there is none; otherwise see `GateError`. Nothing has been changed.
pub async fn lift(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (environment, kind): (&EnvironmentName, LockKind),
    reason: &str,
) -> Result<(), GateError> {
    let project = caller.environment(&engine.catalog, project, environment, Permission::Promote).await?;
    check_said("reason", reason, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let (action, state) = match kind {
        LockKind::Stop => ("environment.reopened", "stopped"),
        LockKind::Hold => ("environment.hold_lifted", "held"),
        LockKind::Freeze => ("release.unfrozen", "frozen"),
    };
    let mut write = caller.begin(&engine.catalog).await?;
    let lock = present(&mut write, &project, environment, kind).await?;
    let lock = lock.ok_or_else(|| GateError::NotLocked { environment: environment.clone(), state })?;
    write.record(&caller.principal, caller.now, audit(action, &project, environment, reason));
    write.end_lock(project.number, lock.number, (caller.now, &caller.principal.name, reason)).await?;
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}
