//! Hearing of moved environments from other processes.

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::connection::Catalog;
use super::error::CatalogError;

/// Tells when environments may have moved in another process. Signals may be lost, so whoever waits here also looks
/// by itself from time to time.
#[derive(Debug)]
pub struct PointerSignal(PgListener);

impl Catalog {
    /// A signal for other processes' promotions; `None` on SQLite, where there is only one process.
    pub async fn pointer_signal(&self) -> Result<Option<PointerSignal>, CatalogError> {
        let Some(options) = &self.postgres else { return Ok(None) };
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen("shelfmark_pointers").await?;
        Ok(Some(PointerSignal(listener)))
    }
}

impl PointerSignal {
    /// Waits for the next signal.
    ///
    /// # Errors
    /// `Unreachable` when the connection is lost; ask the catalog for another signal then.
    pub async fn wait(&mut self) -> Result<(), CatalogError> {
        self.0.recv().await?;
        Ok(())
    }
}
