//! Notes as they were published. What is published is never changed: publishing again adds a revision.

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::notes::Audience;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// What was published for an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedNoteRow {
    /// 1, 2, 3 and so on within the release.
    pub revision: i64,
    pub audience: Audience,
    /// Markdown.
    pub text: String,
    /// Whether a person wrote it.
    pub is_edited: bool,
    pub message: String,
    pub by_name: String,
    pub at: Timestamp,
}

const COLUMNS: &str = "revision, audience, text, edited, message, by_name, at FROM published_notes";

fn read(row: &sqlx::any::AnyRow) -> Result<PublishedNoteRow, CatalogError> {
    Ok(PublishedNoteRow {
        revision: row.int(0)?,
        audience: row.parsed(1)?,
        text: row.text(2)?,
        is_edited: row.int(3)? != 0,
        message: row.text(4)?,
        by_name: row.text(5)?,
        at: row.time(6)?,
    })
}

impl Catalog {
    /// What was published for an audience, newest first.
    pub async fn published_notes(
        &self,
        project: i64,
        release: ReleaseNumber,
        audience: Audience,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<PublishedNoteRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND audience = $3 AND revision < $4 \
             ORDER BY revision DESC LIMIT $5"
        ))
        .bind(project)
        .bind(release.get())
        .bind(audience.as_str())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |note| Cursor::after(note.revision)))
    }
}

impl Reading<'_> {
    /// The last publication of each audience, by audience.
    pub async fn last_published(
        &mut self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<PublishedNoteRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND revision = (SELECT MAX(m.revision) \
             FROM published_notes m WHERE m.project = $1 AND m.release = $2 AND m.audience = published_notes.audience) \
             ORDER BY audience"
        ))
        .bind(project)
        .bind(release.get())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }
}

impl Write {
    /// Adds what is published.
    pub async fn insert_published_notes(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        notes: &[PublishedNoteRow],
    ) -> Result<(), CatalogError> {
        rows::insert(
            self.connection(),
            "INSERT INTO published_notes (project, release, revision, audience, text, edited, message, by_name, at)",
            "",
            9,
            notes,
            |query, note| {
                query
                    .bind(project)
                    .bind(release.get())
                    .bind(note.revision)
                    .bind(note.audience.as_str())
                    .bind(note.text.clone())
                    .bind(i64::from(note.is_edited))
                    .bind(note.message.clone())
                    .bind(note.by_name.clone())
                    .bind(note.at.as_micros())
            },
        )
        .await?;
        Ok(())
    }
}
