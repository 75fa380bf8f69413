//! Releases.

use shelfmark_domain::name::{ReleaseNumber, UserName};
use shelfmark_domain::release::{ReleaseKind, ReleaseState};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A plan to change what is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    pub number: ReleaseNumber,
    pub title: String,
    pub description: String,
    pub kind: ReleaseKind,
    /// Who is responsible for it.
    pub manager: Option<UserName>,
    pub state: ReleaseState,
    /// The id of whoever made it, and what they were called.
    pub creator: String,
    pub created_by: String,
    pub created_at: Timestamp,
    /// Number of the newest build; 0 for none.
    pub last_build: i64,
    /// +1 whenever the release or its changes change.
    pub revision: i64,
}

const COLUMNS: &str = "number, title, description, state, created_by, created_at, last_build, revision, \
     kind, manager, creator FROM releases";

fn read(row: &sqlx::any::AnyRow) -> Result<ReleaseRow, CatalogError> {
    let (state, kind) = (row.text(3)?, row.text(8)?);
    let manager = row.text_or_null(9)?.map(|_| row.parsed(9)).transpose()?;
    Ok(ReleaseRow {
        number: ReleaseNumber::new(row.int(0)?),
        title: row.text(1)?,
        description: row.text(2)?,
        state: ReleaseState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a release's state")))?,
        kind: ReleaseKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a kind of release")))?,
        manager,
        creator: row.text(10)?,
        created_by: row.text(4)?,
        created_at: row.time(5)?,
        last_build: row.int(6)?,
        revision: row.int(7)?,
    })
}

impl Catalog {
    /// A release.
    pub async fn release(&self, project: i64, number: ReleaseNumber) -> Result<Option<ReleaseRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number = $2"))
            .bind(project)
            .bind(number.get())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// A project's releases, newest first.
    pub async fn releases(
        &self,
        project: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ReleaseRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number < $2 ORDER BY number DESC LIMIT $3"))
            .bind(project)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |release| Cursor::after(release.number.get())))
    }
}

impl Reading<'_> {
    /// A release.
    pub async fn release(&mut self, project: i64, number: ReleaseNumber) -> Result<Option<ReleaseRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number = $2"))
            .bind(project)
            .bind(number.get())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// A release as it stands in this change.
    pub async fn release(&mut self, project: i64, number: ReleaseNumber) -> Result<Option<ReleaseRow>, CatalogError> {
        self.reading().release(project, number).await
    }

    /// Takes the project's next release number. Numbers have no gaps: one that isn't committed is taken again.
    pub async fn next_release(&mut self, project: i64) -> Result<ReleaseNumber, CatalogError> {
        let row = query("UPDATE projects SET last_release = last_release + 1 WHERE number = $1 RETURNING last_release")
            .bind(project)
            .fetch_one(self.connection())
            .await?;
        Ok(ReleaseNumber::new(row.int(0)?))
    }

    /// Adds a release.
    pub async fn insert_release(&mut self, project: i64, release: &ReleaseRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO releases (project, number, title, description, state, created_by, created_at, last_build, \
             revision, kind, manager, creator) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(project)
        .bind(release.number.get())
        .bind(release.title.clone())
        .bind(release.description.clone())
        .bind(release.state.as_str())
        .bind(release.created_by.clone())
        .bind(release.created_at.as_micros())
        .bind(release.last_build)
        .bind(release.revision)
        .bind(release.kind.as_str())
        .bind(release.manager.as_ref().map(ToString::to_string))
        .bind(release.creator.clone())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Writes what can change of a release, and counts its revision up.
    pub async fn update_release(&mut self, project: i64, release: &ReleaseRow) -> Result<(), CatalogError> {
        query(
            "UPDATE releases SET title = $1, description = $2, state = $3, last_build = $4, kind = $5, manager = $6, \
             revision = revision + 1 WHERE project = $7 AND number = $8",
        )
        .bind(release.title.clone())
        .bind(release.description.clone())
        .bind(release.state.as_str())
        .bind(release.last_build)
        .bind(release.kind.as_str())
        .bind(release.manager.as_ref().map(ToString::to_string))
        .bind(project)
        .bind(release.number.get())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
