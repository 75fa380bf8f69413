//! Where versions of a work item may have gone: the builds that can hold them, and where those were served.

use std::collections::{BTreeSet, HashMap};

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::releases::environment::build_name;
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

/// Where an asset is and was, as far as releases tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetPlaces {
    pub keys: BTreeSet<String>,
    /// Those that have a line for it.
    pub releases: BTreeSet<ReleaseNumber>,
}

impl Catalog {
    /// The releases that are about an item.
    pub async fn releases_of_item(
        &self,
        project: i64,
        item: WorkItemNumber,
    ) -> Result<BTreeSet<ReleaseNumber>, CatalogError> {
        let rows = rows::query("SELECT release FROM release_items WHERE project = $1 AND item = $2")
            .bind(project)
            .bind(item.get())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| row.int(0).map(ReleaseNumber::new)).collect()
    }

    /// Which releases have lines for these assets, and at which keys; the present path is one of them.
    pub async fn places_of_assets(
        &self,
        project: i64,
        assets: &[AssetId],
    ) -> Result<HashMap<AssetId, AssetPlaces>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let mut places: HashMap<AssetId, AssetPlaces> = HashMap::new();
        let mut select = async |head: &str| {
            let of_project = (1, |query: rows::AnyQuery| query.bind(project));
            let bind = |query: rows::AnyQuery, asset: &AssetId| query.bind(asset.0.to_vec());
            rows::select_in(&mut connection, head, "", of_project, assets, bind).await
        };
        for row in &select("SELECT asset, key, release FROM changes WHERE project = $1 AND asset IN").await? {
            let place = places.entry(row.asset(0)?).or_default();
            place.keys.insert(row.text(1)?);
            place.releases.insert(ReleaseNumber::new(row.int(2)?));
        }
        for row in &select("SELECT id, path FROM assets WHERE project = $1 AND id IN").await? {
            places.entry(row.asset(0)?).or_default().keys.insert(row.text(1)?);
        }
        Ok(places)
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
