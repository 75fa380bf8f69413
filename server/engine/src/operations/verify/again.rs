//! Asking for a verification by hand.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{EnvironmentName, ProjectName};

use super::error::VerifyError;
use crate::Engine;
use crate::catalog::{AuditDraft, VerificationRow, VerificationState};
use crate::operations::gate::policy;
use crate::operations::people::caller::Caller;

const MINUTE_MS: i64 = 60_000;

/// Begins the verification of what an environment serves anew, by the policy that holds now. One that is still under way
/// is left to go on.
///
/// # Errors
/// See `VerifyError`; nothing has been changed.
pub async fn verify_again(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (environment, revision): (&EnvironmentName, i64),
) -> Result<VerificationRow, VerifyError> {
    let project = caller.environment(&engine.catalog, project, environment, Permission::Promote).await?;
    let no_deployment = || VerifyError::NoDeployment { environment: environment.clone(), revision };
    let before = Some(revision.saturating_add(1));
    let page = engine.catalog.deployments(project.number, environment, before, 1).await?;
    let deployment = page.items.into_iter().next().filter(|found| found.revision == revision);
    let deployment = deployment.ok_or_else(no_deployment)?;
    let is_repeated = caller.earlier_outcome::<()>(&engine.catalog).await?.is_some();
    let mut write = if is_repeated { engine.catalog.write().await? } else { caller.begin(&engine.catalog).await? };
    let present = write.verification(project.number, environment, revision).await?;
    let is_open = |row: &VerificationRow| {
        is_repeated || matches!(row.state, VerificationState::Pending | VerificationState::RollingBack)
    };
    if let Some(row) = present.as_ref().filter(|row| is_open(row)) {
        return Ok(row.clone());
    }
    let last = write.reading().last_deployment(project.number, environment).await?;
    if last.is_none_or(|(_, last)| last != revision) {
        return Err(VerifyError::NotServed(environment.clone()));
    }
    let rule = policy(&mut write.reading(), &project, environment).await?.verification;
    let rule = rule.ok_or_else(|| VerifyError::NoRule(environment.clone()))?;
    let replaced = match (&present, deployment.replaced) {
        (Some(row), _) => row.before,
        (None, Some(build)) => write.reading().build(project.number, build).await?.map(|build| build.manifest),
        (None, None) => None,
    };
    let row = VerificationRow {
        environment: environment.clone(),
        revision,
        kind: deployment.kind,
        build: deployment.serves.build,
        manifest: deployment.serves.manifest,
        before: replaced,
        run: present.as_ref().map_or(1, |row| row.run + 1),
        state: VerificationState::Pending,
        why: String::new(),
        items: Vec::new(),
        begun_at: caller.now,
        ends_at: caller.now.plus_ms(i64::from(rule.within_minutes) * MINUTE_MS),
        finished_at: None,
        rolled_back: None,
        rule,
    };
    let draft = AuditDraft {
        action: "verification.requested",
        project: project.name.to_string(),
        subject: environment.to_string(),
        message: String::new(),
        details: serde_json::json!({ "environment": environment, "revision": revision, "build": row.build,
            "run": row.run }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.put_verification(project.number, &row, caller.now).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(row)
}
