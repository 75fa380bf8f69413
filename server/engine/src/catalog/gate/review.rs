//! Reviews that are owed since the glass was broken.

use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A review, owed or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRow {
    pub environment: EnvironmentName,
    /// Of the deployment.
    pub revision: i64,
    pub release: ReleaseNumber,
    /// The id of whoever broke the glass, and what they were called.
    pub by: String,
    pub by_name: String,
    pub reason: String,
    pub at: Timestamp,
    /// By whom, when, and what they found; `None` while it is owed.
    pub done: Option<(String, Timestamp, String)>,
}

pub(in crate::catalog) const COLUMNS: &str = "environment, revision, release, by_id, by_name, reason, at, reviewed_by, reviewed_at, review \
     FROM reviews";

pub(in crate::catalog) fn read(row: &sqlx::any::AnyRow) -> Result<ReviewRow, CatalogError> {
    let done = match (row.text_or_null(7)?, row.time_or_null(8)?, row.text_or_null(9)?) {
        (Some(by), Some(at), Some(review)) => Some((by, at, review)),
        _ => None,
    };
    Ok(ReviewRow {
        environment: row.parsed(0)?,
        revision: row.int(1)?,
        release: ReleaseNumber::new(row.int(2)?),
        by: row.text(3)?,
        by_name: row.text(4)?,
        reason: row.text(5)?,
        at: row.time(6)?,
        done,
    })
}

impl Catalog {
    /// A project's reviews, by environment and deployment; with `is_owed` only those that nobody has made.
    pub async fn reviews(
        &self,
        project: i64,
        is_owed: bool,
        after: (&str, i64),
        limit: u32,
    ) -> Result<Page<ReviewRow>, CatalogError> {
        let owed = if is_owed { "AND reviewed_at IS NULL" } else { "" };
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND (environment > $2 OR (environment = $2 AND revision > $3)) {owed} \
             ORDER BY environment, revision LIMIT $4"
        ))
        .bind(project)
        .bind(after.0.to_owned())
        .bind(after.1)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |row| Cursor::after(format!("{:020}{}", row.revision, row.environment))))
    }
}

impl Reading<'_> {
    /// The reviews that are owed for a release's deployments.
    pub async fn owed_reviews(&mut self, project: i64, release: ReleaseNumber) -> Result<Vec<ReviewRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND reviewed_at IS NULL"))
            .bind(project)
            .bind(release.get())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read).collect()
    }

    /// The review of a deployment.
    pub async fn review(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
        revision: i64,
    ) -> Result<Option<ReviewRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND revision = $3"))
            .bind(project)
            .bind(environment.to_string())
            .bind(revision)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Notes that a review is owed.
    pub async fn insert_review(&mut self, project: i64, row: &ReviewRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO reviews (project, environment, revision, release, by_id, by_name, reason, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(project)
        .bind(row.environment.to_string())
        .bind(row.revision)
        .bind(row.release.get())
        .bind(row.by.clone())
        .bind(row.by_name.clone())
        .bind(row.reason.clone())
        .bind(row.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that a review has been made.
    pub async fn finish_review(
        &mut self,
        project: i64,
        (environment, revision): (&EnvironmentName, i64),
        (by, at, review): (&str, Timestamp, &str),
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE reviews SET reviewed_by = $1, reviewed_at = $2, review = $3 \
             WHERE project = $4 AND environment = $5 AND revision = $6",
        )
        .bind(by.to_owned())
        .bind(at.as_micros())
        .bind(review.to_owned())
        .bind(project)
        .bind(environment.to_string())
        .bind(revision)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
