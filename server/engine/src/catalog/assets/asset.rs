//! Assets: identities that outlive contents and paths.

use std::collections::HashMap;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::path::{FolderPath, PATH_BYTES_MAX};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use super::letter_case::folded_apart;
use super::version::{self, VERSION, VersionRow};
use crate::catalog::columns::{Columns as _, big};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::{self, AnyQuery, query};
use crate::catalog::write::Write;

/// An asset with its latest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRow {
    pub id: AssetId,
    pub path: String,
    /// `None` while it is there.
    pub deleted_at: Option<Timestamp>,
    pub latest: VersionRow,
}

/// What a change needs to know of an asset before it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetState {
    pub id: AssetId,
    pub path: String,
    /// The latest version's number, content and so on.
    pub version: i64,
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
    pub dimensions: Option<(u32, u32)>,
    pub metadata: Metadata,
    pub deleted_at: Option<Timestamp>,
}

/// A version to be added; its asset is made when `number` is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVersion {
    pub asset: AssetId,
    pub path: String,
    pub number: i64,
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
    pub dimensions: Option<(u32, u32)>,
    pub metadata: Metadata,
    pub reverted_from: Option<i64>,
    /// The audit entry that says who, when and why.
    pub audit: i64,
    pub at: Timestamp,
}

/// Before the columns of the latest version.
const COLUMNS: &str = "s.id, s.path, s.deleted_at";
const FROM: &str = "FROM assets s JOIN versions v ON v.asset = s.id AND v.number = s.latest \
     JOIN audit a ON a.sequence = v.audit";

const STATE: &str = "s.id, s.path, v.number, v.content, v.size_bytes, v.media_type, v.width, v.height, v.metadata, \
     s.deleted_at FROM assets s JOIN versions v ON v.asset = s.id AND v.number = s.latest";

/// What `read` takes: an asset with its latest version, to be narrowed down.
pub(crate) fn whole() -> String {
    format!("{COLUMNS}, {VERSION} {FROM}")
}

pub(crate) fn read(row: &sqlx::any::AnyRow) -> Result<AssetRow, CatalogError> {
    let (id, path, deleted_at) = (row.asset(0)?, row.text(1)?, row.time_or_null(2)?);
    Ok(AssetRow { id, path, deleted_at, latest: version::read(row, 3)? })
}

fn read_state(row: &sqlx::any::AnyRow) -> Result<AssetState, CatalogError> {
    Ok(AssetState {
        id: row.asset(0)?,
        path: row.text(1)?,
        version: row.int(2)?,
        content: row.content(3)?,
        size_bytes: row.size(4)?,
        media_type: row.text(5)?,
        dimensions: row.dimensions(6, 7)?,
        metadata: row.metadata(8)?,
        deleted_at: row.time_or_null(9)?,
    })
}

/// The first text of a folder's paths, and one after all of them.
pub(crate) fn range(folder: &FolderPath) -> (String, String) {
    let (first, end) = folder.range();
    (first, end.unwrap_or_else(after_all_paths))
}

/// The last character there is, more often than a path is long.
fn after_all_paths() -> String {
    "\u{10ffff}".repeat(PATH_BYTES_MAX / 4 + 1)
}

/// The first path after another one that starts with a prefix, and a text after the last. One lower bound, not two: a
/// database goes straight to one, and would walk from the other to it.
fn starting_with(prefix: &str, after: &str) -> (String, String) {
    let following = format!("{after}\u{1}"); // nothing but NUL, which no path has, is smaller
    (following.max(prefix.to_owned()), format!("{prefix}{}", after_all_paths()))
}

impl Catalog {
    /// The asset that is at a path now.
    pub async fn asset_by_path(&self, project: i64, path: &str) -> Result<Option<AssetRow>, CatalogError> {
        let row = query(format!(
            "SELECT {COLUMNS}, {VERSION} {FROM} WHERE s.project = $1 AND s.path = $2 AND s.deleted_at IS NULL"
        ))
        .bind(project)
        .bind(path.to_owned())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// The assets that are at these paths now, by path.
    pub async fn assets_by_path(
        &self,
        project: i64,
        paths: &[&str],
    ) -> Result<HashMap<String, AssetRow>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let head =
            format!("SELECT {COLUMNS}, {VERSION} {FROM} WHERE s.project = $1 AND s.deleted_at IS NULL AND s.path IN");
        let of_project = (1, move |query: AnyQuery| query.bind(project));
        let bind = |query: AnyQuery, path: &&str| query.bind((*path).to_owned());
        let rows = rows::select_in(&mut connection, &head, "", of_project, paths, bind).await?;
        rows.iter().map(|row| read(row).map(|asset| (asset.path.clone(), asset))).collect()
    }

