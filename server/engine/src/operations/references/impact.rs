//! What a change would touch, before it is made.

use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;

use super::ReferenceError;
use super::examine::{Held, look};
use super::missing::{How, MissingReference};
use super::pinned::pinned;
use super::used_by::{UsedBy, used_by};
use crate::Engine;
use crate::catalog::{AffectedRelease, AssetRow, ProjectRow};

/// What somebody means to do with the asset at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntendedChange {
    Remove,
    /// Other bytes at the same path: whoever refers to it goes on to find something.
    Replace,
    /// To another path, if that is known already.
    Move(Option<AssetPath>),
}

/// An environment that serves the asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedEnvironment {
    pub name: EnvironmentName,
    pub build: BuildName,
    /// Which version it serves, and at which path.
    pub version: i64,
    pub path: String,
}

/// What a change would touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impact {
    /// The asset that is at the path now.
    pub asset: Option<AssetId>,
    /// Who refers to it.
    pub used_by: UsedBy,
    /// The environments that serve it. They go on to serve what they serve, until they are promoted to.
    pub environments: Vec<AffectedEnvironment>,
    /// The lines of releases under way for it, and for those on this page who refer to it.
    pub releases: Vec<AffectedRelease>,
    /// Of a move to a known path: references of the asset itself that would lead to nothing from there.
    pub own: Vec<MissingReference>,
}

/// What changing, moving or removing the asset at a path would touch; users paged by path.
///
/// # Errors
/// `NothingAt` when neither the library nor an environment has something there; `Read`, `Catalog`.
pub async fn impact(
    engine: &Engine,
    project: &ProjectRow,
    path: &AssetPath,
    change: &IntendedChange,
    after: &str,
    limit: u32,
) -> Result<Impact, ReferenceError> {
    let row = engine.catalog.asset_by_path(project.number, path.as_str()).await?;
    let asset = row.as_ref().map(|row| row.id);
    let environments = serving(engine, project, path, asset).await?;
    if row.is_none() && environments.is_empty() {
        return Err(ReferenceError::NothingAt(path.to_string()));
    }
    let used_by = used_by(engine, project, path.as_str(), asset, after, limit).await?;
    let mut paths: Vec<String> = used_by.users.items.iter().map(|user| user.path.clone()).collect();
    paths.push(path.to_string());
    paths.sort();
    paths.dedup();
    let releases = engine.catalog.releases_under_way(project.number, &paths).await?;
    let own = match (change, &row) {
        (IntendedChange::Move(Some(to)), Some(row)) => lost_from(engine, project, row, to).await?,
        _ => Vec::new(),
    };
    Ok(Impact { asset, used_by, environments, releases, own })
}

async fn serving(
    engine: &Engine,
    project: &ProjectRow,
    path: &AssetPath,
    asset: Option<AssetId>,
) -> Result<Vec<AffectedEnvironment>, ReferenceError> {
    let mut paths = vec![path.to_string()];
    if let Some(asset) = asset {
        paths.extend(engine.catalog.paths_of(&[asset]).await?.into_values().flatten());
    }
    let mut environments = Vec::new();
    for pointer in engine.catalog.environments(project.number).await? {
        let Some(served) = pointer.environment.serves else { continue };
        let pins = pinned(engine, served.manifest, paths.iter().map(String::as_str).collect()).await?;
        let mut pins: Vec<_> = pins.into_iter().filter(|(_, pin)| asset.is_none_or(|own| own == pin.asset)).collect();
        pins.sort_by(|(a, _), (b, _)| a.cmp(b));
        environments.extend(pins.into_iter().map(|(path, pin)| AffectedEnvironment {
            name: pointer.environment.name.clone(),
            build: served.build,
            version: pin.version,
            path,
        }));
    }
    Ok(environments)
}

/// The references of an asset that lead to something where it is, and to nothing from where it is to be.
async fn lost_from(
    engine: &Engine,
    project: &ProjectRow,
    row: &AssetRow,
    to: &AssetPath,
) -> Result<Vec<MissingReference>, ReferenceError> {
    let latest = &row.latest;
    let at = |path: &str| Held::new(path, latest.content, &latest.media_type, latest.size_bytes);
    let Some(here) = at(&row.path) else { return Ok(Vec::new()) };
    let led_here = look(engine, &project.name, &[here]).await?.0.concat();
    let led_there = look(engine, &project.name, at(to.as_str()).as_slice()).await?.0.concat();
    let paths: Vec<&str> = led_here.iter().chain(&led_there).map(|led| led.target.as_str()).collect();
    let assets = engine.catalog.assets_by_path(project.number, &paths).await?;
    let is_there = |path: &String| assets.contains_key(path);
    let target_there = |written: &str| led_there.iter().find(|led| led.written == written).map(|led| &led.target);
    let mut lost = Vec::new();
    for led in led_here.iter().filter(|led| is_there(&led.target)) {
        let target = target_there(&led.written);
        if target.is_none_or(|target| !is_there(target)) {
            lost.push(MissingReference {
                from: row.path.clone(),
                path: target.unwrap_or(&led.target).clone(),
                reference: led.written.clone(),
                how: How::Found,
                asset: None,
            });
        }
    }
    Ok(lost)
}
