//! Where what answers an item has gone: version by version the builds that pin it, and where and when those were live.

use shelfmark_domain::name::{BuildName, WorkItemNumber};
use shelfmark_domain::pin::{AssetId, Entry};
use shelfmark_domain::time::Timestamp;

use super::error::WorkError;
use crate::Engine;
use crate::catalog::{AttachedVersion, DeployedBuild, Page, ProjectRow};
use crate::operations::releases::ReleaseError;

/// A version of an item with the builds that pin it, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedVersion {
    pub version: AttachedVersion,
    pub builds: Vec<TracedBuild>,
}

/// A build that pins a version, with where and when it went live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedBuild {
    pub path: String,
    pub build: BuildName,
    pub created_at: Timestamp,
    pub deployments:
        Vec<(shelfmark_domain::name::EnvironmentName, shelfmark_domain::environment::DeploymentKind, Timestamp)>,
}

/// Follows the versions of an item, a page of them, into the builds of the releases that brought them.
///
/// # Errors
/// When the catalog or a manifest can't be read.
pub async fn trace(
    engine: &Engine,
    project: &ProjectRow,
    item: WorkItemNumber,
    after: Option<(AssetId, i64)>,
    limit: u32,
) -> Result<Page<TracedVersion>, WorkError> {
    let page = engine.catalog.attached_versions(project.number, item, after, limit).await?;
    let assets: Vec<AssetId> = page.items.iter().map(|attached| attached.asset).collect();
    let releases = engine.catalog.releases_about(project.number, item, &assets).await?;
    let releases: Vec<_> = releases.into_iter().collect();
    let builds = engine.catalog.deployed_builds(project.number, &releases).await?;
    let keys = engine.catalog.keys_of_assets(project.number, &assets).await?;
    let mut traced = Vec::with_capacity(page.items.len());
    for version in page.items {
        let mut found = Vec::new();
        for build in &builds {
            for key in keys.get(&version.asset).into_iter().flatten() {
                if is_pinned(engine, build, key, &version).await? {
                    let DeployedBuild { build, created_at, deployments, .. } = build.clone();
                    found.push(TracedBuild { path: key.clone(), build, created_at, deployments });
                }
            }
        }
        traced.push(TracedVersion { version, builds: found });
    }
    Ok(Page { items: traced, next: page.next })
}

async fn is_pinned(
    engine: &Engine,
    build: &DeployedBuild,
    key: &str,
    version: &AttachedVersion,
) -> Result<bool, WorkError> {
    let entry = engine.manifests.entry(build.manifest, key).await.map_err(ReleaseError::from)?;
    Ok(matches!(entry, Some(Entry::Pin(pin)) if pin.asset == version.asset && pin.version == version.version))
}
