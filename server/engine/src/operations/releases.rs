//! Planning releases: making them, and adding and removing what they change. Whatever is added is fixed at that
//! moment: a release never serves anything newer than what was put into it.

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::name::{ParameterName, ProjectName, ReleaseNumber};
use shelfmark_domain::path::{AssetPath, FolderPath};
use shelfmark_domain::pin::{AssetId, Entry, Key, Parameter, Visibility};
use shelfmark_domain::release::ReleaseState;

use super::caller::{AccessError, Caller};
use super::chunks::ReadError;
use super::latest::differences_to_latest;
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, ChangeRow, ChangeValue, ProjectRow, ReleaseRow, Write};

/// How often the library is read again when it changed while it was read.
const TRIES: u32 = 5;

/// One thing to add to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddedChange {
    /// The asset at a path, at a version or at its latest one.
    Asset {
        path: AssetPath,
        version: Option<i64>,
    },
    /// An asset by its id, at the path where it is.
    AssetById {
        asset: AssetId,
        version: Option<i64>,
    },
    /// Every asset in a folder at its latest version, as far as the base doesn't have that.
    Folder(FolderPath),
    /// The whole library at its latest, removals included.
    Latest,
    RemovePath(AssetPath),
    Parameter(ParameterName, Parameter),
    RemoveParameter(ParameterName),
    Access(FolderPath, Visibility),
    RemoveAccess(FolderPath),
}

/// Why a release was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("there is no release {0} in this project; list them with GET releases")]
    NoRelease(ReleaseNumber),
    #[error("release {number} is at revision {found}, not {expected} as expected; look at it and try again")]
    Stale { number: ReleaseNumber, expected: i64, found: i64 },
    #[error("release {number} is {state}; only a draft takes changes", state = .state.as_str())]
    NotDraft { number: ReleaseNumber, state: ReleaseState },
    #[error("there is no asset at {0}; check the path")]
    NoAsset(String),
    #[error("asset {0} is not in this project; check its id")]
    ForeignAsset(uuid::Uuid),
    #[error("{path} has no version {number}; it has 1 to {latest}")]
    NoVersion { path: String, number: i64, latest: i64 },
    #[error("nothing is at {0} in what the final environment serves, so nothing can be removed there")]
    NothingToRemove(String),
    #[error("{field} is longer than {max} bytes; shorten it")]
    TooLong { field: &'static str, max: usize },
    #[error("{0} has a NUL character; remove it")]
    Nul(&'static str),
    #[error("the title is empty; give the release a name that people know it by")]
    NoTitle,
    #[error("assets keep changing while they are read; try again")]
    Restless,
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ReleaseError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRelease(_) | Self::NoAsset(_) | Self::ForeignAsset(_) | Self::NoVersion { .. } => {
                FailureKind::NotFound
            }
            Self::NotDraft { .. } | Self::NothingToRemove(_) => FailureKind::Conflict,
            Self::Stale { .. } => FailureKind::Stale,
            Self::TooLong { .. } | Self::Nul(_) | Self::NoTitle => FailureKind::Invalid,
            Self::Restless => FailureKind::Busy,
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), ReleaseError> {
    if text.len() > max {
        return Err(ReleaseError::TooLong { field, max });
    }
    if text.contains('\0') { Err(ReleaseError::Nul(field)) } else { Ok(()) }
}

fn audit(action: &'static str, project: &ProjectRow, number: ReleaseNumber, details: serde_json::Value) -> AuditDraft {
    let (project, subject) = (project.name.to_string(), number.to_string());
    AuditDraft { action, project, subject, message: String::new(), details }
}

/// Makes a release.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn create_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    title: &str,
    description: &str,
) -> Result<ReleaseRow, ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_text("title", title, engine.limits.text_bytes_max)?;
    check_text("description", description, engine.limits.text_bytes_max)?;
    if title.trim().is_empty() {
        return Err(ReleaseError::NoTitle);
    }
    if let Some(made) = caller.earlier_outcome::<ReleaseNumber>(&engine.catalog).await? {
        let release = engine.catalog.release(project.number, made).await?;
        return release.ok_or(ReleaseError::NoRelease(made));
    }
    let mut write = engine.catalog.write().await?;
    let number = write.next_release(project.number).await?;
    let release = ReleaseRow {
        number,
        title: title.to_owned(),
        description: description.to_owned(),
        state: ReleaseState::Draft,
        created_by: caller.principal.name.clone(),
        created_at: caller.now,
        last_build: 0,
        revision: 1,
    };
    write.insert_release(project.number, &release).await?;
    let draft = audit("release.created", &project, number, serde_json::json!({ "title": title }));
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &number).await?;
    write.commit().await?;
    Ok(release)
}

