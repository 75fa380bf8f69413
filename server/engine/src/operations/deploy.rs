//! The one gate to an environment's pointer. Every promotion and every rollback, whoever asks for it, passes
//! `deploy` and leaves the same traces: the row, its history, the audit entry, the event.

use shelfmark_domain::access::Permission;
use shelfmark_domain::environment::{DeploymentKind, Environment, Moved, Pointing, Served, served_before};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::pin::Entry;

use super::caller::{AccessError, Caller};
use super::chunks::ReadError;
use super::text::{InvalidText, check_text};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, DeploymentRow, ProjectRow, ReleaseRow, Write};

/// Deployments read at a time when looking for an earlier build.
const PAGE: u32 = 1_000;

/// What to move to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub reason: String,
    /// The environment's revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// What to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    pub environment: EnvironmentName,
    /// `None`: what was served before the present build was promoted.
    pub to: Option<BuildName>,
    pub reason: String,
    pub expected: Option<i64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The deployment that made the environment serve the build; an earlier one when nothing had to be done.
    pub deployment: DeploymentRow,
    pub is_new: bool,
    /// The environment's revision then: later than the deployment's when its settings have changed since.
    pub revision: i64,
}

/// What a rollback would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackPlan {
    pub serves: Option<Served>,
    pub would_serve: Served,
    /// How many keys would change.
    pub changes: u64,
    /// The contents among them whose bytes are not in the store: empty unless the store is damaged.
    pub missing: Vec<shelfmark_domain::hash::ContentId>,
    pub revision: i64,
}

