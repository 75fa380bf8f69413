//! Sums over the whole catalog, for metrics and for people.

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// What is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStatistics {
    /// Bytes of all live packs.
    pub stored_bytes: u64,
    /// Bytes of all versions, as if each were stored by itself.
    pub logical_bytes: u64,
    pub packs: u64,
    pub chunks: u64,
    pub assets: u64,
    pub versions: u64,
    pub builds: u64,
    pub deployments: u64,
}

impl Catalog {
    /// Adds everything up; takes time in proportion to the number of versions.
    pub async fn store_statistics(&self) -> Result<StoreStatistics, CatalogError> {
        let row = query(
            "SELECT (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM packs WHERE state = 'live'), \
             (SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM versions), \
             (SELECT COUNT(*) FROM packs WHERE state = 'live'), (SELECT COUNT(*) FROM chunks), \
             (SELECT COUNT(*) FROM assets WHERE deleted_at IS NULL), (SELECT COUNT(*) FROM versions), \
             (SELECT COUNT(*) FROM builds), (SELECT COUNT(*) FROM deployments)",
        )
        .fetch_one(&self.reader)
        .await?;
        Ok(StoreStatistics {
            stored_bytes: row.size(0)?,
            logical_bytes: row.size(1)?,
            packs: row.size(2)?,
            chunks: row.size(3)?,
            assets: row.size(4)?,
            versions: row.size(5)?,
            builds: row.size(6)?,
            deployments: row.size(7)?,
        })
    }
}
