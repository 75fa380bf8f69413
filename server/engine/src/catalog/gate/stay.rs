//! When environments served what, and who made what a build changes.

use std::collections::BTreeSet;

use shelfmark_domain::gate::Stay;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::EnvironmentName;
use shelfmark_domain::pin::AssetId;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::reading::Reading;
use crate::catalog::rows::{self, query};

/// The stays that are looked at; a build that was there more often has had its soak.
const STAYS_MAX: i64 = 100;

impl Reading<'_> {
    /// The last stretches of time in which an environment served a manifest, newest first.
    pub async fn stays(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
        manifest: ManifestId,
    ) -> Result<Vec<Stay>, CatalogError> {
        let rows = query(
            "SELECT d.at, (SELECT n.at FROM deployments n WHERE n.project = d.project AND n.environment = d.environment \
             AND n.revision > d.revision ORDER BY n.revision LIMIT 1) FROM deployments d \
             WHERE d.project = $1 AND d.environment = $2 AND d.manifest = $3 ORDER BY d.revision DESC LIMIT $4",
        )
        .bind(project)
        .bind(environment.to_string())
        .bind(manifest.as_bytes().to_vec())
        .bind(STAYS_MAX)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| Ok(Stay { since: row.time(0)?, until: row.time_or_null(1)? })).collect()
    }
}

impl Catalog {
    /// The ids of those who made any of these versions.
    pub async fn authors(&self, versions: &[(AssetId, i64)]) -> Result<BTreeSet<String>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let found = rows::select_tuples(
            &mut connection,
            "SELECT DISTINCT a.actor FROM versions v JOIN audit a ON a.sequence = v.audit WHERE (v.asset, v.number) IN",
            2,
            versions,
            |query, (asset, number)| query.bind(asset.0.to_vec()).bind(*number),
        )
        .await?;
        found.iter().map(|row| row.text(0)).collect()
    }
}
