//! Hearing of events: those of this process at once, those of others by looking how far the trail has been written.

use std::time::Duration;

use crate::Engine;

/// How long an event of another process stays unnoticed at most.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Looks for events of other processes until the end of the runtime. One row is read each time, whatever happens:
/// cheaper than a signal at every change, which on PostgreSQL would put all commits behind one more lock.
pub async fn follow_events(engine: Engine) {
    loop {
        if let Err(error) = engine.catalog.listen_once().await {
            tracing::warn!(%error, "events of other processes could not be looked for; looking again");
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
