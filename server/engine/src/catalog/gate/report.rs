//! What outside systems report on builds.

use shelfmark_domain::gate::OutsideFacts;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// What came of an outside check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    Running,
    Passed,
    Failed,
}

impl ReportState {
    /// The state as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Passed, Self::Failed].into_iter().find(|state| state.as_str() == text)
    }
}

/// A report of an outside system on a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The audit entry's.
    pub sequence: i64,
    pub build: BuildName,
    pub manifest: ManifestId,
    pub name: String,
    pub state: ReportState,
    pub summary: String,
    /// Where a person can read more; empty for nowhere.
    pub link: String,
    pub by_name: String,
    pub at: Timestamp,
}

const COLUMNS: &str =
    "sequence, release, build, manifest, name, state, summary, link, by_name, at FROM outside_reports";

fn read(row: &sqlx::any::AnyRow) -> Result<ReportRow, CatalogError> {
    let state = row.text(5)?;
    Ok(ReportRow {
        sequence: row.int(0)?,
        build: build_name(row.int(1)?, row.int(2)?),
        manifest: row.manifest(3)?,
        name: row.text(4)?,
        state: ReportState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a state of a report")))?,
        summary: row.text(6)?,
        link: row.text(7)?,
        by_name: row.text(8)?,
        at: row.time(9)?,
    })
}

impl Catalog {
    /// What was reported on a release's builds, newest first.
    pub async fn reports_of_release(
        &self,
        project: i64,
        release: ReleaseNumber,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ReportRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND sequence < $3 ORDER BY sequence DESC LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |report| Cursor::after(report.sequence)))
    }
}

impl Reading<'_> {
    /// The last report of each name on a manifest.
    pub async fn last_reports(
        &mut self,
        project: i64,
        manifest: ManifestId,
    ) -> Result<Vec<OutsideFacts>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND manifest = $2 AND sequence IN (SELECT MAX(sequence) \
             FROM outside_reports WHERE project = $1 AND manifest = $2 GROUP BY name) ORDER BY name"
        ))
        .bind(project)
        .bind(manifest.as_bytes().to_vec())
        .fetch_all(self.connection())
        .await?;
        let facts = |row: &sqlx::any::AnyRow| {
            let ReportRow { name, state, summary, at, .. } = read(row)?;
            let passed = match state {
                ReportState::Running => None,
                ReportState::Passed => Some(true),
                ReportState::Failed => Some(false),
            };
            Ok(OutsideFacts { name, passed, summary, at })
        };
        rows.iter().map(facts).collect()
    }
}

impl Write {
    /// Adds a report.
    pub async fn insert_report(&mut self, project: i64, row: &ReportRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO outside_reports (project, manifest, sequence, release, build, name, state, summary, link, \
             by_name, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(project)
        .bind(row.manifest.as_bytes().to_vec())
        .bind(row.sequence)
        .bind(row.build.release.get())
        .bind(row.build.number)
        .bind(row.name.clone())
        .bind(row.state.as_str())
        .bind(row.summary.clone())
        .bind(row.link.clone())
        .bind(row.by_name.clone())
        .bind(row.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
