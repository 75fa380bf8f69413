//! What caused an incident: a deployment, if it is known.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{EnvironmentName, ProjectName, WorkItemNumber};
use shelfmark_domain::work_item::WorkKind;

use super::error::ClosingError;
use crate::Engine;
use crate::catalog::{AuditDraft, CauseRow, ProjectRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;

/// A cause to be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseDraft {
    pub environment: EnvironmentName,
    /// The environment's revision after the deployment.
    pub deployment: i64,
    /// The revision of the cause that the caller saw, if it insists on it; 0: none was named.
    pub expected: Option<i64>,
}

fn audit(action: &'static str, project: &ProjectRow, item: WorkItemNumber, details: serde_json::Value) -> AuditDraft {
    AuditDraft { action, project: project.name.to_string(), subject: item.to_string(), message: String::new(), details }
}

/// Names the deployment that caused an incident; an earlier one makes way. The same one is a success that adds nothing.
///
/// # Errors
/// `NoIncident`, `NoDeployment`; otherwise see `ClosingError`. Nothing has been changed.
pub async fn name_cause(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    draft: CauseDraft,
) -> Result<CauseRow, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    let CauseDraft { environment, deployment, expected } = draft;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return engine.catalog.cause(project.number, item).await?.ok_or(ClosingError::NoCause(item));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let row = write.work_item(project.number, item).await?.ok_or(ClosingError::NoItem(item))?;
    if row.said.kind != WorkKind::Incident {
        return Err(ClosingError::NoIncident { item, kind: row.said.kind });
    }
    let present = write.cause(project.number, item).await?;
    let revision = present.as_ref().map_or(0, |cause| cause.revision);
    check_revision(format!("the cause of {item}"), expected, revision)?;
    if let Some(same) = present.filter(|cause| cause.environment == environment && cause.deployment == deployment) {
        return Ok(same);
    }
    let build = write.deployed_build(project.number, &environment, deployment).await?;
    let build = build.ok_or_else(|| ClosingError::NoDeployment { environment: environment.clone(), deployment })?;
    let (by_name, at) = (caller.principal.name.clone(), caller.now);
    let cause = CauseRow { item, environment, deployment, build, revision: revision + 1, by_name, at };
    let details = serde_json::json!({ "environment": cause.environment, "revision": deployment, "build": build,
        "release": build.release, "title": row.said.title });
    write.record(&caller.principal, caller.now, audit("work_item.cause_named", &project, item, details));
    write.put_cause(project.number, &cause).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(cause)
}

/// Takes back that a deployment caused an incident.
///
/// # Errors
/// `NoCause`; otherwise see `ClosingError`. Nothing has been changed.
pub async fn withdraw_cause(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    expected: Option<i64>,
) -> Result<(), ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let cause = write.cause(project.number, item).await?.ok_or(ClosingError::NoCause(item))?;
    check_revision(format!("the cause of {item}"), expected, cause.revision)?;
    let details = serde_json::json!({ "environment": cause.environment, "revision": cause.deployment,
        "build": cause.build, "release": cause.build.release });
    write.record(&caller.principal, caller.now, audit("work_item.cause_withdrawn", &project, item, details));
    write.remove_cause(project.number, item).await?;
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}
