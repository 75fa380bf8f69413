//! Forgetting old events, logs and letters.

use std::time::Duration;

use shelfmark_engine::Engine;
use shelfmark_engine::operations::notify::trim_outbox;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY_MS: f64 = 86_400_000.0;

/// Removes every hour what is older than so many days and needed by nobody.
pub async fn trim_every_hour(engine: Engine, keep_days: f64) {
    let mut due = tokio::time::interval(HOUR);
    due.tick().await; // the first one is at once, which a start is too busy for
    loop {
        due.tick().await;
        // Time that has really passed: a clock that jumps must not forget what others still wait for.
        let before = engine.clock.passed().plus_ms(-((keep_days * DAY_MS) as i64));
        match trim_outbox(&engine, before).await {
            Ok(trimmed) => tracing::debug!(?trimmed, "old events forgotten"),
            Err(error) => tracing::warn!(%error, "old events could not be forgotten; the next run goes on"),
        }
    }
}