/// Gives a release another title or description; with `expected`, only if it is still at that revision.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn describe_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    title: Option<String>,
    description: Option<String>,
    expected: Option<i64>,
) -> Result<ReleaseRow, ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    let mut write = engine.catalog.write().await?;
    let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    if let Some(expected) = expected.filter(|revision| *revision != release.revision) {
        return Err(ReleaseError::Stale { number, expected, found: release.revision });
    }
    let release = ReleaseRow {
        title: title.unwrap_or(release.title),
        description: description.unwrap_or(release.description),
        ..release
    };
    check_text("title", &release.title, engine.limits.text_bytes_max)?;
    check_text("description", &release.description, engine.limits.text_bytes_max)?;
    if release.title.trim().is_empty() {
        return Err(ReleaseError::NoTitle);
    }
    write.update_release(project.number, &release).await?;
    let draft = audit("release.described", &project, number, serde_json::json!({ "title": release.title }));
    write.record(&caller.principal, caller.now, draft);
    write.commit().await?;
    Ok(ReleaseRow { revision: release.revision + 1, ..release })
}

/// Adds changes to a release, all or none. Returns how many lines were written and how many it has now.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn add_changes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    added: Vec<AddedChange>,
) -> Result<(u64, i64), ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    for _ in 0..TRIES {
        let before = caller.project(&engine.catalog, &project.name, Permission::PlanReleases).await?;
        let resolved = resolve(engine, &before, &added).await?;
        let mut write = engine.catalog.write().await?;
        let now = write.project(project.number).await?.map(|project| project.asset_revision);
        if now != Some(before.asset_revision) {
            continue; // what was read in parts may not fit together
        }
        let release = draft_release(&mut write, &project, number).await?;
        let lines = resolved.lines.len() as u64;
        for folder in &resolved.replaced {
            write.remove_changes_in(project.number, number, folder).await?;
        }
        let details = serde_json::json!({ "lines": lines });
        let sequence =
            write.record(&caller.principal, caller.now, audit("release.changes_added", &project, number, details));
        write.put_changes(project.number, number, &resolved.lines, sequence).await?;
        write.update_release(project.number, &release).await?;
        let count = write.count_changes(project.number, number).await?;
        write.commit().await?;
        return Ok((lines, count));
    }
    Err(ReleaseError::Restless)
}

/// Takes lines out of a release by their keys. Returns how many there were and how many it has now.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn remove_changes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    keys: &[String],
) -> Result<(u64, i64), ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    let mut write = engine.catalog.write().await?;
    let release = draft_release(&mut write, &project, number).await?;
    let removed = write.remove_changes(project.number, number, keys).await?;
    let count = write.count_changes(project.number, number).await?;
    if removed > 0 {
        let details = serde_json::json!({ "lines": removed });
        write.record(&caller.principal, caller.now, audit("release.changes_removed", &project, number, details));
        write.update_release(project.number, &release).await?;
    }
    write.commit().await?;
    Ok((removed, count))
}

async fn draft_release(
    write: &mut Write,
    project: &ProjectRow,
    number: ReleaseNumber,
) -> Result<ReleaseRow, ReleaseError> {
    let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    if release.state.takes_changes() {
        return Ok(release);
    }
    Err(ReleaseError::NotDraft { number, state: release.state })
}

/// What is to be written.
#[derive(Debug, Default)]
struct Resolved {
    lines: Vec<ChangeRow>,
    /// Folders whose earlier lines make way.
    replaced: Vec<FolderPath>,
}

impl Resolved {
    fn push(&mut self, key: &Key, value: ChangeValue) {
        self.lines.push(ChangeRow { key: key.to_text(), value });
    }

