//! What happened to a work item, as the audit trail tells it.

use shelfmark_domain::audit::AuditEntry;
use shelfmark_domain::name::{ProjectName, WorkItemNumber};

use crate::catalog::audit::{COLUMNS, entry};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;

impl Catalog {
    /// Everything that happened to a work item, newest first.
    pub async fn work_item_history(
        &self,
        project: &ProjectName,
        item: WorkItemNumber,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, CatalogError> {
        // An asset may have the item's number for its path: the action tells them apart.
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND subject = $2 AND sequence < $3 AND action LIKE 'work_item.%' \
             ORDER BY sequence DESC LIMIT $4"
        ))
        .bind(project.to_string())
        .bind(item.to_string())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(|row| entry(row).map(|(entry, _)| entry)).collect();
        Ok(Page::cut(items?, limit, |entry| Cursor::after(entry.sequence)))
    }
}
