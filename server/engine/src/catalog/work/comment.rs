//! Comments on work items.

use shelfmark_domain::name::{UserName, WorkItemNumber};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentRow {
    /// 1, 2, 3 and so on within the item.
    pub number: i64,
    /// The id of whoever wrote it, and what they were called.
    pub author: String,
    pub author_name: String,
    pub text: String,
    /// The people whom it mentions who are there.
    pub mentions: Vec<UserName>,
    pub at: Timestamp,
    /// `None`: as it was written.
    pub edited_at: Option<Timestamp>,
    /// +1 per edit.
    pub revision: i64,
}

const COLUMNS: &str = "number, author, author_name, text, mentions, at, edited_at, revision FROM work_item_comments";

fn read(row: &sqlx::any::AnyRow) -> Result<CommentRow, CatalogError> {
    let mentions = row.text(4)?;
    Ok(CommentRow {
        number: row.int(0)?,
        author: row.text(1)?,
        author_name: row.text(2)?,
        text: row.text(3)?,
        mentions: serde_json::from_str(&mentions).map_err(|_| corrupt(format!("{mentions:?} as mentions")))?,
        at: row.time(5)?,
        edited_at: row.time_or_null(6)?,
        revision: row.int(7)?,
    })
}

fn to_json(mentions: &[UserName]) -> String {
    serde_json::to_string(mentions).expect("names are texts")
}

impl Catalog {
    /// An item's comments, oldest first.
    pub async fn comments(
        &self,
        project: i64,
        item: WorkItemNumber,
        after: i64,
        limit: u32,
    ) -> Result<Page<CommentRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND item = $2 AND number > $3 ORDER BY number LIMIT $4"
        ))
        .bind(project)
        .bind(item.get())
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |comment| Cursor::after(comment.number)))
    }

    /// A comment.
    pub async fn comment(
        &self,
        project: i64,
        item: WorkItemNumber,
        number: i64,
    ) -> Result<Option<CommentRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND item = $2 AND number = $3"))
            .bind(project)
            .bind(item.get())
            .bind(number)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// A comment as it stands in this change.
    pub async fn comment(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        number: i64,
    ) -> Result<Option<CommentRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND item = $2 AND number = $3"))
            .bind(project)
            .bind(item.get())
            .bind(number)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The number that an item's next comment has.
    pub async fn next_comment(&mut self, project: i64, item: WorkItemNumber) -> Result<i64, CatalogError> {
        let row = query(
            "SELECT CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT) FROM work_item_comments \
             WHERE project = $1 AND item = $2",
        )
        .bind(project)
        .bind(item.get())
        .fetch_one(self.connection())
        .await?;
        row.int(0)
    }

    /// Adds a comment.
    pub async fn insert_comment(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        comment: &CommentRow,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO work_item_comments (project, item, number, author, author_name, text, mentions, at, edited_at, \
             revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(project)
        .bind(item.get())
        .bind(comment.number)
        .bind(comment.author.clone())
        .bind(comment.author_name.clone())
        .bind(comment.text.clone())
        .bind(to_json(&comment.mentions))
        .bind(comment.at.as_micros())
        .bind(comment.edited_at.map(Timestamp::as_micros))
        .bind(comment.revision)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Writes what an edit changes of a comment.
    pub async fn update_comment(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        comment: &CommentRow,
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE work_item_comments SET text = $1, mentions = $2, edited_at = $3, revision = $4 \
             WHERE project = $5 AND item = $6 AND number = $7",
        )
        .bind(comment.text.clone())
        .bind(to_json(&comment.mentions))
        .bind(comment.edited_at.map(Timestamp::as_micros))
        .bind(comment.revision)
        .bind(project)
        .bind(item.get())
        .bind(comment.number)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
