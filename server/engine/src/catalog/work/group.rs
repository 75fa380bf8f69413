//! Which work items a release is about, and which of its lines came with them.

use std::collections::HashMap;

use shelfmark_domain::name::{ReleaseNumber, WorkItemNumber};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use super::item::{COLUMNS, COLUMNS_COUNT, WorkItemRow, read};
use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::releases::change::ChangeRow;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// An item of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseItemRow {
    pub item: WorkItemRow,
    pub added_by: String,
    pub added_at: Timestamp,
}

/// A line of a release that came with an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemLine {
    pub item: WorkItemNumber,
    pub key: String,
    pub asset: AssetId,
    /// The version that the item asks for there.
    pub version: i64,
    /// The audit entry of the line as it was written; another one there tells that it was changed by hand since.
    pub audit: i64,
}

/// What an item brings to a release: of each attached asset the highest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedLine {
    pub asset: AssetId,
    pub version: i64,
    pub path: String,
    pub is_deleted: bool,
}

impl Catalog {
    /// The items of a release, oldest first.
    pub async fn release_items(
        &self,
        project: i64,
        release: ReleaseNumber,
        after: i64,
        limit: u32,
    ) -> Result<Page<ReleaseItemRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS}, i.added_by, i.added_at FROM release_items i \
             JOIN work_items w ON w.project = i.project AND w.number = i.item \
             WHERE i.project = $1 AND i.release = $2 AND i.item > $3 ORDER BY i.item LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let (added_by, added_at) = (row.text(COLUMNS_COUNT)?, row.time(COLUMNS_COUNT + 1)?);
            Ok(ReleaseItemRow { item: read(row)?, added_by, added_at })
        };
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |row| Cursor::after(row.item.number.get())))
    }
}

impl Write {
    /// The release that an item belongs to: with `is_open`, one that is planned; else one that is not over yet.
    pub async fn release_of_item(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        is_open: bool,
    ) -> Result<Option<ReleaseNumber>, CatalogError> {
        let states = if is_open { "IN ('draft', 'frozen')" } else { "NOT IN ('closed', 'cancelled')" };
        let row = query(format!(
            "SELECT i.release FROM release_items i JOIN releases r ON r.project = i.project AND r.number = i.release \
             WHERE i.project = $1 AND i.item = $2 AND r.state {states} ORDER BY i.release DESC LIMIT 1"
        ))
        .bind(project)
        .bind(item.get())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| row.int(0).map(ReleaseNumber::new)).transpose()
    }

    /// The items of a release as they stand in this change.
    pub async fn items_of_release(
        &mut self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<WorkItemRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} FROM release_items i JOIN work_items w ON w.project = i.project AND w.number = i.item \
             WHERE i.project = $1 AND i.release = $2 ORDER BY i.item"
        ))
        .bind(project)
        .bind(release.get())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }

    /// What an item brings to a release.
    pub async fn wanted_lines(&mut self, project: i64, item: WorkItemNumber) -> Result<Vec<WantedLine>, CatalogError> {
        let rows = query(
            "SELECT v.asset, MAX(v.version), s.path, s.deleted_at FROM work_item_versions v \
             JOIN assets s ON s.id = v.asset WHERE v.project = $1 AND v.item = $2 \
             GROUP BY v.asset, s.path, s.deleted_at ORDER BY s.path",
        )
        .bind(project)
        .bind(item.get())
        .fetch_all(self.connection())
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let is_deleted = row.int_or_null(3)?.is_some();
            Ok(WantedLine { asset: row.asset(0)?, version: row.int(1)?, path: row.text(2)?, is_deleted })
        };
        rows.iter().map(read).collect()
    }

    /// The lines of a release that came with items.
    pub async fn item_lines(&mut self, project: i64, release: ReleaseNumber) -> Result<Vec<ItemLine>, CatalogError> {
        let rows = query(
            "SELECT item, key, asset, version, audit FROM release_item_lines WHERE project = $1 AND release = $2 \
             ORDER BY item, key",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(self.connection())
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(ItemLine {
                item: WorkItemNumber::new(row.int(0)?),
                key: row.text(1)?,
                asset: row.asset(2)?,
                version: row.int(3)?,
                audit: row.int(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The lines of a release for these keys with their audit entries.
    pub async fn changes_at(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        keys: &[String],
    ) -> Result<HashMap<String, (ChangeRow, i64)>, CatalogError> {
        let rows = rows::select_in(
            self.connection(),
            "SELECT key, kind, asset, version, value, audit FROM changes WHERE project = $1 AND release = $2 AND key IN",
            "",
            (2, |query| query.bind(project).bind(release.get())),
            keys,
            |query, key| query.bind(key.clone()),
        )
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let change = crate::catalog::releases::change::read(row, 0)?;
            Ok((change.key.clone(), (change, row.int(5)?)))
        };
        rows.iter().map(read).collect()
    }

    /// Notes that a release is about an item.
    pub async fn put_release_item(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        item: WorkItemNumber,
        by: &str,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO release_items (project, release, item, added_by, added_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (project, release, item) DO NOTHING",
        )
        .bind(project)
        .bind(release.get())
        .bind(item.get())
        .bind(by.to_owned())
        .bind(at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes an item out of a release; its lines must be gone.
    pub async fn remove_release_item(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        item: WorkItemNumber,
    ) -> Result<(), CatalogError> {
        query("DELETE FROM release_items WHERE project = $1 AND release = $2 AND item = $3")
            .bind(project)
            .bind(release.get())
            .bind(item.get())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Writes anew what items have to do with the lines for these keys.
    pub async fn replace_item_lines(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        keys: &[String],
        lines: &[ItemLine],
    ) -> Result<(), CatalogError> {
        rows::execute_in(
            self.connection(),
            "DELETE FROM release_item_lines WHERE project = $1 AND release = $2 AND key IN",
            "",
            (2, |query| query.bind(project).bind(release.get())),
            keys,
            |query, key| query.bind(key.clone()),
        )
        .await?;
        rows::insert(
            self.connection(),
            "INSERT INTO release_item_lines (project, release, item, key, asset, version, audit)",
            "",
            7,
            lines,
            |query, line| {
                query
                    .bind(project)
                    .bind(release.get())
                    .bind(line.item.get())
                    .bind(line.key.clone())
                    .bind(line.asset.0.to_vec())
                    .bind(line.version)
                    .bind(line.audit)
            },
        )
        .await?;
        Ok(())
    }
}
