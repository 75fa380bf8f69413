//! The versions that answer work items.

use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::WorkStatus;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// A version that answers an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedVersion {
    pub asset: AssetId,
    pub version: i64,
    /// Where the asset is now, or was last.
    pub path: String,
    pub added_by: String,
    pub added_at: Timestamp,
}

/// An item that a version answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredItem {
    pub number: WorkItemNumber,
    pub title: String,
    pub status: WorkStatus,
    pub added_by: String,
    pub added_at: Timestamp,
}

impl Catalog {
    /// The versions that answer an item, by asset and number, after a place in that order.
    pub async fn attached_versions(
        &self,
        project: i64,
        item: WorkItemNumber,
        after: Option<(AssetId, i64)>,
        limit: u32,
    ) -> Result<Page<AttachedVersion>, CatalogError> {
        let (asset, version) = after.unwrap_or((AssetId([0; 16]), 0));
        let rows = query(
            "SELECT v.asset, v.version, s.path, v.added_by, v.added_at FROM work_item_versions v \
             JOIN assets s ON s.id = v.asset WHERE v.project = $1 AND v.item = $2 AND (v.asset, v.version) > ($3, $4) \
             ORDER BY v.asset, v.version LIMIT $5",
        )
        .bind(project)
        .bind(item.get())
        .bind(asset.0.to_vec())
        .bind(version)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(AttachedVersion {
                asset: row.asset(0)?,
                version: row.int(1)?,
                path: row.text(2)?,
                added_by: row.text(3)?,
                added_at: row.time(4)?,
            })
        };
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |one| Cursor::after(version_place(one.asset, one.version))))
    }

    /// The items that a version answers, oldest first.
    pub async fn items_of_version(
        &self,
        project: i64,
        asset: AssetId,
        version: i64,
        after: i64,
        limit: u32,
    ) -> Result<Page<AnsweredItem>, CatalogError> {
        let rows = query(
            "SELECT w.number, w.title, w.status, v.added_by, v.added_at FROM work_item_versions v \
             JOIN work_items w ON w.project = v.project AND w.number = v.item \
             WHERE v.asset = $1 AND v.version = $2 AND v.project = $3 AND v.item > $4 ORDER BY v.item LIMIT $5",
        )
        .bind(asset.0.to_vec())
        .bind(version)
        .bind(project)
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let status = row.text(2)?;
            Ok(AnsweredItem {
                number: WorkItemNumber::new(row.int(0)?),
                title: row.text(1)?,
                status: WorkStatus::parse(&status).ok_or_else(|| corrupt(format!("{status:?} as a status")))?,
                added_by: row.text(3)?,
                added_at: row.time(4)?,
            })
        };
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |item| Cursor::after(item.number.get())))
    }
}

/// The place of a version in a list of versions, as a cursor's key.
fn version_place(asset: AssetId, version: i64) -> String {
    format!("{} {version}", uuid::Uuid::from_bytes(asset.0))
}

impl Cursor {
    /// The place in a list of versions by asset and number.
    ///
    /// # Errors
    /// `InvalidCursor` for the cursor of another list.
    pub fn version(&self) -> Result<(AssetId, i64), crate::catalog::InvalidCursor> {
        let parts = self.key().split_once(' ').and_then(|(asset, version)| {
            let asset: uuid::Uuid = asset.parse().ok()?;
            Some((AssetId(asset.into_bytes()), version.parse().ok()?))
        });
        parts.ok_or(crate::catalog::InvalidCursor)
    }
}

impl Write {
    /// Attaches versions to an item; returns those that were not attached before.
    pub async fn attach_versions(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        versions: &[(AssetId, i64)],
        by: &str,
        at: Timestamp,
    ) -> Result<Vec<(AssetId, i64)>, CatalogError> {
        let added = rows::insert(
            self.connection(),
            "INSERT INTO work_item_versions (project, item, asset, version, added_by, added_at)",
            "ON CONFLICT (project, item, asset, version) DO NOTHING RETURNING asset, version",
            6,
            versions,
            |query, (asset, version)| {
                query
                    .bind(project)
                    .bind(item.get())
                    .bind(asset.0.to_vec())
                    .bind(*version)
                    .bind(by.to_owned())
                    .bind(at.as_micros())
            },
        )
        .await?;
        added.iter().map(|row| Ok((row.asset(0)?, row.int(1)?))).collect()
    }

    /// Takes versions from an item; returns those that were attached.
    pub async fn detach_versions(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        versions: &[(AssetId, i64)],
    ) -> Result<Vec<(AssetId, i64)>, CatalogError> {
        let gone = rows::select_with(
            self.connection(),
            "DELETE FROM work_item_versions WHERE (project, item, asset, version) IN",
            "RETURNING asset, version",
            4,
            versions,
            |query, (asset, version)| query.bind(project).bind(item.get()).bind(asset.0.to_vec()).bind(*version),
        )
        .await?;
        gone.iter().map(|row| Ok((row.asset(0)?, row.int(1)?))).collect()
    }

    /// How many versions an item has.
    pub async fn count_attached(&mut self, project: i64, item: WorkItemNumber) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM work_item_versions WHERE project = $1 AND item = $2")
            .bind(project)
            .bind(item.get())
            .fetch_one(self.connection())
            .await?;
        row.int(0)
    }
}
