//! The work register: items and what belongs to them.

mod authorisation;
mod board;
mod comment;
mod evidence;
mod filter;
mod group;
mod history;
mod item;
mod list;
mod readiness;
mod trace;
mod version;

pub use authorisation::{AuthorisationRow, NewAuthorisation};
pub use comment::CommentRow;
pub use evidence::{EvidenceRow, NewEvidence, evidence_place};
pub use filter::WorkFilter;
pub use group::{ItemLine, ReleaseItemRow, WantedLine};
pub use item::{WorkItemRow, WorkItemSaid};
pub use list::board_place;
pub use readiness::{ItemReadiness, ItemTests, PinMismatch};
pub use trace::DeployedBuild;
pub use version::{AnsweredItem, AttachedVersion};
