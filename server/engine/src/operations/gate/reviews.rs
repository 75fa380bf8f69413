//! Reviews of deployments for which the glass was broken.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{EnvironmentName, ProjectName};

use super::error::GateError;
use crate::Engine;
use crate::catalog::{AuditDraft, ReviewRow};
use crate::operations::people::caller::Caller;
use crate::operations::text::check_said;

/// Notes what someone else found about a deployment for which the glass was broken. One that has been reviewed stays as
/// it is.
///
/// # Errors
/// `NoReview`, `OwnReview`; otherwise see `GateError`. Nothing has been changed.
pub async fn review(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (environment, revision): (&EnvironmentName, i64),
    text: &str,
) -> Result<ReviewRow, GateError> {
    let project = caller.environment(&engine.catalog, project, environment, Permission::Promote).await?;
    check_said("review", text, engine.limits.text_bytes_max)?;
    let mut write = engine.catalog.write().await?;
    let row = write.reading().review(project.number, environment, revision).await?;
    let row = row.ok_or_else(|| GateError::NoReview { environment: environment.clone(), revision })?;
    if row.done.is_some() {
        return Ok(row);
    }
    if row.by == caller.principal.id {
        return Err(GateError::OwnReview);
    }
    let name = &caller.principal.name;
    write.finish_review(project.number, (environment, revision), (name, caller.now, text)).await?;
    let draft = AuditDraft {
        action: "environment.glass_reviewed",
        project: project.name.to_string(),
        subject: environment.to_string(),
        message: text.to_owned(),
        details: serde_json::json!({ "environment": environment, "revision": revision }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.commit().await?;
    Ok(ReviewRow { done: Some((name.clone(), caller.now, text.to_owned())), ..row })
}
