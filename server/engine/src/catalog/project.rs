//! Projects.

use shelfmark_domain::hash::ChunkId;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::time::Timestamp;

use super::columns::Columns as _;
use super::connection::Catalog;
use super::error::CatalogError;
use super::page::{Cursor, Page};
use super::rows::query;
use super::write::Write;

/// What belongs together and is released together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRow {
    /// The catalog's own number of it.
    pub number: i64,
    pub name: ProjectName,
    pub title: String,
    pub created_at: Timestamp,
    /// +1 whenever its title changes.
    pub revision: i64,
    /// Changes whenever any of its assets does.
    pub asset_revision: i64,
    /// The dictionary by which its small contents are stored.
    pub dictionary: Option<ChunkId>,
}

const COLUMNS: &str = "number, name, title, created_at, asset_revision, dictionary, revision";

fn read(row: &sqlx::any::AnyRow) -> Result<ProjectRow, CatalogError> {
    Ok(ProjectRow {
        number: row.int(0)?,
        name: row.parsed(1)?,
        title: row.text(2)?,
        created_at: row.time(3)?,
        asset_revision: row.int(4)?,
        dictionary: row.chunk_or_null(5)?,
        revision: row.int(6)?,
    })
}

impl Catalog {
    /// A project by its name.
    pub async fn project(&self, name: &ProjectName) -> Result<Option<ProjectRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM projects WHERE name = $1"))
            .bind(name.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// All projects in the order in which they were made.
    pub async fn projects(&self, after: i64, limit: u32) -> Result<Page<ProjectRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} FROM projects WHERE number > $1 ORDER BY number LIMIT $2"))
            .bind(after)
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |project| Cursor::after(project.number)))
    }

    /// How many assets a project has now.
    pub async fn count_assets(&self, project: i64) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM assets WHERE project = $1 AND deleted_at IS NULL")
            .bind(project)
            .fetch_one(&self.reader)
            .await?;
        row.int(0)
    }
}

impl Write {
    /// A project as it stands in this change.
    pub async fn project(&mut self, number: i64) -> Result<Option<ProjectRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM projects WHERE number = $1"))
            .bind(number)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Adds a project; `None` when the name is taken.
    pub async fn insert_project(
        &mut self,
        name: &ProjectName,
        title: &str,
        at: Timestamp,
    ) -> Result<Option<ProjectRow>, CatalogError> {
        let row = query(format!(
            "INSERT INTO projects (number, name, title, created_at, asset_revision, last_release, last_work_item) \
             SELECT CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT), $1, $2, $3, 0, 0, 0 FROM projects \
             WHERE true ON CONFLICT (name) DO NOTHING \
             RETURNING {COLUMNS}",
        ))
        .bind(name.to_string())
        .bind(title.to_owned())
        .bind(at.as_micros())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Gives a project another title and counts its revision up.
    pub async fn set_project_title(&mut self, number: i64, title: &str) -> Result<(), CatalogError> {
        query("UPDATE projects SET title = $1, revision = revision + 1 WHERE number = $2")
            .bind(title.to_owned())
            .bind(number)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Notes that assets changed with this audit entry.
    pub async fn touch_assets(&mut self, project: i64, sequence: i64) -> Result<(), CatalogError> {
        query("UPDATE projects SET asset_revision = $1 WHERE number = $2")
            .bind(sequence)
            .bind(project)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Sets the dictionary for small contents, unless there is one already.
    pub async fn set_dictionary(&mut self, project: i64, dictionary: ChunkId) -> Result<(), CatalogError> {
        query("UPDATE projects SET dictionary = $1 WHERE number = $2 AND dictionary IS NULL")
            .bind(dictionary.as_bytes().to_vec())
            .bind(project)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
