//! The one place that asks what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shelfmark_domain::time::Timestamp;

/// A clock. Cheap to clone; clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    /// When this clock was made, by a clock that nobody can set, and by this one.
    started: (Instant, Timestamp),
    /// How far this clock is ahead of the machine's, in microseconds; tests move it.
    ahead_micros: Arc<AtomicI64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { started: (Instant::now(), machine_time()), ahead_micros: Arc::default() }
    }
}

impl Clock {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        let ahead = self.ahead_micros.load(Ordering::Relaxed);
        Timestamp::from_micros(machine_time().as_micros().saturating_add(ahead))
    }

    /// The present instant, or what it would be had nobody set the clock since the start, whichever is earlier: time
    /// that has really passed. What deletes when a time is over asks this, so that a clock that jumps deletes nothing.
    pub fn passed(&self) -> Timestamp {
        self.unset().min(self.now())
    }

    /// As `passed`, but whichever is later. What is kept for a time is kept from here on, so that the time is not
    /// over at once when a clock that was behind is put right.
    pub fn reached(&self) -> Timestamp {
        self.unset().max(self.now())
    }

    /// What the present instant would be had nobody set the clock since the start.
    fn unset(&self) -> Timestamp {
        let (started, at) = &self.started;
        let passed = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(at.as_micros().saturating_add(passed))
    }

    /// Lets this clock jump, as a machine's clock may.
    pub fn jump_ms(&self, milliseconds: i64) {
        self.ahead_micros.fetch_add(milliseconds.saturating_mul(1_000), Ordering::Relaxed);
    }
}

fn machine_time() -> Timestamp {
    Timestamp::from_micros(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_lets_no_time_pass() {
        let clock = Clock::default();
        let hour_ms = 3_600_000;
        for (jump_ms, most_ms) in [(0, 1_000), (10 * 365 * 24 * hour_ms, 1_000), (-20 * 365 * 24 * hour_ms, -hour_ms)] {
            let (before, unset) = (machine_time(), clock.unset());
            clock.jump_ms(jump_ms);
            assert!(clock.passed() <= before.plus_ms(most_ms), "after a jump by {jump_ms} ms");
            assert!(clock.passed() <= clock.now());
            let now = clock.now();
            assert!(clock.reached() >= unset && clock.reached() >= now);
        }
    }
}
