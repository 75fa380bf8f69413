//! The versions that answer a work item. Another set of them voids the requester's yes, which was for the former.

use std::collections::HashSet;

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, WorkItemNumber};
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::work_item::{Standing, Transition, WorkStatus};

use super::step::{action as step_action, move_to};
use super::{WorkError, audit, item_in, item_of};
use crate::Engine;
use crate::catalog::{AssetRow, ProjectRow, WorkItemRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::releases::ReleaseError;
use crate::operations::revision::check_revision;

/// Most versions that an audit entry lists one by one.
const LISTED_MAX: usize = 100;

/// A version of an asset, named by the asset's path or id; the latest one when no number is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionRef {
    At { path: AssetPath, version: Option<i64> },
    Of { asset: AssetId, version: Option<i64> },
}

/// What came of attaching or detaching versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AttachedVersions {
    /// Versions attached or detached; what was so already doesn't count.
    pub changed: u64,
    /// Versions that the item has now.
    pub total: i64,
    pub status: WorkStatus,
    /// The item's revision now.
    pub revision: i64,
}

/// Attaches versions to a work item, all or none.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn attach(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    versions: &[VersionRef],
    expected: Option<i64>,
) -> Result<AttachedVersions, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    item_of(engine, &project, item).await?;
    let versions = resolve(engine, &project, versions).await?;
    let mut write = caller.begin(&engine.catalog).await?;
    let row = item_in(&mut write, &project, item).await?;
    check_revision(item, expected, row.revision)?;
    let max = engine.limits.work_versions_max;
    let attached = attach_in(&mut write, caller, &project, row, &versions, max).await?;
    caller.note_outcome(&mut write, &attached).await?;
    write.commit().await?;
    Ok(attached)
}

/// Takes versions from a work item; those that it doesn't have are passed over.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn detach(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    versions: &[VersionRef],
    expected: Option<i64>,
) -> Result<AttachedVersions, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    if let Some(earlier) = caller.earlier_outcome(&engine.catalog).await? {
        return Ok(earlier);
    }
    item_of(engine, &project, item).await?;
    let versions = resolve(engine, &project, versions).await?;
    let mut write = caller.begin(&engine.catalog).await?;
    let row = item_in(&mut write, &project, item).await?;
    check_revision(item, expected, row.revision)?;
    takes_versions(&row)?;
    let gone = write.detach_versions(project.number, item, &versions).await?;
    let row = note(&mut write, caller, &project, row, "work_item.versions_detached", &gone).await?;
    let total = write.count_attached(project.number, item).await?;
    let detached = AttachedVersions { changed: gone.len() as u64, total, status: row.status, revision: row.revision };
    caller.note_outcome(&mut write, &detached).await?;
    write.commit().await?;
    Ok(detached)
}

/// Whether an upload may name a work item: asked before any of its bytes is stored.
///
/// # Errors
/// When there is no such item, when it takes no more versions, when the caller may not work on items.
pub(in crate::operations) async fn check_takes_versions(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    item: WorkItemNumber,
) -> Result<(), WorkError> {
    caller.project(&engine.catalog, &project.name, Permission::Work).await?;
    takes_versions(&item_of(engine, project, item).await?)
}

/// Attaches the versions that an upload has made, within the upload's own change.
///
/// # Errors
/// As `attach`; the whole change must be given up.
pub(in crate::operations) async fn attach_made(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    item: WorkItemNumber,
    versions: &[(AssetId, i64)],
    max: usize,
) -> Result<(), WorkError> {
    let row = item_in(write, project, item).await?;
    attach_in(write, caller, project, row, versions, max).await?;
    Ok(())
}

