//! Comparing two states of what is served: builds, environments, the library's latest, or nothing.

use std::collections::HashMap;

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::{AssetId, Entry};
use shelfmark_domain::time::Timestamp;

use super::latest::differences_to_latest;
use crate::Engine;
use crate::catalog::{CatalogError, ProjectRow};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::{AccessError, Caller};

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    Build(BuildName),
    Environment(EnvironmentName),
    /// What an environment served at an instant.
    EnvironmentAt(EnvironmentName, Timestamp),
    /// The library as it is.
    Latest,
    /// Nothing at all.
    Empty,
}

/// How a key changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    Added,
    Changed,
    Removed,
    /// The same asset, once at another path.
    Moved,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub kind: ChangeKind,
    pub difference: Difference,
    /// Where a moved asset was.
    pub from_key: Option<String>,
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error("there is no build {0} in this project")]
    NoBuild(BuildName),
    #[error("there is no environment {0} in this project")]
    NoEnvironment(EnvironmentName),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for CompareError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoBuild(_) | Self::NoEnvironment(_) => FailureKind::NotFound,
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// What differs, by key. Between builds and environments it costs what differs, not what exists.
///
/// # Errors
/// See `CompareError`.
pub async fn compare(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    from: &Side,
    to: &Side,
) -> Result<Vec<Compared>, CompareError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    let differences = match (manifest(engine, &project, from).await?, manifest(engine, &project, to).await?) {
        (State::Latest, State::Latest) => Vec::new(),
        (State::Latest, State::Manifest(to)) => {
            let mut differences = differences_to_latest(engine, &project, to, &FolderPath::root()).await?;
            differences.iter_mut().for_each(|d| std::mem::swap(&mut d.before, &mut d.after));
            differences
        }
        (State::Manifest(from), State::Latest) => {
            differences_to_latest(engine, &project, from, &FolderPath::root()).await?
        }
        (State::Manifest(from), State::Manifest(to)) => engine.manifests.between(from, to).await?,
    };
    Ok(with_moves(differences))
}

enum State {
    Manifest(Option<ManifestId>),
    Latest,
}

async fn manifest(engine: &Engine, project: &ProjectRow, side: &Side) -> Result<State, CompareError> {
    Ok(match side {
        Side::Latest => State::Latest,
        Side::Empty => State::Manifest(None),
        Side::Build(name) => {
            let build = engine.catalog.build(project.number, *name).await?.ok_or(CompareError::NoBuild(*name))?;
            State::Manifest(Some(build.manifest))
        }
        Side::EnvironmentAt(name, instant) => {
            if engine.catalog.environment(project.number, name).await?.is_none() {
                return Err(CompareError::NoEnvironment(name.clone()));
            }
            let then = engine.catalog.deployment_at(project.number, name, *instant).await?;
            State::Manifest(then.map(|deployment| deployment.serves.manifest))
        }
        Side::Environment(name) => {
            let at = engine.catalog.environment(project.number, name).await?;
            let at = at.ok_or_else(|| CompareError::NoEnvironment(name.clone()))?;
            State::Manifest(at.environment.serves.map(|served| served.manifest))
        }
    })
}

/// Joins a removal and an addition of the same asset into a move.
pub(crate) fn with_moves(differences: Vec<Difference>) -> Vec<Compared> {
    let asset = |entry: &Option<Entry>| match entry {
        Some(Entry::Pin(pin)) => Some(pin.asset),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
    };
    // A manifest may pin one asset at several paths, so several of its pins may go.
    let mut removed: HashMap<AssetId, Vec<Difference>> = HashMap::new();
    let (gone, rest): (Vec<Difference>, Vec<Difference>) =
        differences.into_iter().partition(|d| d.after.is_none() && asset(&d.before).is_some());
    for difference in gone {
        if let Some(id) = asset(&difference.before) {
            removed.entry(id).or_default().push(difference);
        }
    }
    let mut compared = Vec::new();
    for difference in rest {
        let from =
            asset(&difference.after).filter(|_| difference.before.is_none()).and_then(|id| removed.get_mut(&id)?.pop());
        compared.push(match from {
            Some(from) => Compared {
                kind: ChangeKind::Moved,
                from_key: Some(from.key),
                difference: Difference { before: from.before, ..difference },
            },
            None => Compared {
                kind: match (&difference.before, &difference.after) {
                    (None, _) => ChangeKind::Added,
                    (_, None) => ChangeKind::Removed,
                    _ => ChangeKind::Changed,
                },
                from_key: None,
                difference,
            },
        });
    }
    let gone = removed.into_values().flatten();
    compared.extend(gone.map(|difference| Compared { kind: ChangeKind::Removed, difference, from_key: None }));
    compared.sort_by(|a, b| a.difference.key.cmp(&b.difference.key));
    compared
}
