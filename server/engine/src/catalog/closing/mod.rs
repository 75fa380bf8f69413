//! Rows of the end of releases: notes, reviews, causes of incidents, and what an evidence pack is made of.

mod cause;
mod ending;
mod extract;
mod history;
mod lines;
mod notes;
mod published;
mod template;

pub use cause::{CauseRow, IncidentRow};
pub use ending::ClosingRow;
pub use notes::NoteEditRow;
pub use published::PublishedNoteRow;
pub use template::NotesTemplateRow;
