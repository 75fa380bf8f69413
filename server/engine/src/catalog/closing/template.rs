//! Templates of notes, each revision of them.

use shelfmark_domain::notes::NotesTemplate;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A revision of a project's template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotesTemplateRow {
    /// 1, 2, 3 and so on.
    pub revision: i64,
    pub template: NotesTemplate,
    pub by_name: String,
    pub message: String,
    pub at: Timestamp,
}

const COLUMNS: &str = "revision, document, by_name, message, at FROM notes_templates";

fn read(row: &sqlx::any::AnyRow) -> Result<NotesTemplateRow, CatalogError> {
    let template = serde_json::from_str(&row.text(1)?);
    Ok(NotesTemplateRow {
        revision: row.int(0)?,
        template: template.map_err(|error| corrupt(format!("a template of notes that can't be read: {error}")))?,
        by_name: row.text(2)?,
        message: row.text(3)?,
        at: row.time(4)?,
    })
}

impl Catalog {
    /// The revisions of a project's template, newest first.
    pub async fn notes_templates(
        &self,
        project: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<NotesTemplateRow>, CatalogError> {
        let rows =
            query(format!("SELECT {COLUMNS} WHERE project = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3"))
                .bind(project)
                .bind(before.unwrap_or(i64::MAX))
                .bind(i64::from(limit) + 1)
                .fetch_all(&self.reader)
                .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |template| Cursor::after(template.revision)))
    }
}

impl Reading<'_> {
    /// The template that holds; `None` when none was ever set.
    pub async fn notes_template(&mut self, project: i64) -> Result<Option<NotesTemplateRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 ORDER BY revision DESC LIMIT 1"))
            .bind(project)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Adds a revision of a project's template.
    pub async fn insert_notes_template(&mut self, project: i64, row: &NotesTemplateRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO notes_templates (project, revision, document, by_name, message, at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(project)
        .bind(row.revision)
        .bind(serde_json::to_string(&row.template).expect("a template consists of texts and names"))
        .bind(row.by_name.clone())
        .bind(row.message.clone())
        .bind(row.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
