//! Lists of work items: the newest first, or as they stand on the board.

use shelfmark_domain::work_item::WorkStatus;

use super::filter::{Condition, WorkFilter};
use super::item::{COLUMNS, WorkItemRow, read};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, InvalidCursor, Page};
use crate::catalog::rows::query;

impl Catalog {
    /// The wanted work items, newest first.
    pub async fn work_items(
        &self,
        project: i64,
        filter: &WorkFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<WorkItemRow>, CatalogError> {
        let mut condition = Condition::of(project, filter);
        condition.newest(before, i64::from(limit) + 1);
        let items = self.found(&condition).await?;
        Ok(Page::cut(items, limit, |item| Cursor::after(item.number.get())))
    }

    /// The wanted work items of a status in the order of the board, after a place in it.
    pub async fn board(
        &self,
        project: i64,
        status: WorkStatus,
        filter: &WorkFilter,
        after: Option<(i64, i64)>,
        limit: u32,
    ) -> Result<Page<WorkItemRow>, CatalogError> {
        let filter = WorkFilter { statuses: vec![status], ..filter.clone() };
        let mut condition = Condition::of(project, &filter);
        if let Some((rank, number)) = after {
            condition.push(" AND (w.rank, w.number) > (").number(rank).push(", ").number(number).push(")");
        }
        condition.push(" ORDER BY w.rank, w.number LIMIT ").number(i64::from(limit) + 1);
        let items = self.found(&condition).await?;
        Ok(Page::cut(items, limit, |item| Cursor::after(format!("{} {}", item.rank, item.number.get()))))
    }

    async fn found(&self, condition: &Condition) -> Result<Vec<WorkItemRow>, CatalogError> {
        let select = query(format!("SELECT {COLUMNS} {}", condition.as_str()));
        condition.bind(select).fetch_all(&self.reader).await?.iter().map(read).collect()
    }
}

/// The place on a board that a cursor names.
///
/// # Errors
/// `InvalidCursor` for the cursor of another list.
pub fn board_place(cursor: &Cursor) -> Result<(i64, i64), InvalidCursor> {
    let parts = cursor.key().split_once(' ');
    parts.and_then(|(rank, number)| Some((rank.parse().ok()?, number.parse().ok()?))).ok_or(InvalidCursor)
}
