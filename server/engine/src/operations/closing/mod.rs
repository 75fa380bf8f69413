//! The end of releases: notes for those whom they concern, closing with a review and lessons, what caused incidents, and
//! the evidence pack.

mod cause;
mod close;
mod edit;
mod error;
mod facts;
mod generated;
mod html;
mod pack;
mod publish;
mod rework;
mod span;
mod template;

pub use cause::{CauseDraft, name_cause, withdraw_cause};
pub use close::{CloseDraft, Closed, LessonDraft, close_release};
pub use edit::{edit_notes, return_to_generated};
pub use error::ClosingError;
pub use generated::{GeneratedNotes, ReleaseNotes, release_notes};
pub use html::to_html;
pub use pack::{BrokenPack, Pack, PackCheck, PackError, export_pack, verify_pack};
pub use publish::{PublishDraft, publish_notes};
pub use rework::rework_release;
pub use span::environment_notes;
pub use template::{notes_template, set_notes_template};
