//! What notes say beside a comparison: which paths came with which items, and who made which versions.

use std::collections::HashMap;

use shelfmark_domain::name::{ReleaseNumber, WorkItemNumber};
use shelfmark_domain::pin::AssetId;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, query};

impl Catalog {
    /// The paths that came into a release with its items, by item and path; at most so many.
    pub async fn paths_of_items(
        &self,
        project: i64,
        release: ReleaseNumber,
        limit: u32,
    ) -> Result<Vec<(WorkItemNumber, String)>, CatalogError> {
        let rows = query(
            "SELECT item, key FROM release_item_lines WHERE project = $1 AND release = $2 ORDER BY item, key LIMIT $3",
        )
        .bind(project)
        .bind(release.get())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| Ok((WorkItemNumber::new(row.int(0)?), row.text(1)?))).collect()
    }

    /// How many paths came into a release with each of its items; those without any are left out.
    pub async fn count_paths_of_items(
        &self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<(WorkItemNumber, u64)>, CatalogError> {
        let rows = query(
            "SELECT item, COUNT(*) FROM release_item_lines WHERE project = $1 AND release = $2 GROUP BY item ORDER BY item",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| Ok((WorkItemNumber::new(row.int(0)?), row.size(1)?))).collect()
    }

    /// What those were called who made these versions.
    pub async fn makers(&self, versions: &[(AssetId, i64)]) -> Result<HashMap<(AssetId, i64), String>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let found = rows::select_tuples(
            &mut connection,
            "SELECT v.asset, v.number, a.actor_name FROM versions v JOIN audit a ON a.sequence = v.audit \
             WHERE (v.asset, v.number) IN",
            2,
            versions,
            |query, (asset, number)| query.bind(asset.0.to_vec()).bind(*number),
        )
        .await?;
        found.iter().map(|row| Ok(((row.asset(0)?, row.int(1)?), row.text(2)?))).collect()
    }
}
