//! How a release stands to what has come into an environment beside it: three-way, by key. Every line knows what was
//! served when it was made (by the audit sequences of both), and so does a build; what was served then is compared with
//! what is served now, which costs what differs between the two.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::pin::Entry;
use shelfmark_domain::rebase::{is_conflict, value_name};

use crate::Engine;
use crate::catalog::{CatalogError, EnvironmentPointer, Past, ProjectRow, ReleaseRow, ServedSince};
use crate::operations::builds::compare::{Compared, with_moves};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::releases::ReleaseError;

/// Lines read at a time.
const PAGE: u32 = 5_000;

/// Why a release could not be compared with what is served, or a conflict not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error("the project has no environment; make one")]
    NoEnvironments,
    #[error("{0} is no conflict of this release; look at them with GET rebase")]
    NoConflict(String),
    #[error("what is served at {0} has changed since you looked; look at it again")]
    Changed(String),
    #[error("{0} is not an asset, so there is no version of it; keep ours or take theirs")]
    NotAnAsset(String),
    #[error("the asset at {key} has no version {number}")]
    NoVersion { key: String, number: i64 },
    #[error("{0} comes twice; resolve each key once")]
    Twice(String),
    #[error("the release or what is served keeps changing; try again when it has settled")]
    Restless,
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for RebaseError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoEnvironment(_) | Self::NoVersion { .. } => FailureKind::NotFound,
            Self::NoEnvironments | Self::NoConflict(_) | Self::Changed(_) => FailureKind::Conflict,
            Self::NotAnAsset(_) | Self::Twice(_) => FailureKind::Invalid,
            Self::Restless => FailureKind::Busy,
            Self::Release(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Release(error) = self { error.present_revision() } else { None }
    }
}

/// A line that would undo what others have changed since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebaseConflict {
    pub key: String,
    /// What was served when the line was made.
    pub base: Option<Entry>,
    /// What is served now.
    pub theirs: Option<Entry>,
    /// What the line says.
    pub ours: Option<Entry>,
    /// A name of `theirs`: a resolution holds for this value only.
    pub theirs_name: String,
    /// Who has said that the line holds all the same.
    pub kept_by: Option<String>,
}

impl RebaseConflict {
    /// Whether a person has said which value holds.
    pub fn is_resolved(&self) -> bool {
        self.kept_by.is_some()
    }
}

/// How a release stands to what an environment serves.
#[derive(Clone, Debug)]
pub struct Rebase {
    pub environment: EnvironmentName,
    /// What the release stands on: the base of its newest build there, or what was served when its first line was made.
    pub base: Option<BuildName>,
    pub serves: Option<BuildName>,
    /// What differs between the two, whoever it concerns.
    pub came_in: Vec<Compared>,
    pub conflicts: Vec<RebaseConflict>,
    pub release: ReleaseRow,
    /// The environment's state for which this holds.
    pub(super) changed: i64,
}

/// How a release stands to what an environment serves, the final one when none is named.
///
/// # Errors
/// See `RebaseError`.
pub async fn rebase(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    environment: Option<&EnvironmentName>,
) -> Result<Rebase, RebaseError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    rebase_of(engine, &project, number, environment).await
}

pub(super) async fn rebase_of(
    engine: &Engine,
    project: &ProjectRow,
    number: ReleaseNumber,
    environment: Option<&EnvironmentName>,
) -> Result<Rebase, RebaseError> {
    let release = engine.catalog.release(project.number, number).await?;
    let release = release.ok_or(ReleaseError::NoRelease(number))?;
    let mut environments = engine.catalog.environments(project.number).await?;
    let at = match environment {
        None => environments.pop().ok_or(RebaseError::NoEnvironments)?,
        Some(name) => {
            let found = environments.into_iter().find(|at| at.environment.name == *name);
            found.ok_or_else(|| RebaseError::NoEnvironment(name.clone()))?
        }
    };
    let history = History::of(engine, project, number, &at).await?;
    let (base, serves) = (history.base(), history.now());
    let came_in = match serves {
        Some(now) => engine.manifests.between(base.map(|base| base.served.manifest), Some(now.served.manifest)).await?,
        None => Vec::new(),
    };
    Ok(Rebase {
        base: base.map(|base| base.served.build),
        serves: serves.map(|now| now.served.build),
        came_in: with_moves(came_in),
        conflicts: history.conflicts(engine, project, number).await?,
        release,
        changed: at.changed,
        environment: at.environment.name,
    })
}

/// The lines of a release that would undo what has come into an environment since they were made.
///
/// # Errors
/// When rows or manifests can't be read.
pub(in crate::operations) async fn conflicts_with_served(
    engine: &Engine,
    project: &ProjectRow,
    number: ReleaseNumber,
    at: &EnvironmentPointer,
) -> Result<Vec<RebaseConflict>, ReadError> {
    let history = History::of(engine, project, number, at).await?;
    history.conflicts(engine, project, number).await
}

