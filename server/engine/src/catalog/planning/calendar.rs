//! The calendar: releases by their dates, and the key by which calendar programs read it.

use shelfmark_domain::name::UserName;
use shelfmark_domain::release::{ReleaseKind, ReleaseState};
use shelfmark_domain::time::Timestamp;

use super::date::{self, COLUMNS, DateRow};
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A release with its date, proposed or agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRow {
    pub date: DateRow,
    pub title: String,
    pub kind: ReleaseKind,
    pub manager: Option<UserName>,
    pub state: ReleaseState,
    /// The release's revision.
    pub revision: i64,
}

/// The key of a project's feed, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarKeyRow {
    pub created_by: String,
    pub created_at: Timestamp,
}

fn read(row: &sqlx::any::AnyRow) -> Result<PlannedRow, CatalogError> {
    let (kind, state) = (row.text(16)?, row.text(18)?);
    Ok(PlannedRow {
        date: date::read(row)?,
        title: row.text(15)?,
        kind: ReleaseKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a kind of release")))?,
        manager: row.text_or_null(17)?.map(|_| row.parsed(17)).transpose()?,
        state: ReleaseState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a release's state")))?,
        revision: row.int(19)?,
    })
}

impl Catalog {
    /// The releases whose dates lie from one instant up to but without another, by date. `after` is the place of the
    /// last one that was given: its date in microseconds and its number.
    pub async fn calendar(
        &self,
        project: i64,
        (from, to): (Timestamp, Timestamp),
        after: Option<(i64, i64)>,
        limit: u32,
    ) -> Result<Page<PlannedRow>, CatalogError> {
        let (at, release) = after.unwrap_or((from.as_micros(), 0)).max((from.as_micros(), 0));
        let rows = query(format!(
            "SELECT {COLUMNS}, r.title, r.kind, r.manager, r.state, r.revision FROM release_dates d \
             JOIN releases r ON r.project = d.project AND r.number = d.release \
             WHERE d.project = $1 AND d.is_newest = 1 AND d.at >= $2 AND d.at < $3 AND (d.at > $2 OR d.release > $4) \
             ORDER BY d.at, d.release LIMIT $5"
        ))
        .bind(project)
        .bind(at)
        .bind(to.as_micros())
        .bind(release)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        let place = |row: &PlannedRow| format!("{} {}", row.date.proposal.date.at.as_micros(), row.date.release.get());
        Ok(Page::cut(items?, limit, |row| Cursor::after(place(row))))
    }

    /// The key of a project's feed, if there is one.
    pub async fn calendar_key(&self, project: i64) -> Result<Option<CalendarKeyRow>, CatalogError> {
        let row = query("SELECT created_by, created_at FROM calendar_keys WHERE project = $1")
            .bind(project)
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| Ok(CalendarKeyRow { created_by: row.text(0)?, created_at: row.time(1)? })).transpose()
    }

    /// The project whose feed the key of this hash opens.
    pub async fn project_of_calendar_key(&self, hash: &[u8; 32]) -> Result<Option<i64>, CatalogError> {
        let row = query("SELECT project FROM calendar_keys WHERE hash = $1")
            .bind(hash.to_vec())
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.int(0)).transpose()
    }
}

impl Write {
    /// Sets the key of a project's feed; one that was there before opens nothing any more.
    pub async fn put_calendar_key(
        &mut self,
        project: i64,
        hash: &[u8; 32],
        key: &CalendarKeyRow,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO calendar_keys (project, hash, created_by, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (project) DO UPDATE SET hash = excluded.hash, created_by = excluded.created_by, \
             created_at = excluded.created_at",
        )
        .bind(project)
        .bind(hash.to_vec())
        .bind(key.created_by.clone())
        .bind(key.created_at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes the key of a project's feed away; false when there was none.
    pub async fn remove_calendar_key(&mut self, project: i64) -> Result<bool, CatalogError> {
        let removed = query("DELETE FROM calendar_keys WHERE project = $1").bind(project);
        Ok(removed.execute(self.connection()).await?.rows_affected() > 0)
    }
}
