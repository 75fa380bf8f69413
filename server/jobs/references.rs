//! Finding out what new contents refer to, soon after they have come.

use std::time::Duration;

use shelfmark_engine::Engine;
use shelfmark_engine::operations::references::examine_pending;

/// Examines what is pending every so many seconds; with 0 never, and then those who ask do it. Two processes that do so
/// at the same time find the same.
pub async fn every(engine: Engine, seconds: f64) {
    if seconds == 0.0 {
        return;
    }
    let mut due = tokio::time::interval(Duration::from_secs_f64(seconds));
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        match examine_pending(&engine).await {
            Ok(examined) if examined.assets == 0 && examined.failed == 0 => {}
            Ok(examined) => tracing::debug!(assets = examined.assets, failed = examined.failed, "references found"),
            Err(error) => tracing::warn!(%error, "references could not be found; the next run goes on"),
        }
    }
}
