//! What a release changes: adding and taking out its lines. Whatever is added is fixed at that moment: a release never
//! serves anything newer than what was put into it.

use std::collections::{BTreeSet, HashSet};

use shelfmark_domain::access::Permission;
use shelfmark_domain::filter::AssetFilter;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::name::{ParameterName, ProjectName, ReleaseNumber, SearchName};
use shelfmark_domain::path::{AssetPath, FolderPath};
use shelfmark_domain::pin::{AssetId, Entry, Key, Parameter, Visibility};

use crate::Engine;
use crate::catalog::{AssetRow, CatalogError, ChangeRow, ChangeValue, ProjectRow, ReleaseRow, Write};
use crate::operations::builds::latest::differences_to_latest;
use crate::operations::people::caller::Caller;
use crate::operations::releases::{ReleaseError, audit};
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// How often the library is read beside the changes of others, before those have to wait.
const TRIES_BESIDE: u32 = 4;

/// Assets that a search finds at a time.
const FOUND_AT_ONCE: u32 = 5_000;

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
    /// Every asset that a saved search finds, at its latest version, as far as the base doesn't have that.
    SavedSearch(SearchName),
    RemovePath(AssetPath),
    Parameter(ParameterName, Parameter),
    RemoveParameter(ParameterName),
    Access(FolderPath, Visibility),
    RemoveAccess(FolderPath),
}

/// What came of adding or taking out changes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChangedLines {
    /// Lines written or taken out.
    pub lines: u64,
    /// Lines that the release has now.
    pub total: i64,
    /// The release's revision now.
    pub revision: i64,
    /// How many of the lines written are for keys that other open releases change too.
    #[serde(default)]
    pub conflicts: u64,
    /// Those releases.
    #[serde(default)]
    pub conflicts_with: Vec<ReleaseNumber>,
}

/// Adds changes to a release, all or none; with `expected`, only if it is still at that revision.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn add_changes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    added: Vec<AddedChange>,
    expected: Option<i64>,
) -> Result<ChangedLines, ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    let (mut write, resolved) = resolve_in_one_state(engine, caller, &project, &added).await?;
    let release = draft_release(&mut write, &project, number, expected).await?;
    let lines = resolved.lines.len() as u64;
    for folder in &resolved.replaced {
        write.remove_changes_in(project.number, number, folder).await?;
    }
    let (conflicts, conflicts_with) = conflicts(&mut write, &project, number, &resolved.lines).await?;
    let details = serde_json::json!({ "lines": lines, "conflicts": conflicts, "conflicts_with": conflicts_with });
    let sequence =
        write.record(&caller.principal, caller.now, audit("release.changes_added", &project, number, details));
    write.put_changes(project.number, number, &resolved.lines, sequence).await?;
    write.update_release(project.number, &release).await?;
    let total = write.count_changes(project.number, number).await?;
    let changed = ChangedLines { lines, total, revision: release.revision + 1, conflicts, conflicts_with };
    caller.note_outcome(&mut write, &changed).await?;
    write.commit().await?;
    Ok(changed)
}

/// How many of these lines other open releases have, too, and which ones.
pub(crate) async fn conflicts(
    write: &mut Write,
    project: &ProjectRow,
    number: ReleaseNumber,
    lines: &[ChangeRow],
) -> Result<(u64, Vec<ReleaseNumber>), CatalogError> {
    let keys: Vec<String> = lines.iter().map(|line| line.key.clone()).collect();
    let conflicting = write.conflicting_keys(project.number, number, &keys).await?;
    let conflicts = conflicting.iter().map(|(key, _)| key).collect::<HashSet<_>>().len() as u64;
    let with: BTreeSet<ReleaseNumber> = conflicting.iter().map(|(_, release)| *release).collect();
    Ok((conflicts, with.into_iter().collect()))
}

/// Takes lines out of a release by their keys; with `expected`, only if it is still at that revision.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn remove_changes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    keys: &[String],
    expected: Option<i64>,
) -> Result<ChangedLines, ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = draft_release(&mut write, &project, number, expected).await?;
    let lines = write.remove_changes(project.number, number, keys).await?;
    let total = write.count_changes(project.number, number).await?;
    let mut revision = release.revision;
    if lines > 0 {
        let details = serde_json::json!({ "lines": lines });
        write.record(&caller.principal, caller.now, audit("release.changes_removed", &project, number, details));
        write.update_release(project.number, &release).await?;
        revision += 1;
    }
    let changed = ChangedLines { lines, total, revision, conflicts: 0, conflicts_with: Vec::new() };
    caller.note_outcome(&mut write, &changed).await?;
    write.commit().await?;
    Ok(changed)
}

