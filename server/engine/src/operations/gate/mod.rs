//! The gate to an environment's pointer, and what it asks for: policies, approvals, waivers, freezes, holds and stops,
//! reports of outside systems, checklists. `deploy` is the only way to the pointer; `preview` asks the same function.

mod after;
mod approvals;
mod checklist;
mod deploy;
mod error;
mod facts;
mod freeze;
mod items;
mod locks;
mod occasion;
mod policies;
mod prepared;
mod preview;
mod reports;
mod reviews;
mod target;
mod waivers;

pub use approvals::{ApprovalDraft, decide_on_build};
pub use checklist::{ChecklistDraft, ReleasePoint, add_point, answer_point, release_checklist, retire_point};
pub use deploy::{DeployError, Deployed, Promotion, Refusal, Rollback, Way, promote, roll_back};
pub use error::GateError;
pub use freeze::{FreezeDraft, freeze, unfreeze};
pub use locks::{StopDraft, lift, stop};
pub use occasion::NotDue;
pub use policies::set_policy;
pub use preview::{Preview, preview};
pub use reports::{ReportDraft, report};
pub use reviews::review;
pub use target::{RollbackPlan, plan_rollback};
pub use waivers::{WaiverDraft, grant_waiver, revoke_waiver};

pub(super) use after::end_freeze;
pub(super) use checklist::{CLOSE, insert_point};
pub(super) use facts::is_asked;
pub(super) use facts::policy;
pub(super) use occasion::{Ripe, ripe};