/// What an environment has served since a release began to be made.
struct History {
    environment: EnvironmentName,
    /// Oldest first.
    served: Vec<ServedSince>,
    /// Audit sequence from which on all of the release is known to fit what was served then; its newest build's.
    seen: i64,
    oldest: i64,
}

impl History {
    async fn of(
        engine: &Engine,
        project: &ProjectRow,
        number: ReleaseNumber,
        at: &EnvironmentPointer,
    ) -> Result<Self, CatalogError> {
        let environment = at.environment.name.clone();
        let Past { oldest_line, seen } = engine.catalog.past_of_release(project.number, number, &environment).await?;
        // Without a line and a build there is nothing yet that could be older than what is served.
        let oldest = oldest_line.map_or(if seen == 0 { at.changed } else { seen }, |line| line.max(seen));
        let mut served = engine.catalog.served_since(project.number, &environment, oldest).await?;
        served.retain(|since| since.sequence <= at.changed); // not what came after the environment had been looked at
        Ok(Self { environment, served, seen, oldest })
    }

    fn now(&self) -> Option<ServedSince> {
        self.served.last().copied()
    }

    /// What was served at an audit sequence.
    fn at(&self, sequence: i64) -> Option<ServedSince> {
        let after = self.served.partition_point(|since| since.sequence <= sequence);
        after.checked_sub(1).map(|at| self.served[at])
    }

    fn base(&self) -> Option<ServedSince> {
        self.at(self.oldest)
    }

    async fn conflicts(
        &self,
        engine: &Engine,
        project: &ProjectRow,
        number: ReleaseNumber,
    ) -> Result<Vec<RebaseConflict>, ReadError> {
        let Some(now) = self.now().filter(|now| now.sequence > self.seen) else { return Ok(Vec::new()) };
        let touched = self.touched(engine, project, number, now).await?;
        if touched.is_empty() {
            return Ok(Vec::new());
        }
        let kept = engine.catalog.kept_lines(project.number, number, &self.environment).await?;
        let keys: Vec<String> = touched.keys().cloned().collect();
        let mut conflicts = Vec::new();
        let mut touched = touched;
        for (line, pin) in engine.catalog.changes_of_keys(project.number, number, &keys).await? {
            let (key, ours) = line.into_entry(pin)?;
            let Some(Difference { before: base, after: theirs, .. }) = touched.remove(&key) else { continue };
            if is_conflict(base.as_ref(), theirs.as_ref(), ours.as_ref()) {
                let theirs_name = value_name(theirs.as_ref());
                let kept_by = kept.get(&key).filter(|(name, _)| *name == theirs_name).map(|(_, by)| by.clone());
                conflicts.push(RebaseConflict { key, base, theirs, ours, theirs_name, kept_by });
            }
        }
        conflicts.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(conflicts)
    }

    /// The release's lines at keys that others have changed since, with what was served there and is now.
    async fn touched(
        &self,
        engine: &Engine,
        project: &ProjectRow,
        number: ReleaseNumber,
        now: ServedSince,
    ) -> Result<HashMap<String, Difference>, ReadError> {
        let mut touched = HashMap::new();
        let mut compared: HashMap<ManifestId, HashMap<String, Difference>> = HashMap::new();
        let mut after = String::new();
        loop {
            let page = engine.catalog.lines_before(project.number, number, now.sequence, &after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            after = page.last().map_or(after, |(line, _)| line.key.clone());
            for (line, sequence) in page {
                let difference = match self.at(sequence.max(self.seen)) {
                    // Nothing was served: the whole manifest has come in, of which only this key matters.
                    None => added(engine, now.served.manifest, line.key).await?,
                    Some(base) => {
                        let manifest = base.served.manifest;
                        let found = match compared.entry(manifest) {
                            MapEntry::Occupied(known) => known.into_mut(),
                            MapEntry::Vacant(place) => {
                                let found = engine.manifests.compare(manifest, now.served.manifest).await?;
                                place.insert(found.into_iter().map(|d| (d.key.clone(), d)).collect())
                            }
                        };
                        found.get(&line.key).cloned()
                    }
                };
                touched.extend(difference.map(|difference| (difference.key.clone(), difference)));
            }
            if is_last {
                return Ok(touched);
            }
        }
    }
}

async fn added(engine: &Engine, manifest: ManifestId, key: String) -> Result<Option<Difference>, ReadError> {
    let after = engine.manifests.entry(manifest, &key).await?;
    Ok(after.map(|after| Difference { key, before: None, after: Some(after) }))
}
