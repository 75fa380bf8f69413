//! The work register: entering items, working on them, testing and authorising what answers them, and grouping them
//! into releases. What happens to items because of something else (an upload, a deployment, the end of a release)
//! happens inside that change.

mod attach;
mod board;
mod carry;
mod comment;
mod error;
mod evidence;
mod group;
mod register;
mod step;
mod trace;

use shelfmark_domain::name::WorkItemNumber;

pub use attach::{AttachedVersions, VersionRef, attach, detach};
pub use board::{Place, place};
pub use carry::{close_items, release_items, unrelease_items};
pub use comment::{comment, edit_comment};
pub use error::WorkError;
pub use evidence::{EvidenceDraft, file_evidence};
pub use group::{add_items, remove_item};
pub use register::{WorkItemDraft, WorkItemPatch, change_work_item, create_work_item};
pub use step::take_step;
pub use trace::{TracedBuild, TracedVersion, trace};

pub(super) use attach::{attach_made, check_takes_versions};

use crate::Engine;
use crate::catalog::{AuditDraft, ProjectRow, WorkItemRow, Write};

/// An audit entry about an item.
fn audit(
    action: &'static str,
    project: &ProjectRow,
    item: WorkItemNumber,
    message: &str,
    details: serde_json::Value,
) -> AuditDraft {
    let (project, subject) = (project.name.to_string(), item.to_string());
    AuditDraft { action, project, subject, message: message.to_owned(), details }
}

/// An item as it stands in a change.
async fn item_in(write: &mut Write, project: &ProjectRow, number: WorkItemNumber) -> Result<WorkItemRow, WorkError> {
    write.work_item(project.number, number).await?.ok_or(WorkError::NoItem(number))
}

/// An item as it stands.
async fn item_of(engine: &Engine, project: &ProjectRow, number: WorkItemNumber) -> Result<WorkItemRow, WorkError> {
    engine.catalog.work_item(project.number, number).await?.ok_or(WorkError::NoItem(number))
}
