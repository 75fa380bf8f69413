//! Collecting garbage from time to time.

use std::time::Duration;

use shelfmark_engine::Engine;
use shelfmark_engine::operations::{Caller, collect_garbage};

/// Collects every so many hours; with 0 never. Two processes that do so at the same time do no harm: each row and
/// object goes once.
pub async fn every(engine: Engine, hours: f64) {
    if hours == 0.0 {
        return;
    }
    let mut due = tokio::time::interval(Duration::from_secs_f64(hours * 3_600.0));
    due.tick().await; // the first one is at once, which a start is too busy for
    loop {
        due.tick().await;
        let collector = Caller::system("garbage collection", engine.clock.passed());
        match collect_garbage(&engine, &collector).await {
            Ok(collected) => tracing::info!(
                chunks = collected.chunks,
                compacted = collected.compacted.packs.len(),
                packs = collected.deleted.len(),
                bytes = collected.deleted_bytes,
                "garbage collected"
            ),
            Err(error) => tracing::warn!(%error, "garbage could not be collected; the next run goes on"),
        }
    }
}