async fn attach_in(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    item: WorkItemRow,
    versions: &[(AssetId, i64)],
    max: usize,
) -> Result<AttachedVersions, WorkError> {
    takes_versions(&item)?;
    let number = item.number;
    let by = &caller.principal.name;
    let added = write.attach_versions(project.number, number, versions, by, caller.now).await?;
    let total = write.count_attached(project.number, number).await?;
    if total > i64::try_from(max).unwrap_or(i64::MAX) {
        return Err(WorkError::TooManyVersions { item: number, count: total, max });
    }
    let item = note(write, caller, project, item, "work_item.versions_attached", &added).await?;
    Ok(AttachedVersions { changed: added.len() as u64, total, status: item.status, revision: item.revision })
}

/// Records that an item's versions are others now, and voids what was said about the former ones.
async fn note(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    item: WorkItemRow,
    action: &'static str,
    versions: &[(AssetId, i64)],
) -> Result<WorkItemRow, WorkError> {
    if versions.is_empty() {
        return Ok(item);
    }
    let number = item.number;
    let shown = versions
        .iter()
        .take(LISTED_MAX)
        .map(|(asset, version)| serde_json::json!({ "asset": uuid::Uuid::from_bytes(asset.0), "version": version }));
    let details = serde_json::json!({ "count": versions.len(), "versions": shown.collect::<Vec<_>>() });
    write.record(&caller.principal, caller.now, audit(action, project, number, "", details));
    let from = item.status;
    let consequence = Standing { is_consequence: true, ..Standing::default() };
    let Ok(status) = Transition::Void.next(number, from, &consequence) else {
        let item = WorkItemRow { changed_at: caller.now, revision: item.revision + 1, ..item };
        write.update_work_item(project.number, &item).await?;
        return Ok(item);
    };
    write.void_authorisation(project.number, number, caller.now).await?;
    let details = serde_json::json!({ "from": from, "to": status, "because": action, "requester": item.requester,
        "assignee": item.said.assignee, "title": item.said.title });
    let item = move_to(write, caller, project, item, status).await?;
    let draft = audit(step_action(Transition::Void), project, number, "", details);
    write.record(&caller.principal, caller.now, draft);
    Ok(item)
}

fn takes_versions(item: &WorkItemRow) -> Result<(), WorkError> {
    if item.status.takes_versions() {
        return Ok(());
    }
    Err(WorkError::TakesNone { item: item.number, status: item.status })
}

/// The versions that are meant, each once.
pub(super) async fn resolve(
    engine: &Engine,
    project: &ProjectRow,
    versions: &[VersionRef],
) -> Result<Vec<(AssetId, i64)>, WorkError> {
    let paths = versions.iter().filter_map(|version| match version {
        VersionRef::At { path, .. } => Some(path.as_str()),
        VersionRef::Of { .. } => None,
    });
    let assets = engine.catalog.assets_by_path(project.number, &paths.collect::<Vec<_>>()).await?;
    let (mut found, mut seen) = (Vec::with_capacity(versions.len()), HashSet::new());
    for version in versions {
        let pair = match version {
            VersionRef::At { path, version } => {
                let asset = assets.get(path.as_str()).ok_or_else(|| ReleaseError::NoAsset(path.to_string()))?;
                exact(engine, asset, *version).await?
            }
            VersionRef::Of { asset, version } => {
                let row = engine.catalog.asset(project.number, *asset).await?;
                let row = row.ok_or(ReleaseError::ForeignAsset(uuid::Uuid::from_bytes(asset.0)))?;
                exact(engine, &row, *version).await?
            }
        };
        if seen.insert(pair) {
            found.push(pair);
        }
    }
    Ok(found)
}

async fn exact(engine: &Engine, asset: &AssetRow, version: Option<i64>) -> Result<(AssetId, i64), WorkError> {
    let latest = asset.latest.number;
    let version = version.unwrap_or(latest);
    if version != latest && engine.catalog.version(asset.id, version).await?.is_none() {
        return Err(ReleaseError::NoVersion { path: asset.path.clone(), number: version, latest }.into());
    }
    Ok((asset.id, version))
}
