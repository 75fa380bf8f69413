//! The end of releases by command: notes, closing, incidents, evidence packs.

mod close;
mod export;
mod incidents;
mod notes;

pub use close::{CloseArgs, ReworkArgs, close, rework};
pub use export::{ExportArgs, export, verify};
pub use incidents::{CauseArgs, IncidentsArgs, incidents, name_cause};
pub use notes::{NotesArgs, SpanArgs, notes, span};
