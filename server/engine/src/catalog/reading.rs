//! Reading several rows that fit together: as they stand in a change, or in one state of the database.

use sqlx::{Any, AnyConnection, Transaction};

use super::connection::Catalog;
use super::error::CatalogError;
use super::write::Write;

/// Rows of one state. What a decision reads comes from here, so that a preview asks the same questions as the change
/// itself.
#[derive(Debug)]
pub struct Reading<'a>(pub(super) &'a mut AnyConnection);

/// One state of the database, for as long as it is held.
#[derive(Debug)]
pub struct Snapshot(Transaction<'static, Any>);

impl Catalog {
    /// The present state. On PostgreSQL each query sees what has been committed before it; what is read for showing only
    /// may be that loose, what is decided is read in a change.
    pub async fn snapshot(&self) -> Result<Snapshot, CatalogError> {
        Ok(Snapshot(self.reader.begin().await?))
    }
}

impl Snapshot {
    pub fn reading(&mut self) -> Reading<'_> {
        Reading(&mut self.0)
    }
}

impl Write {
    /// Rows as they stand in this change; they stay so until it commits.
    pub fn reading(&mut self) -> Reading<'_> {
        Reading(self.connection())
    }
}

impl Reading<'_> {
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        self.0
    }
}