/// Why an environment serves what it served before.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    #[error("there is no build {0} in this project; list a release's builds with GET builds")]
    NoBuild(BuildName),
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error("{environment} has never served {build}; promote it, or choose one from its deployments")]
    NeverServed { environment: EnvironmentName, build: BuildName },
    #[error("{0} has served nothing before what it serves now, so there is nothing to go back to")]
    NothingBefore(EnvironmentName),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Moved(#[from] Moved),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for DeployError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoBuild(_) | Self::NoEnvironment(_) => FailureKind::NotFound,
            Self::NeverServed { .. } | Self::NothingBefore(_) => FailureKind::Conflict,
            Self::Text(error) => error.kind(),
            Self::Moved(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// Makes an environment serve a build. What it serves already is a success that adds nothing.
///
/// # Errors
/// See `DeployError`; the environment is unchanged.
pub async fn promote(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    promotion: Promotion,
) -> Result<Deployed, DeployError> {
    let Promotion { environment, build, reason, expected } = promotion;
    let project = caller.environment(&engine.catalog, project, &environment, Permission::Promote).await?;
    if let Some(earlier) = earlier(engine, caller, &project, &environment).await? {
        return Ok(earlier);
    }
    let served = served_by(engine, &project, build).await?;
    let asked = Asked { environment, served, kind: DeploymentKind::Promotion, reason, expected };
    deploy(engine, caller, &project, asked).await
}

/// Makes an environment serve again what it served before.
///
/// # Errors
/// See `DeployError`; the environment is unchanged.
pub async fn roll_back(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    rollback: Rollback,
) -> Result<Deployed, DeployError> {
    let project = caller.environment(&engine.catalog, project, &rollback.environment, Permission::Promote).await?;
    if let Some(earlier) = earlier(engine, caller, &project, &rollback.environment).await? {
        return Ok(earlier);
    }
    let (served, revision) = rollback_target(engine, &project, &rollback).await?;
    let Rollback { environment, reason, expected, .. } = rollback;
    // The target was found for this revision; if the pointer has moved since, it may be another one.
    let expected = expected.or(Some(revision));
    let asked = Asked { environment, served, kind: DeploymentKind::Rollback, reason, expected };
    deploy(engine, caller, &project, asked).await
}

/// Says what a rollback would do, and whether every byte that it would serve is there.
///
/// # Errors
/// As `roll_back`.
pub async fn plan_rollback(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    rollback: &Rollback,
) -> Result<RollbackPlan, DeployError> {
    let project = caller.environment(&engine.catalog, project, &rollback.environment, Permission::Read).await?;
    let (would_serve, revision) = rollback_target(engine, &project, rollback).await?;
    let serves = environment(engine, &project, &rollback.environment).await?.serves;
    let differences = match serves {
        Some(serves) => engine.manifests.compare(serves.manifest, would_serve.manifest).await?,
        None => Vec::new(),
    };
    let mut missing = Vec::new();
    for difference in &differences {
        if let Some(Entry::Pin(pin)) = &difference.after
            && !engine.contents.is_stored(pin.content, pin.size_bytes).await?
        {
            missing.push(pin.content);
        }
    }
    Ok(RollbackPlan { serves, would_serve, changes: differences.len() as u64, missing, revision })
}

async fn served_by(engine: &Engine, project: &ProjectRow, build: BuildName) -> Result<Served, DeployError> {
    let row = engine.catalog.build(project.number, build).await?.ok_or(DeployError::NoBuild(build))?;
    Ok(Served { build: row.name, manifest: row.manifest })
}

async fn environment(
    engine: &Engine,
    project: &ProjectRow,
    name: &EnvironmentName,
) -> Result<Environment, DeployError> {
    let at = engine.catalog.environment(project.number, name).await?;
    Ok(at.ok_or_else(|| DeployError::NoEnvironment(name.clone()))?.environment)
}

/// The build to go back to, and the environment's revision for which that holds.
async fn rollback_target(
    engine: &Engine,
    project: &ProjectRow,
    rollback: &Rollback,
) -> Result<(Served, i64), DeployError> {
    let now = environment(engine, project, &rollback.environment).await?;
    if let Some(to) = rollback.to {
        let served = served_by(engine, project, to).await?;
        let environments = engine.catalog.environments_of_build(project.number, to).await?;
        if environments.contains(&rollback.environment) {
            return Ok((served, now.revision));
        }
        return Err(DeployError::NeverServed { environment: rollback.environment.clone(), build: to });
    }
    let mut history = Vec::new();
    let mut before = Some(now.revision.saturating_add(1));
    while let Some(revision) = before {
        let page = engine.catalog.deployments(project.number, &rollback.environment, Some(revision), PAGE).await?;
        before = page.next.and(page.items.last().map(|deployment| deployment.revision));
        history.extend(page.items.into_iter().map(|deployment| (deployment.kind, deployment.serves)));
    }
    let served = served_before(history.into_iter().rev());
    Ok((served.ok_or_else(|| DeployError::NothingBefore(rollback.environment.clone()))?, now.revision))
}

/// What the gate is asked.
struct Asked {
    environment: EnvironmentName,
    served: Served,
    kind: DeploymentKind,
    reason: String,
    expected: Option<i64>,
}

/// The gate.
async fn deploy(engine: &Engine, caller: &Caller, project: &ProjectRow, asked: Asked) -> Result<Deployed, DeployError> {
    check_text("reason", &asked.reason, engine.limits.text_bytes_max)?;
    let mut write = caller.begin(&engine.catalog).await?;
    let environments = write.environments(project.number).await?;
    let is_final = environments.last().is_some_and(|last| last.environment.name == asked.environment);
    let present = environments.into_iter().find(|at| at.environment.name == asked.environment);
    let present = present.ok_or_else(|| DeployError::NoEnvironment(asked.environment.clone()))?.environment;
    let (before, present_revision) = (present.serves, present.revision);
    let Asked { environment, served, kind, reason, expected } = asked;
    let deployment = match present.point_at(served, kind, reason, expected, caller.now)? {
        Pointing::Move(deployment) => deployment,
        Pointing::AlreadyServed => {
            let deployed = already_served(engine, project, &environment, present_revision).await?;
            note(&mut write, caller, &deployed).await?;
            write.commit().await?;
            return Ok(deployed);
        }
    };
    let action = match kind {
        DeploymentKind::Promotion => "environment.promoted",
        DeploymentKind::Rollback => "environment.rolled_back",
    };
    let details = serde_json::json!({ "environment": environment, "build": served.build,
        "manifest": served.manifest, "revision": deployment.revision, "replaced": before.map(|b| b.build) });
    let draft = AuditDraft {
        action,
        project: project.name.to_string(),
        subject: environment.to_string(),
        message: deployment.reason.clone(),
        details,
    };
    let sequence = write.record(&caller.principal, caller.now, draft);
    let moved = write.move_pointer(project.number, &deployment, &caller.principal.name, sequence).await?;
    debug_assert!(moved, "the revision was read in this same transaction, which holds the lock on all changes");
    if is_final {
        carry_release_states(&mut write, project, before, served, kind).await?;
    }
    let deployment = DeploymentRow {
        environment,
        revision: deployment.revision,
        kind,
        serves: served,
        replaced: before.map(|served| served.build),
        reason: deployment.reason,
        actor_name: caller.principal.name.clone(),
        at: caller.now,
    };
    let deployed = Deployed { revision: deployment.revision, deployment, is_new: true };
    note(&mut write, caller, &deployed).await?;
    engine.pointers.commit(write, project.number).await?;
    Ok(deployed)
}

/// What is kept for a repetition: a promotion that is sent again must not undo a rollback that came in between.
type Kept = (i64, bool, i64);

async fn note(write: &mut Write, caller: &Caller, deployed: &Deployed) -> Result<(), AccessError> {
    let kept: Kept = (deployed.deployment.revision, deployed.is_new, deployed.revision);
    caller.note_outcome(write, &kept).await
}

/// What came of an earlier request with the same key.
async fn earlier(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    environment: &EnvironmentName,
) -> Result<Option<Deployed>, DeployError> {
    let Some((deployed_at, is_new, revision)) = caller.earlier_outcome::<Kept>(&engine.catalog).await? else {
        return Ok(None);
    };
    engine.pointers.refresh().await?; // the first request may not have learnt that its commit took effect
    let before = deployed_at.saturating_add(1);
    let page = engine.catalog.deployments(project.number, environment, Some(before), 1).await?;
    let deployment = page.items.into_iter().next();
    let deployment = deployment.ok_or_else(|| DeployError::NothingBefore(environment.clone()))?;
    Ok(Some(Deployed { deployment, is_new, revision }))
}

async fn already_served(
    engine: &Engine,
    project: &ProjectRow,
    environment: &EnvironmentName,
    revision: i64,
) -> Result<Deployed, DeployError> {
    // Another process may have moved it, or this one without learning that its commit took effect.
    engine.pointers.refresh().await?;
    let page = engine.catalog.deployments(project.number, environment, None, 1).await?;
    let deployment = page.items.into_iter().next();
    let deployment = deployment.ok_or_else(|| DeployError::NothingBefore(environment.clone()))?;
    Ok(Deployed { deployment, is_new: false, revision })
}

/// What reaching or leaving the final environment means to the releases.
async fn carry_release_states(
    write: &mut Write,
    project: &ProjectRow,
    before: Option<Served>,
    served: Served,
    kind: DeploymentKind,
) -> Result<(), DeployError> {
    let left = before.filter(|before| before.build.release != served.build.release);
    if kind == DeploymentKind::Rollback
        && let Some(left) = left
        && let Some(release) = write.release(project.number, left.build.release).await?
    {
        let state = release.state.after_final_rollback();
        write.update_release(project.number, &ReleaseRow { state, ..release }).await?;
    }
    if let Some(release) = write.release(project.number, served.build.release).await? {
        let state = release.state.after_final_promotion();
        write.update_release(project.number, &ReleaseRow { state, ..release }).await?;
    }
    Ok(())
}
