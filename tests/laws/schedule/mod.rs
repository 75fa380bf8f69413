//! What happens by itself: schedules, automatic promotions, verification.

pub(super) mod automation;
pub(super) mod schedules;
pub(super) mod scheduling;
pub(super) mod verifying;