/// Reads what the changes mean, and begins the change of the release while that still holds. What is read in parts
/// fits together only if no asset and no promotion changed it meanwhile; where others change them without pause, the last try makes them
/// wait.
async fn resolve_in_one_state(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    added: &[AddedChange],
) -> Result<(Write, Resolved), ReleaseError> {
    let present = async || caller.project(&engine.catalog, &project.name, Permission::PlanReleases).await;
    for _ in 0..TRIES_BESIDE {
        let before = present().await?;
        let served = crate::operations::builds::build::final_served(engine, project).await?;
        let resolved = resolve(engine, &before, served.map(|served| served.manifest), added).await?;
        let mut write = caller.begin(&engine.catalog).await?;
        let now = write.project(project.number).await?.map(|project| project.asset_revision);
        let last = write.environments(project.number).await?.pop();
        if now == Some(before.asset_revision) && last.and_then(|last| last.environment.serves) == served {
            return Ok((write, resolved));
        }
    }
    let write = caller.begin(&engine.catalog).await?;
    let before = present().await?;
    let served = crate::operations::builds::build::final_served(engine, project).await?;
    Ok((write, resolve(engine, &before, served.map(|served| served.manifest), added).await?))
}

/// A release that takes changes, as the caller saw it.
///
/// # Errors
/// When there is none, when it takes no changes, when it is at another revision.
pub(crate) async fn draft_release(
    write: &mut Write,
    project: &ProjectRow,
    number: ReleaseNumber,
    expected: Option<i64>,
) -> Result<ReleaseRow, ReleaseError> {
    let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    check_revision(format!("release {number}"), expected, release.revision)?;
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

async fn resolve(
    engine: &Engine,
    project: &ProjectRow,
    base: Option<ManifestId>,
    added: &[AddedChange],
) -> Result<Resolved, ReleaseError> {
    let mut resolved = Resolved::default();
    let paths = added.iter().filter_map(|change| match change {
        AddedChange::Asset { path, .. } => Some(path.as_str()),
        _ => None,
    });
    let assets = engine.catalog.assets_by_path(project.number, &paths.collect::<Vec<_>>()).await?;
    for change in added {
        match change {
            AddedChange::Asset { path, version } => {
                let asset = assets.get(path.as_str()).ok_or_else(|| ReleaseError::NoAsset(path.to_string()))?;
                resolved.push(&Key::Path(path.clone()), pinned(engine, asset, *version).await?);
            }
            AddedChange::AssetById { asset, version } => {
                let row = engine.catalog.asset(project.number, *asset).await?;
                let row = row.ok_or(ReleaseError::ForeignAsset(uuid::Uuid::from_bytes(asset.0)))?;
                let path: AssetPath = row.path.parse().map_err(|_| ReleaseError::NoAsset(row.path.clone()))?;
                resolved.push(&Key::Path(path), pinned(engine, &row, *version).await?);
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
            AddedChange::SavedSearch(name) => {
                let search = engine.catalog.saved_search(project.number, name).await?;
                let search = search.ok_or_else(|| ReleaseError::NoSearch(name.clone()))?;
                resolved.differences(found_differences(engine, project, base, &search.filter).await?, false);
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
    let mut seen = HashSet::new();
    resolved.lines.reverse();
    resolved.lines.retain(|line| seen.insert(line.key.clone()));
    Ok(resolved)
}

/// How what a filter finds differs from the base.
async fn found_differences(
    engine: &Engine,
    project: &ProjectRow,
    base: Option<ManifestId>,
    filter: &AssetFilter,
) -> Result<Vec<Difference>, ReleaseError> {
    let (mut found, mut after) = (HashSet::new(), Some(String::new()));
    while let Some(key) = after {
        let page = engine.catalog.filtered_assets(project.number, filter, &key, FOUND_AT_ONCE).await?;
        found.extend(page.items.into_iter().map(|asset| asset.path));
        after = page.next.map(|next| next.key().to_owned());
    }
    let folder = filter.folder.clone().unwrap_or_else(FolderPath::root);
    let mut differences = differences_to_latest(engine, project, base, &folder).await?;
    differences.retain(|difference| found.contains(&difference.key));
    Ok(differences)
}

async fn remove(
    engine: &Engine,
    base: Option<ManifestId>,
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

async fn pinned(engine: &Engine, asset: &AssetRow, version: Option<i64>) -> Result<ChangeValue, ReleaseError> {
    let latest = asset.latest.number;
    let version = version.unwrap_or(latest);
    if version != latest && engine.catalog.version(asset.id, version).await?.is_none() {
        return Err(ReleaseError::NoVersion { path: asset.path.clone(), number: version, latest });
    }
    Ok(ChangeValue::Pin { asset: asset.id, version })
}

fn check_parameter(parameter: &Parameter, max: usize) -> Result<(), ReleaseError> {
    let values = std::iter::once(&parameter.value).chain(parameter.by_environment.values());
    Ok(values.into_iter().try_for_each(|value| check_text("value", value, max))?)
}
