//! Who is told: webhooks, streams, letters.

pub(super) mod mailing;
pub(super) mod notifying;
pub(super) mod signing;
