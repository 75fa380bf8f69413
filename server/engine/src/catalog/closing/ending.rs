//! How releases ended, and what their end depends on.

use shelfmark_domain::name::{EnvironmentName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::gate::ChecklistItemRow;
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// How a release ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingRow {
    /// Where it stood before.
    pub state: ReleaseState,
    pub review: String,
    pub by_name: String,
    pub at: Timestamp,
}

impl Catalog {
    /// How a release ended; `None` while it has not.
    pub async fn closing(&self, project: i64, release: ReleaseNumber) -> Result<Option<ClosingRow>, CatalogError> {
        let row = query("SELECT state, review, by_name, at FROM closings WHERE project = $1 AND release = $2")
            .bind(project)
            .bind(release.get())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let state = row.text(0)?;
        Ok(Some(ClosingRow {
            state: ReleaseState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a release's state")))?,
            review: row.text(1)?,
            by_name: row.text(2)?,
            at: row.time(3)?,
        }))
    }

    /// The points of the checklist that are a release's lessons, by number.
    pub async fn lessons(&self, project: i64, release: ReleaseNumber) -> Result<Vec<ChecklistItemRow>, CatalogError> {
        let rows = query(
            "SELECT number, step, text, selector, origin, by_name, at, retired_at FROM checklist_items \
             WHERE project = $1 AND origin = $2 ORDER BY number",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(crate::catalog::gate::read_point).collect()
    }
}

impl Reading<'_> {
    /// The environments that were rolled back from a build of a release, by name.
    pub async fn rolled_back_from(
        &mut self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<EnvironmentName>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT environment FROM deployments WHERE project = $1 AND replaced_release = $2 \
             AND kind = 'rollback' ORDER BY environment",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// The incidents that belong to a release or that one of its deployments has caused, by number.
    pub async fn incident_numbers(
        &mut self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<WorkItemNumber>, CatalogError> {
        let rows = query(
            "SELECT w.number FROM work_items w WHERE w.project = $1 AND w.kind = 'incident' AND w.number IN \
             (SELECT i.item FROM release_items i WHERE i.project = $1 AND i.release = $2 UNION \
             SELECT c.item FROM incident_causes c WHERE c.project = $1 AND c.release = $2) ORDER BY w.number",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| row.int(0).map(WorkItemNumber::new)).collect()
    }

    /// How many points of the checklist are a release's lessons.
    pub async fn count_lessons(&mut self, project: i64, release: ReleaseNumber) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM checklist_items WHERE project = $1 AND origin = $2")
            .bind(project)
            .bind(release.get())
            .fetch_one(self.connection())
            .await?;
        row.int(0)
    }

    /// The first key in a folder that a release changes.
    pub async fn touched_key(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        folder: &FolderPath,
    ) -> Result<Option<String>, CatalogError> {
        let (first, end) = folder.range();
        let row = query(
            "SELECT key FROM changes WHERE project = $1 AND release = $2 AND key >= $3 AND ($4 = '' OR key < $4) \
             ORDER BY key LIMIT 1",
        )
        .bind(project)
        .bind(release.get())
        .bind(first)
        .bind(end.unwrap_or_default())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| row.text(0)).transpose()
    }
}

impl Write {
    /// Notes how a release ended.
    pub async fn insert_closing(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        row: &ClosingRow,
    ) -> Result<(), CatalogError> {
        query("INSERT INTO closings (project, release, state, review, by_name, at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(project)
            .bind(release.get())
            .bind(row.state.as_str())
            .bind(row.review.clone())
            .bind(row.by_name.clone())
            .bind(row.at.as_micros())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
