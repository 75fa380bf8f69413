//! When loops look for work: at the next instant that they know of, after a while in any case, and never again once the
//! server stops.

use std::sync::Arc;
use std::time::Duration;

use shelfmark_domain::time::Timestamp;
use tokio::sync::watch;

/// The pace of all loops. Clones are the same one.
#[derive(Clone)]
pub(super) struct Pace {
    look_every: Duration,
    ended: Arc<watch::Sender<bool>>,
}

impl Pace {
    pub(super) fn new(look_every: Duration) -> Self {
        Self { look_every, ended: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets every loop end at its next pause.
    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Waits until the next instant, at most until it is time to look anyway. False when the loop is to end.
    pub(super) async fn pause(&self, now: Timestamp, next: Option<Timestamp>) -> bool {
        let mut ended = self.ended.subscribe();
        let wait = next.map_or(self.look_every, |next| between(now, next).min(self.look_every));
        tokio::select! {
            biased;
            _ = ended.wait_for(|ended| *ended) => false,
            () = tokio::time::sleep(wait) => true,
        }
    }
}

/// How long it is from one instant to a later one.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    let micros = to.as_micros().saturating_sub(from.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0)) + Duration::from_millis(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_is_ended_does_not_wait() {
        let pace = Pace::new(Duration::from_secs(3_600));
        let (now, other) = (Timestamp::from_micros(0), pace.clone());
        let waiting = tokio::spawn(async move { other.pause(now, None).await });
        pace.end();
        assert!(!waiting.await.unwrap());
        assert!(!pace.pause(now, Some(now.plus_ms(-5))).await, "whatever is due");
    }

    #[test]
    fn an_instant_that_has_passed_is_waited_for_no_longer_than_a_moment() {
        let now = Timestamp::from_micros(5_000_000);
        assert_eq!(between(now, now.plus_ms(-70)), Duration::from_millis(1));
        assert_eq!(between(now, now.plus_ms(70)), Duration::from_millis(71));
    }
}
