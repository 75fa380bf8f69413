//! Promotions without a person at the keyboard: at an instant, or because a policy says so. Both ask the gate at the
//! moment at which they are made, and pass it by the same way as everyone.

mod automation;
mod cancel;
mod error;
mod plan;
mod run;

pub use automation::{Automated, run_automations};
pub use cancel::cancel_schedule;
pub use error::ScheduleError;
pub use plan::{ScheduleDraft, schedule_promotion};
pub use run::run_schedules;
