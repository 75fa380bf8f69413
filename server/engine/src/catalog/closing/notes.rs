//! What people wrote in the place of generated notes.

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::notes::Audience;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::error::CatalogError;
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A revision of what a person wrote for an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteEditRow {
    pub audience: Audience,
    /// 1, 2, 3 and so on.
    pub revision: i64,
    /// Markdown; `None`: back to what is generated.
    pub text: Option<String>,
    /// BLAKE3 of what was generated then.
    pub basis: [u8; 32],
    pub by_name: String,
    pub at: Timestamp,
}

const COLUMNS: &str = "audience, revision, text, basis, by_name, at FROM note_edits";

fn read(row: &sqlx::any::AnyRow) -> Result<NoteEditRow, CatalogError> {
    Ok(NoteEditRow {
        audience: row.parsed(0)?,
        revision: row.int(1)?,
        text: row.text_or_null(2)?,
        basis: row.bytes(3)?.try_into().map_err(|_| corrupt("the basis of notes of a wrong length"))?,
        by_name: row.text(4)?,
        at: row.time(5)?,
    })
}

impl Reading<'_> {
    /// The last revision of what people wrote for an audience; `None` when nobody ever did.
    pub async fn note_edit(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        audience: Audience,
    ) -> Result<Option<NoteEditRow>, CatalogError> {
        let row = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND audience = $3 ORDER BY revision DESC LIMIT 1"
        ))
        .bind(project)
        .bind(release.get())
        .bind(audience.as_str())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Adds a revision.
    pub async fn insert_note_edit(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        row: &NoteEditRow,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO note_edits (project, release, audience, revision, text, basis, by_name, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(project)
        .bind(release.get())
        .bind(row.audience.as_str())
        .bind(row.revision)
        .bind(row.text.clone())
        .bind(row.basis.to_vec())
        .bind(row.by_name.clone())
        .bind(row.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
