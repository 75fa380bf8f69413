//! Pinning the lines of a draft at the newest versions of their assets: never by itself, always asked for.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};

use super::dates::PlanError;
use crate::Engine;
use crate::catalog::Selection;
use crate::operations::people::caller::Caller;
use crate::operations::releases::audit;
use crate::operations::releases::changes::draft_release;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Repinned {
    /// Lines that pin another version now.
    pub lines: u64,
    /// The release's revision now.
    pub revision: i64,
}

/// Pins the selected lines of a draft at the newest versions of their assets. Lines whose assets have gone from the
/// library stay as they are.
///
/// # Errors
/// See `PlanError`; nothing has been changed.
pub async fn repin(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    selection: &Selection,
    expected: Option<i64>,
) -> Result<Repinned, PlanError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = draft_release(&mut write, &project, number, expected).await?;
    let lines = write.repin(project.number, number, selection).await?;
    let mut repinned = Repinned { lines, revision: release.revision };
    if lines > 0 {
        let details = serde_json::json!({ "lines": lines });
        write.record(&caller.principal, caller.now, audit("release.repinned", &project, number, details));
        write.update_release(project.number, &release).await?;
        repinned.revision += 1;
    }
    caller.note_outcome(&mut write, &repinned).await?;
    write.commit().await?;
    Ok(repinned)
}
