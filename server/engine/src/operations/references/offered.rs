//! What a build lacks, and what the library offers for that.

use std::collections::HashMap;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::BuildName;
use shelfmark_domain::pin::AssetId;

use super::ReferenceError;
use super::missing::{MissingReference, missing};
use crate::Engine;
use crate::catalog::{AssetRow, BuildRow, ProjectRow};
use crate::operations::builds::build::{Base, final_served};

/// A missing reference with the asset that would meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub missing: MissingReference,
    /// The asset that the library has there, or that is needed by name, if it is there.
    pub library: Option<AssetRow>,
}

/// What a build lacks of what has changed since another state; since its own base when none is named.
///
/// # Errors
/// `NoBuild`, `NoEnvironment`, `Read`, `Catalog`.
pub async fn missing_of_build(
    engine: &Engine,
    project: &ProjectRow,
    build: BuildName,
    since: Option<Base>,
) -> Result<Vec<MissingReference>, ReferenceError> {
    let build = engine.catalog.build(project.number, build).await?.ok_or(ReferenceError::NoBuild(build))?;
    let since = since_of(engine, project, &build, since).await?;
    missing(engine, project, build.manifest, since).await
}

async fn since_of(
    engine: &Engine,
    project: &ProjectRow,
    build: &BuildRow,
    since: Option<Base>,
) -> Result<Option<ManifestId>, ReferenceError> {
    let name = match since {
        Some(Base::Empty) => return Ok(None),
        Some(Base::FinalEnvironment) => {
            return Ok(final_served(engine, project).await?.map(|served| served.manifest));
        }
        Some(Base::Environment(name)) => {
            let at = engine.catalog.environment(project.number, &name).await?;
            let at = at.ok_or(ReferenceError::NoEnvironment(name))?;
            return Ok(at.environment.serves.map(|served| served.manifest));
        }
        Some(Base::Build(name)) => name,
        None => match build.base {
            Some(name) => name,
            None => return Ok(None),
        },
    };
    let other = engine.catalog.build(project.number, name).await?.ok_or(ReferenceError::NoBuild(name))?;
    Ok(Some(other.manifest))
}

/// For each missing reference the asset that could be added for it.
///
/// # Errors
/// `Catalog`.
pub async fn offered(
    engine: &Engine,
    project: &ProjectRow,
    missing: Vec<MissingReference>,
) -> Result<Vec<Offered>, ReferenceError> {
    let paths: Vec<&str> = missing.iter().filter(|one| one.asset.is_none()).map(|one| one.path.as_str()).collect();
    let at: HashMap<String, AssetRow> = engine.catalog.assets_by_path(project.number, &paths).await?;
    let mut named: HashMap<AssetId, Option<AssetRow>> = HashMap::new();
    for asset in missing.iter().filter_map(|one| one.asset) {
        if let std::collections::hash_map::Entry::Vacant(entry) = named.entry(asset) {
            let row = engine.catalog.asset(project.number, asset).await?;
            entry.insert(row.filter(|row| row.deleted_at.is_none()));
        }
    }
    let offer = |missing: MissingReference| {
        let library = match missing.asset {
            Some(asset) => named.get(&asset).cloned().flatten(),
            None => at.get(&missing.path).cloned(),
        };
        Offered { missing, library }
    };
    Ok(missing.into_iter().map(offer).collect())
}
