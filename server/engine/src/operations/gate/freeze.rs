//! Freezing a release on a build: it takes no more changes, and its staging environment takes no other build.

use shelfmark_domain::access::Permission;
use shelfmark_domain::environment::Environment;
use shelfmark_domain::gate::LockFacts;
use shelfmark_domain::name::{BuildName, ProjectName, ReleaseNumber};
use shelfmark_domain::release::ReleaseStep;
use shelfmark_domain::time::Timestamp;

use super::after::end_freeze;
use super::error::GateError;
use super::facts::shown;
use crate::Engine;
use crate::catalog::{AuditDraft, LockKind, LockRow, ProjectRow, ReleaseRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::{check_said, check_text};

/// A freeze to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreezeDraft {
    /// `None`: the release's newest build.
    pub build: Option<BuildName>,
    pub reason: String,
    /// When it is expected to end.
    pub until: Option<Timestamp>,
    /// The release's revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// Freezes a release on a build that its staging environment serves: the one before the final environment.
///
/// # Errors
/// `NotOnStaging`, `Locked`, `Refused`; otherwise see `GateError`. Nothing has been changed.
pub async fn freeze(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    draft: FreezeDraft,
) -> Result<ReleaseRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    let FreezeDraft { build, reason, until, expected } = draft;
    check_text("reason", &reason, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return engine.catalog.release(project.number, number).await?.ok_or(GateError::NoRelease(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(GateError::NoRelease(number))?;
    check_revision(format!("release {number}"), expected, release.revision)?;
    let state = release.state.after(ReleaseStep::Freeze)?;
    let build = build.unwrap_or(BuildName { release: number, number: release.last_build });
    if build.number == 0 {
        return Err(GateError::Unbuilt(number));
    }
    if build.release != number || write.reading().build(project.number, build).await?.is_none() {
        return Err(GateError::NoBuild(build));
    }
    let staging = staging(&mut write, &project, build).await?;
    let environment = staging.name;
    let locks = write.reading().present_locks(project.number, &environment).await?;
    if let Some(lock) = locks.iter().find(|lock| lock.kind == LockKind::Freeze) {
        let (since, by) = shown(&lock.facts);
        return Err(GateError::Locked { environment, state: "frozen", since, by });
    }
    let draft = AuditDraft {
        action: "release.frozen",
        project: project.name.to_string(),
        subject: number.to_string(),
        message: reason.clone(),
        details: serde_json::json!({ "build": build, "environment": environment, "until": until }),
    };
    let lock = write.record(&caller.principal, caller.now, draft);
    let (by_name, since) = (caller.principal.name.clone(), caller.now);
    let facts = LockFacts { build: Some(build), classes: [].into(), by_name, reason, since, until };
    let lock = LockRow { number: lock, environment, kind: LockKind::Freeze, facts, ended: None };
    write.insert_lock(project.number, &lock).await?;
    finish(write, caller, &project, ReleaseRow { state, ..release }).await
}

/// The environment before the final one, which must serve the build; in a project of one environment that one, whatever
/// it serves.
async fn staging(write: &mut Write, project: &ProjectRow, build: BuildName) -> Result<Environment, GateError> {
    let mut environments = write.environments(project.number).await?;
    let last = environments.pop().expect("a project has environments from the start").environment;
    let Some(staging) = environments.pop().map(|at| at.environment) else { return Ok(last) };
    if staging.serves.is_some_and(|served| served.build == build) {
        return Ok(staging);
    }
    let serves = staging.serves.map_or_else(|| "nothing".to_owned(), |served| served.build.to_string());
    Err(GateError::NotOnStaging { environment: staging.name, serves, build })
}

/// Lets a frozen release take changes again, and its staging environment other builds.
///
/// # Errors
/// `Refused` when it is not frozen; otherwise see `GateError`. Nothing has been changed.
pub async fn unfreeze(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    reason: &str,
) -> Result<ReleaseRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_said("reason", reason, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return engine.catalog.release(project.number, number).await?.ok_or(GateError::NoRelease(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(GateError::NoRelease(number))?;
    let state = release.state.after(ReleaseStep::Unfreeze)?;
    if let Some(lock) = write.reading().freeze_of(project.number, number).await? {
        end_freeze(&mut write, caller, &project, &lock, reason).await?;
    }
    finish(write, caller, &project, ReleaseRow { state, ..release }).await
}

async fn finish(
    mut write: Write,
    caller: &Caller,
    project: &ProjectRow,
    release: ReleaseRow,
) -> Result<ReleaseRow, GateError> {
    write.update_release(project.number, &release).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(ReleaseRow { revision: release.revision + 1, ..release })
}
