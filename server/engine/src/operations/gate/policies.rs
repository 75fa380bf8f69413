//! Setting policies. Each change is a new revision; none is ever lost.

use shelfmark_domain::access::Permission;
use shelfmark_domain::gate::Policy;
use shelfmark_domain::name::{EnvironmentName, ProjectName};

use super::error::GateError;
use crate::Engine;
use crate::catalog::{AuditDraft, PolicyRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// Sets the policy of an environment, or with none of the whole project; with `expected`, only if it is still at that
/// revision (0: none was ever set). The policy that holds already is a success that adds nothing.
///
/// # Errors
/// `Policy`, `Stale`; otherwise see `GateError`. Nothing has been changed.
pub async fn set_policy(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    environment: Option<&EnvironmentName>,
    (policy, message): (Policy, &str),
    expected: Option<i64>,
) -> Result<PolicyRow, GateError> {
    let row = match environment {
        None => caller.project(&engine.catalog, project, Permission::Administer).await?,
        Some(name) => caller.environment(&engine.catalog, project, name, Permission::Administer).await?,
    };
    let project = row;
    check_text("message", message, engine.limits.text_bytes_max)?;
    let policy = policy.checked()?;
    let is_repeated = caller.earlier_outcome::<()>(&engine.catalog).await?.is_some();
    let mut write = if is_repeated { engine.catalog.write().await? } else { caller.begin(&engine.catalog).await? };
    let environments = write.environments(project.number).await?;
    let named = environment.into_iter().chain(policy.automatic.as_ref().map(|rule| &rule.from));
    for name in named {
        if !environments.iter().any(|at| at.environment.name == *name) {
            return Err(GateError::NoEnvironment(name.clone()));
        }
    }
    let present = write.reading().policy(project.number, environment).await?;
    let revision = present.as_ref().map_or(0, |row| row.revision);
    if let Some(present) = present.filter(|present| is_repeated || present.policy == policy) {
        return Ok(present);
    }
    let what = environment.map_or_else(|| "the project's policy".to_owned(), |name| format!("the policy of {name}"));
    check_revision(what, expected, revision)?;
    let (by_name, message, at) = (caller.principal.name.clone(), message.to_owned(), caller.now);
    let row = PolicyRow { revision: revision + 1, policy, by_name, message, at };
    let details = serde_json::json!({ "environment": environment, "revision": row.revision, "policy": row.policy });
    let draft = AuditDraft {
        action: "policy.set",
        project: project.name.to_string(),
        subject: environment.map(ToString::to_string).unwrap_or_default(),
        message: row.message.clone(),
        details,
    };
    write.record(&caller.principal, caller.now, draft);
    write.insert_policy(project.number, environment, &row).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(row)
}
