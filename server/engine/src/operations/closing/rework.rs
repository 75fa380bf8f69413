//! Reworking a release that was rolled back: it is a draft again.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::release::ReleaseStep;

use super::error::ClosingError;
use crate::Engine;
use crate::catalog::{AuditDraft, ReleaseRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_said;

/// Lets a release that was rolled back take changes again.
///
/// # Errors
/// `Refused` when it was not rolled back; otherwise see `ClosingError`. Nothing has been changed.
pub async fn rework_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    reason: &str,
    expected: Option<i64>,
) -> Result<ReleaseRow, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_said("reason", reason, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return engine.catalog.release(project.number, number).await?.ok_or(ClosingError::NoRelease(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(ClosingError::NoRelease(number))?;
    check_revision(format!("release {number}"), expected, release.revision)?;
    let release = ReleaseRow { state: release.state.after(ReleaseStep::Rework)?, ..release };
    write.update_release(project.number, &release).await?;
    let draft = AuditDraft {
        action: "release.reworked",
        project: project.name.to_string(),
        subject: number.to_string(),
        message: reason.to_owned(),
        details: serde_json::json!({ "title": release.title }),
    };
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(ReleaseRow { revision: release.revision + 1, ..release })
}
