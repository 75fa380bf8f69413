//! Rows of the gate: what has to hold, who has agreed, what is locked, what has been reported and confirmed.

mod approval;
mod checklist;
pub(super) mod lock;
mod policy;
mod report;
pub(super) mod review;
mod stay;
pub(super) mod waiver;

pub use approval::ApprovalRow;
pub use checklist::{AnswerRow, ChecklistAnswer, ChecklistItemRow, ChecklistSelector};
pub use lock::{LockKind, LockRow};
pub use policy::PolicyRow;
pub use report::{ReportRow, ReportState};
pub use review::ReviewRow;
pub use waiver::WaiverRow;

pub(super) use checklist::read as read_point;
