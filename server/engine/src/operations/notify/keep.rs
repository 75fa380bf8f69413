//! How long the outbox and the logs are kept. Events stay as long as anybody needs them, and at least for the time that
//! the settings say; logs of deliveries and letters stay for that time.

use shelfmark_domain::time::Timestamp;

use crate::Engine;
use crate::catalog::CatalogError;

/// Rows that one transaction removes, so that changes never wait long.
const AT_ONCE: u32 = 500;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    pub events: u64,
    pub deliveries: u64,
    pub letters: u64,
}

/// Removes what is from before an instant and needed by nobody. Several processes may do so at the same time.
///
/// # Errors
/// When the database doesn't answer; what was removed by then stays removed.
pub async fn trim_outbox(engine: &Engine, before: Timestamp) -> Result<Trimmed, CatalogError> {
    let catalog = &engine.catalog;
    let mut trimmed = Trimmed::default();
    for project in catalog.projects_with_events_before(before).await? {
        loop {
            let removed = catalog.trim_events(&project, before, AT_ONCE).await?;
            trimmed.events += removed;
            if removed < u64::from(AT_ONCE) {
                break;
            }
        }
    }
    loop {
        let deliveries = catalog.trim_deliveries(before, AT_ONCE).await?;
        let letters = catalog.trim_letters(before, AT_ONCE).await?;
        trimmed.deliveries += deliveries;
        trimmed.letters += letters;
        if deliveries.max(letters) < u64::from(AT_ONCE) {
            return Ok(trimmed);
        }
    }
}
