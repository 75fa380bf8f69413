//! Waivers: exceptions with a reason, a person and an end.

use shelfmark_domain::gate::Waiver;
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A waiver of a check in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverRow {
    /// The audit entry's sequence.
    pub number: i64,
    pub environment: EnvironmentName,
    pub waiver: Waiver,
    pub at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

pub(in crate::catalog) const COLUMNS: &str =
    "number, environment, check_name, release, by_name, reason, at, ends_at, revoked_at FROM waivers";

pub(in crate::catalog) fn read(row: &sqlx::any::AnyRow) -> Result<WaiverRow, CatalogError> {
    Ok(WaiverRow {
        number: row.int(0)?,
        environment: row.parsed(1)?,
        waiver: Waiver {
            check: row.parsed(2)?,
            release: row.int_or_null(3)?.map(ReleaseNumber::new),
            by_name: row.text(4)?,
            reason: row.text(5)?,
            ends_at: row.time(7)?,
        },
        at: row.time(6)?,
        revoked_at: row.time_or_null(8)?,
    })
}

impl Catalog {
    /// A project's waivers, newest first, with those that have ended.
    pub async fn waivers(
        &self,
        project: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<WaiverRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number < $2 ORDER BY number DESC LIMIT $3"))
            .bind(project)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |waiver| Cursor::after(waiver.number)))
    }
}

impl Reading<'_> {
    /// What is waived in an environment at an instant.
    pub async fn waivers_at(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
        at: Timestamp,
    ) -> Result<Vec<Waiver>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND ends_at > $3 AND revoked_at IS NULL \
             ORDER BY number"
        ))
        .bind(project)
        .bind(environment.to_string())
        .bind(at.as_micros())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| read(row).map(|row| row.waiver)).collect()
    }
}

impl Write {
    /// Adds a waiver.
    pub async fn insert_waiver(&mut self, project: i64, row: &WaiverRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO waivers (project, number, environment, check_name, release, by_name, reason, at, ends_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(project)
        .bind(row.number)
        .bind(row.environment.to_string())
        .bind(row.waiver.check.to_string())
        .bind(row.waiver.release.map(ReleaseNumber::get))
        .bind(row.waiver.by_name.clone())
        .bind(row.waiver.reason.clone())
        .bind(row.at.as_micros())
        .bind(row.waiver.ends_at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// A waiver by its number.
    pub async fn waiver(&mut self, project: i64, number: i64) -> Result<Option<WaiverRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number = $2"))
            .bind(project)
            .bind(number)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Ends a waiver before its time.
    pub async fn revoke_waiver(&mut self, project: i64, number: i64, at: Timestamp) -> Result<(), CatalogError> {
        query("UPDATE waivers SET revoked_at = $1 WHERE project = $2 AND number = $3 AND revoked_at IS NULL")
            .bind(at.as_micros())
            .bind(project)
            .bind(number)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