    /// An asset by its id, deleted or not.
    pub async fn asset(&self, project: i64, id: AssetId) -> Result<Option<AssetRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS}, {VERSION} {FROM} WHERE s.id = $1 AND s.project = $2"))
            .bind(id.0.to_vec())
            .bind(project)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The assets whose paths start with a text, by path.
    pub async fn assets(
        &self,
        project: i64,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Page<AssetRow>, CatalogError> {
        let (first, end) = starting_with(prefix, after);
        let rows = query(format!(
            "SELECT {COLUMNS}, {VERSION} {FROM} WHERE s.project = $1 AND s.path >= $2 AND s.path < $3 \
             AND s.deleted_at IS NULL ORDER BY s.path LIMIT $4"
        ))
        .bind(project)
        .bind(first)
        .bind(end)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |asset| Cursor::after(&asset.path)))
    }

    /// The deleted assets whose paths start with a text, by path, and at one path the one deleted last first.
    pub async fn deleted_assets(
        &self,
        project: i64,
        prefix: &str,
        after: (&str, i64),
        limit: u32,
    ) -> Result<Page<AssetRow>, CatalogError> {
        let (first, end) = (prefix.max(after.0), starting_with(prefix, "").1);
        let rows = query(format!(
            "SELECT {COLUMNS}, {VERSION} {FROM} WHERE s.project = $1 AND s.path >= $2 AND s.path < $3 AND s.deleted_at IS NOT NULL \
             AND (s.path > $4 OR (s.path = $4 AND s.deleted_at < $5)) ORDER BY s.path, s.deleted_at DESC LIMIT $6"
        ))
        .bind(project)
        .bind(first.to_owned())
        .bind(end)
        .bind(after.0.to_owned())
        .bind(after.1)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        let key = |asset: &AssetRow| format!("{:020}{}", asset.deleted_at.map_or(0, Timestamp::as_micros), asset.path);
        Ok(Page::cut(items?, limit, |asset| Cursor::after(key(asset))))
    }

    /// The states of the assets whose paths start with a text, by path: what a comparison needs, without who and why.
    pub async fn asset_states(
        &self,
        project: i64,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<AssetState>, CatalogError> {
        let (first, end) = starting_with(prefix, after);
        let rows = query(format!(
            "SELECT {STATE} WHERE s.project = $1 AND s.path >= $2 AND s.path < $3 \
             AND s.deleted_at IS NULL ORDER BY s.path LIMIT $4"
        ))
        .bind(project)
        .bind(first)
        .bind(end)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(read_state).collect()
    }
}

impl Write {
    /// The assets that are at these paths now, by path.
    pub async fn assets_at(
        &mut self,
        project: i64,
        paths: &[String],
    ) -> Result<HashMap<String, AssetState>, CatalogError> {
        let rows = rows::select_in(
            self.connection(),
            &format!("SELECT {STATE} WHERE s.project = $1 AND s.deleted_at IS NULL AND s.path IN"),
            "",
            (1, |query| query.bind(project)),
            paths,
            |query, path| query.bind(path.clone()),
        )
        .await?;
        rows.iter().map(|row| read_state(row).map(|state| (state.path.clone(), state))).collect()
    }

    /// An asset by its id, deleted or not.
    pub async fn asset_state(&mut self, project: i64, id: AssetId) -> Result<Option<AssetState>, CatalogError> {
        let row = query(format!("SELECT {STATE} WHERE s.id = $1 AND s.project = $2"))
            .bind(id.0.to_vec())
            .bind(project)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read_state).transpose()
    }

    /// Ids and paths of the assets in a folder now.
    pub async fn paths_in(
        &mut self,
        project: i64,
        folder: &FolderPath,
    ) -> Result<Vec<(AssetId, String)>, CatalogError> {
        let (first, end) = range(folder);
        let rows = query(
            "SELECT id, path FROM assets WHERE project = $1 AND path >= $2 AND path < $3 AND deleted_at IS NULL \
             ORDER BY path",
        )
        .bind(project)
        .bind(first)
        .bind(end)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| Ok((row.asset(0)?, row.text(1)?))).collect()
    }

    /// Adds versions, and the assets of those numbered 1.
    pub async fn insert_versions(&mut self, project: i64, versions: &[NewVersion]) -> Result<(), CatalogError> {
        // Two versions of one asset in one change (two puts in one group): only the newer one may set `latest`.
        let mut latest: HashMap<AssetId, &NewVersion> = HashMap::with_capacity(versions.len());
        for version in versions {
            latest.insert(version.asset, version);
        }
        let latest: Vec<&NewVersion> = versions.iter().filter(|v| latest[&v.asset].number == v.number).collect();
        rows::insert(
            self.connection(),
            "INSERT INTO assets (id, project, path, folded, latest)",
            "ON CONFLICT (id) DO UPDATE SET latest = excluded.latest",
            5,
            &latest,
            |query, version| {
                let (path, folded) = (version.path.clone(), folded_apart(&version.path));
                query.bind(version.asset.0.to_vec()).bind(project).bind(path).bind(folded).bind(version.number)
            },
        )
        .await?;
        rows::insert(
            self.connection(),
            "INSERT INTO versions (asset, number, content, size_bytes, media_type, width, height, metadata, \
             reverted_from, audit, at)",
            "",
            11,
            versions,
            |query, version| {
                query
                    .bind(version.asset.0.to_vec())
                    .bind(version.number)
                    .bind(version.content.as_bytes().to_vec())
                    .bind(big(version.size_bytes))
                    .bind(version.media_type.clone())
                    .bind(version.dimensions.map(|(width, _)| i64::from(width)))
                    .bind(version.dimensions.map(|(_, height)| i64::from(height)))
                    .bind(version.metadata.to_text())
                    .bind(version.reverted_from)
                    .bind(version.audit)
                    .bind(version.at.as_micros())
            },
        )
        .await?;
        self.note_pending_references(&latest).await
    }

    /// Turns assets into tombstones; their history stays.
    pub async fn delete_assets(&mut self, ids: &[AssetId], at: Timestamp) -> Result<(), CatalogError> {
        rows::execute_in(
            self.connection(),
            "UPDATE assets SET deleted_at = $1 WHERE id IN",
            "",
            (1, |query| query.bind(at.as_micros())),
            ids,
            |query, id| query.bind(id.0.to_vec()),
        )
        .await?;
        Ok(())
    }
}
