//! Rows of what environments do by themselves: scheduled and automatic promotions, verifications. Who works on one
//! holds a lease on it: a row says until when, and a process that dies lets it run out. Leases only keep processes from
//! doing the same work; that it happens once is decided in the change that does it.

mod automation;
mod row;
mod schedules;
mod verification;

pub use automation::AutomationRow;
pub use row::ScheduleRow;
pub use schedules::DueSchedule;
pub use verification::{OpenVerification, VerificationRow, VerificationState, VerifiedItem};