    fn differences(&mut self, differences: Vec<Difference>, with_removals: bool) {
        for Difference { key, after, .. } in differences {
            match after {
                Some(Entry::Pin(pin)) => {
                    let value = ChangeValue::Pin { asset: pin.asset, version: pin.version };
                    self.lines.push(ChangeRow { key, value });
                }
                Some(Entry::Parameter(_) | Entry::Access(_)) => {}
                None if with_removals => self.lines.push(ChangeRow { key, value: ChangeValue::Remove }),
                None => {}
            }
        }
    }
}

async fn resolve(engine: &Engine, project: &ProjectRow, added: &[AddedChange]) -> Result<Resolved, ReleaseError> {
    let mut resolved = Resolved::default();
    let base = super::build::final_served(engine, project).await?.map(|served| served.manifest);
    for change in added {
        match change {
            AddedChange::Asset { path, version } => {
                let asset = engine.catalog.asset_by_path(project.number, path.as_str()).await?;
                let asset = asset.ok_or_else(|| ReleaseError::NoAsset(path.to_string()))?;
                resolved.push(&Key::Path(path.clone()), pinned(engine, asset, *version).await?);
            }
            AddedChange::AssetById { asset, version } => {
                let row = engine.catalog.asset(project.number, *asset).await?;
                let row = row.ok_or(ReleaseError::ForeignAsset(uuid::Uuid::from_bytes(asset.0)))?;
                let path: AssetPath = row.path.parse().map_err(|_| ReleaseError::NoAsset(row.path.clone()))?;
                resolved.push(&Key::Path(path), pinned(engine, row, *version).await?);
            }
            AddedChange::Folder(folder) => {
                let differences = differences_to_latest(engine, project, base, folder).await?;
                resolved.replaced.push(folder.clone());
                resolved.differences(differences, false);
            }
            AddedChange::Latest => {
                let differences = differences_to_latest(engine, project, base, &FolderPath::root()).await?;
                resolved.replaced.push(FolderPath::root());
                resolved.differences(differences, true);
            }
            AddedChange::RemovePath(path) => remove(engine, base, Key::Path(path.clone()), &mut resolved).await?,
            AddedChange::Parameter(name, parameter) => {
                check_parameter(parameter, engine.limits.parameter_bytes_max)?;
                resolved.push(&Key::Parameter(name.clone()), ChangeValue::Parameter(parameter.clone()));
            }
            AddedChange::RemoveParameter(name) => {
                remove(engine, base, Key::Parameter(name.clone()), &mut resolved).await?;
            }
            AddedChange::Access(folder, visibility) => {
                resolved.push(&Key::Access(folder.clone()), ChangeValue::Access(*visibility));
            }
            AddedChange::RemoveAccess(folder) => {
                remove(engine, base, Key::Access(folder.clone()), &mut resolved).await?;
            }
        }
    }
    // A later line for a key takes the place of an earlier one; one statement must not write a row twice.
    let mut seen = std::collections::HashSet::new();
    resolved.lines.reverse();
    resolved.lines.retain(|line| seen.insert(line.key.clone()));
    Ok(resolved)
}

async fn remove(
    engine: &Engine,
    base: Option<shelfmark_domain::hash::ManifestId>,
    key: Key,
    resolved: &mut Resolved,
) -> Result<(), ReleaseError> {
    let text = key.to_text();
    let there = match base {
        Some(manifest) => engine.manifests.entry(manifest, &text).await?,
        None => None,
    };
    if there.is_none() {
        return Err(ReleaseError::NothingToRemove(text));
    }
    resolved.push(&key, ChangeValue::Remove);
    Ok(())
}

async fn pinned(
    engine: &Engine,
    asset: crate::catalog::AssetRow,
    version: Option<i64>,
) -> Result<ChangeValue, ReleaseError> {
    let latest = asset.latest.number;
    let version = version.unwrap_or(latest);
    if version != latest && engine.catalog.version(asset.id, version).await?.is_none() {
        return Err(ReleaseError::NoVersion { path: asset.path, number: version, latest });
    }
    Ok(ChangeValue::Pin { asset: asset.id, version })
}

fn check_parameter(parameter: &Parameter, max: usize) -> Result<(), ReleaseError> {
    let values = std::iter::once(&parameter.value).chain(parameter.by_environment.values());
    values.into_iter().try_for_each(|value| check_text("value", value, max))
}
