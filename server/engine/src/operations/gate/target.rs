//! Where a rollback leads, and what it would do.

use shelfmark_domain::access::Permission;
use shelfmark_domain::environment::{Environment, Served, served_before};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::pin::Entry;

use super::deploy::{DeployError, Rollback};
use crate::Engine;
use crate::catalog::ProjectRow;
use crate::operations::people::caller::Caller;

/// Deployments read at a time when looking for an earlier build.
const PAGE: u32 = 1_000;

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
pub(super) async fn rollback_target(
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
