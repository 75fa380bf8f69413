//! The one place that asks what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use shelfmark_domain::time::Timestamp;

/// A clock. Cheap to clone; clones agree.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// How far this clock is ahead of the machine's, in microseconds; tests move it.
    ahead_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Timestamp::from_micros(micros.saturating_add(self.ahead_micros.load(Ordering::Relaxed)))
    }

    /// Lets this clock jump, as a machine's clock may.
    pub fn jump_ms(&self, milliseconds: i64) {
        self.ahead_micros.fetch_add(milliseconds.saturating_mul(1_000), Ordering::Relaxed);
    }
}
