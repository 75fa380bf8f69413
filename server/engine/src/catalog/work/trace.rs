//! Where versions of a work item may have gone: the builds that can hold them, and where those were served.

use std::collections::{BTreeSet, HashMap};

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::environment::build_name;
use crate::catalog::error::CatalogError;
use crate::catalog::rows;

/// A build with where and when it went live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedBuild {
    pub build: BuildName,
    pub manifest: ManifestId,
    pub created_at: Timestamp,
    /// Oldest first.
    pub deployments: Vec<(EnvironmentName, DeploymentKind, Timestamp)>,
}

impl Catalog {
    /// The releases that are about an item, or have a line for one of these assets.
    pub async fn releases_about(
        &self,
        project: i64,
        item: WorkItemNumber,
        assets: &[AssetId],
    ) -> Result<BTreeSet<ReleaseNumber>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let grouped = rows::query("SELECT release FROM release_items WHERE project = $1 AND item = $2");
        let mut found = grouped.bind(project).bind(item.get()).fetch_all(&mut *connection).await?;
        let pinned = rows::select_in(
            &mut connection,
            "SELECT DISTINCT release FROM changes WHERE project = $1 AND asset IN",
            "",
            (1, |query| query.bind(project)),
            assets,
            |query, asset| query.bind(asset.0.to_vec()),
        );
        found.extend(pinned.await?);
        found.iter().map(|row| row.int(0).map(ReleaseNumber::new)).collect()
    }

    /// The keys at which releases pin these assets or have pinned them with items.
    pub async fn keys_of_assets(
        &self,
        project: i64,
        assets: &[AssetId],
    ) -> Result<HashMap<AssetId, BTreeSet<String>>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let mut keys: HashMap<AssetId, BTreeSet<String>> = HashMap::new();
        for head in [
            "SELECT DISTINCT asset, key FROM changes WHERE project = $1 AND asset IN",
            "SELECT id, path FROM assets WHERE project = $1 AND id IN",
        ] {
            let rows =
                rows::select_in(&mut connection, head, "", (1, |query| query.bind(project)), assets, |query, asset| {
                    query.bind(asset.0.to_vec())
                });
            for row in &rows.await? {
                keys.entry(row.asset(0)?).or_default().insert(row.text(1)?);
            }
        }
        Ok(keys)
    }

    /// The builds of these releases, oldest first, with where and when they went live.
    pub async fn deployed_builds(
        &self,
        project: i64,
        releases: &[ReleaseNumber],
    ) -> Result<Vec<DeployedBuild>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let mut select = async |head: &str, tail: &str| {
            let of_project = (1, |query: rows::AnyQuery| query.bind(project));
            let bind = |query: rows::AnyQuery, release: &ReleaseNumber| query.bind(release.get());
            rows::select_in(&mut connection, head, tail, of_project, releases, bind).await
        };
        let builds = select(
            "SELECT release, number, manifest, created_at FROM builds WHERE project = $1 AND release IN",
            "ORDER BY release, number",
        )
        .await?;
        let deployments = select(
            "SELECT release, build, environment, kind, at FROM deployments WHERE project = $1 AND release IN",
            "ORDER BY at, revision",
        )
        .await?;
        let mut by_build: HashMap<BuildName, Vec<_>> = HashMap::new();
        for row in &deployments {
            let kind = row.text(3)?;
            let kind = DeploymentKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a deployment")))?;
            let deployment = (row.parsed(2)?, kind, row.time(4)?);
            by_build.entry(build_name(row.int(0)?, row.int(1)?)).or_default().push(deployment);
        }
        let read = |row: &sqlx::any::AnyRow| {
            let build = build_name(row.int(0)?, row.int(1)?);
            let deployments = by_build.remove(&build).unwrap_or_default();
            Ok(DeployedBuild { build, manifest: row.manifest(2)?, created_at: row.time(3)?, deployments })
        };
        builds.iter().map(read).collect()
    }
}
