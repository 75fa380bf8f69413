//! Rows of planning: dates and the calendar, saved searches, what two releases change, what came in beside one.

mod calendar;
mod conflict;
mod date;
mod lines;
mod rebase;
mod search;

pub use calendar::{CalendarKeyRow, PlannedRow};
pub use conflict::ConflictRow;
pub use date::{AgreementRow, DateRow};
pub use lines::{OutdatedLine, Selection};
pub use rebase::{Past, ServedSince};
pub use search::SearchRow;
