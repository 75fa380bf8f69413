//! Saying yes or no to a build in an environment.

use shelfmark_domain::access::{Permission, Role, Scope};
use shelfmark_domain::gate::{Approval, Decision};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};

use super::error::GateError;
use super::facts::policy;
use crate::Engine;
use crate::catalog::{ApprovalRow, AuditDraft, ProjectRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::text::{check_said, check_text};

/// A decision to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalDraft {
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub decision: Decision,
    /// A rejection has one.
    pub reason: String,
}

/// Approves or rejects a build for an environment. It binds to the build's manifest; of each person the last decision
/// counts.
///
/// # Errors
/// `NotAsked` when no rule takes the caller's word; otherwise see `GateError`. Nothing has been changed.
pub async fn decide_on_build(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: ApprovalDraft,
) -> Result<ApprovalRow, GateError> {
    let ApprovalDraft { environment, build, decision, reason } = draft;
    let name = project;
    let project = caller.environment(&engine.catalog, project, &environment, Permission::Participate).await?;
    match decision {
        Decision::Approved => check_text("reason", &reason, engine.limits.text_bytes_max)?,
        Decision::Rejected => check_said("reason", &reason, engine.limits.text_bytes_max)?,
    }
    if let Some(earlier) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        let before = Some(earlier.saturating_add(1));
        let page = engine.catalog.approvals_of_release(project.number, build.release, before, 1).await?;
        return page.items.into_iter().next().ok_or(GateError::NoBuild(build));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let row = write.reading().build(project.number, build).await?.ok_or(GateError::NoBuild(build))?;
    let environments = write.environments(project.number).await?;
    if !environments.iter().any(|at| at.environment.name == environment) {
        return Err(GateError::NoEnvironment(environment));
    }
    let role = caller.principal.role_in(Scope::Environment(name, &environment)).unwrap_or(Role::Viewer);
    check_asked(&mut write, &project, &environment, role).await?;
    let action = match decision {
        Decision::Approved => "build.approved",
        Decision::Rejected => "build.rejected",
    };
    let details =
        serde_json::json!({ "environment": environment, "build": build, "manifest": row.manifest, "role": role });
    let audit = AuditDraft {
        action,
        project: project.name.to_string(),
        subject: build.to_string(),
        message: reason.clone(),
        details,
    };
    let sequence = write.record(&caller.principal, caller.now, audit);
    let (by, by_name) = (caller.principal.id.clone(), caller.principal.name.clone());
    let approval = Approval { by, by_name, role, decision, reason, at: caller.now };
    let row = ApprovalRow { sequence, environment, build, manifest: row.manifest, approval };
    write.insert_approval(project.number, &row).await?;
    caller.note_outcome(&mut write, &sequence).await?;
    write.commit().await?;
    Ok(row)
}

/// Whether some rule takes the word of that role. Where no rule asks for anyone, those who work on the project may say
/// what they think.
async fn check_asked(
    write: &mut Write,
    project: &ProjectRow,
    environment: &EnvironmentName,
    role: Role,
) -> Result<(), GateError> {
    let policy = policy(&mut write.reading(), project, environment).await?;
    let needed = policy.approvals.iter().map(|rule| rule.role).min().unwrap_or(Role::Editor);
    if role >= needed {
        return Ok(());
    }
    Err(GateError::NotAsked { environment: environment.clone(), needed: needed.as_str() })
}
