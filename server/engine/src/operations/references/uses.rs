//! What a version of an asset refers to, and where that is there.

use std::collections::HashMap;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::EnvironmentName;
use shelfmark_domain::pin::AssetId;

use super::ReferenceError;
use super::examine::{Held, examine};
use super::missing::How;
use super::pinned::{numbered, pinned};
use crate::Engine;
use crate::catalog::{AssetRow, Cursor, Findings, Need, Page, ProjectRow, VersionRow};

/// A reference of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    pub how: How,
    /// As it is written in the bytes; of a declared reference, its kind.
    pub reference: String,
    /// The path that it leads to.
    pub path: String,
    /// Whether it only may be a reference. Those that lead to nothing anywhere are left out.
    pub is_possible: bool,
    /// The asset that is there at latest, and its version.
    pub asset: Option<(AssetId, i64)>,
    /// The environments that serve something there, in their order.
    pub environments: Vec<EnvironmentName>,
}

/// What a version of an asset uses: what its bytes say, then what was declared of the asset.
///
/// # Errors
/// `Read`, `Catalog`.
pub async fn uses(
    engine: &Engine,
    project: &ProjectRow,
    asset: &AssetRow,
    version: &VersionRow,
    after: Option<i64>,
    limit: u32,
) -> Result<Page<Use>, ReferenceError> {
    let all = references(engine, project, asset, version).await?;
    let environments = engine.catalog.environments(project.number).await?;
    let served: Vec<(EnvironmentName, ManifestId)> = environments
        .into_iter()
        .filter_map(|at| at.environment.serves.map(|served| (at.environment.name, served.manifest)))
        .collect();
    let mut at = after.map_or(0, |after| usize::try_from(after.saturating_add(1)).unwrap_or(usize::MAX));
    let mut items: Vec<(usize, Use)> = Vec::new();
    while let Some(some) = all.get(at..all.len().min(at.saturating_add(limit as usize + 1))).filter(|s| !s.is_empty()) {
        let found = looked_up(engine, project, &served, some.to_vec()).await?;
        let is_shown = |used: &Use| !used.is_possible || used.asset.is_some() || !used.environments.is_empty();
        items.extend((at..).zip(found).filter(|(_, used)| is_shown(used)));
        at += some.len();
        if items.len() > limit as usize {
            break;
        }
    }
    let is_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| is_more).map(|(position, _)| Cursor::after(position));
    Ok(Page { items: items.into_iter().map(|(_, used)| used).collect(), next })
}

async fn references(
    engine: &Engine,
    project: &ProjectRow,
    asset: &AssetRow,
    version: &VersionRow,
) -> Result<Vec<Use>, ReferenceError> {
    let held = Held::new(&asset.path, version.content, &version.media_type, version.size_bytes);
    let led = examine(engine, numbered(project), held.as_slice(), Findings::default()).await?;
    let new = |how, reference, path, is_possible| {
        let environments = Vec::new();
        Use { how, reference, path, is_possible, asset: None, environments }
    };
    let found = led.into_iter().flatten().map(|led| new(How::Found, led.written, led.target, led.is_possible));
    let mut all: Vec<Use> = found.collect();
    let needs = engine.catalog.declaration(asset.id).await?.needs;
    let needed: Vec<AssetId> = needs.iter().filter_map(|row| asset_of(&row.need)).collect();
    let paths_of = engine.catalog.paths_of(&needed).await?;
    for row in needs {
        let path = match &row.need {
            Need::Path(path) => Some(path.clone()),
            Need::Asset(needed) => paths_of.get(needed).and_then(|paths| paths.first()).cloned(),
        };
        all.extend(path.map(|path| new(How::Declared, row.kind.clone(), path, false)));
    }
    Ok(all)
}

fn asset_of(need: &Need) -> Option<AssetId> {
    match need {
        Need::Asset(asset) => Some(*asset),
        Need::Path(_) => None,
    }
}

async fn looked_up(
    engine: &Engine,
    project: &ProjectRow,
    served: &[(EnvironmentName, ManifestId)],
    mut uses: Vec<Use>,
) -> Result<Vec<Use>, ReferenceError> {
    let mut paths: Vec<String> = uses.iter().map(|used| used.path.clone()).collect();
    paths.sort();
    paths.dedup();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let assets: HashMap<String, AssetRow> = engine.catalog.assets_by_path(project.number, &paths).await?;
    for used in &mut uses {
        used.asset = assets.get(&used.path).map(|row| (row.id, row.latest.number));
    }
    for (name, manifest) in served {
        let pins = pinned(engine, *manifest, paths.to_vec()).await?;
        let there = uses.iter_mut().filter(|used| pins.contains_key(&used.path));
        there.for_each(|used| used.environments.push(name.clone()));
    }
    Ok(uses)
}
