//! The dates that were proposed for releases.

use std::collections::HashMap;

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::negotiation::{Negotiation, Negotiator, Proposal};
use shelfmark_domain::target::TargetDate;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// A proposed date with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateRow {
    pub release: ReleaseNumber,
    pub proposal: Proposal,
    /// What the proposer was called.
    pub proposed_by: String,
    pub proposed_at: Timestamp,
    pub remark: String,
    /// Whether another date had been agreed before.
    pub reopens: bool,
    pub agreement: Option<AgreementRow>,
    /// Whether no later proposal has taken its place.
    pub is_newest: bool,
}

/// Who agreed to a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementRow {
    /// The id of the person or token, and what they were called.
    pub agreer: String,
    pub by: String,
    pub at: Timestamp,
    pub remark: String,
}

pub(super) const COLUMNS: &str = "d.release, d.number, d.at, d.zone, d.remark, d.proposer, d.proposed_by, \
     d.is_planner, d.proposed_at, d.reopens, d.agreer, d.agreed_by, d.agreed_at, d.agreed_remark, d.is_newest";

pub(super) fn read(row: &sqlx::any::AnyRow) -> Result<DateRow, CatalogError> {
    let agreement = match (row.text_or_null(10)?, row.text_or_null(11)?, row.time_or_null(12)?) {
        (Some(agreer), Some(by), Some(at)) => {
            Some(AgreementRow { agreer, by, at, remark: row.text_or_null(13)?.unwrap_or_default() })
        }
        _ => None,
    };
    Ok(DateRow {
        release: ReleaseNumber::new(row.int(0)?),
        proposal: Proposal {
            number: row.int(1)?,
            date: TargetDate { at: row.time(2)?, zone: row.parsed(3)? },
            by: Negotiator { id: row.text(5)?, is_planner: row.int(7)? == 1 },
        },
        remark: row.text(4)?,
        proposed_by: row.text(6)?,
        proposed_at: row.time(8)?,
        reopens: row.int(9)? == 1,
        agreement,
        is_newest: row.int(14)? == 1,
    })
}

impl DateRow {
    /// Where the negotiation stands, when this is its newest proposal.
    pub fn negotiation(&self) -> Negotiation {
        let proposal = self.proposal.clone();
        if self.agreement.is_some() { Negotiation::Agreed(proposal) } else { Negotiation::Proposed(proposal) }
    }
}

const NEWEST: &str = "FROM release_dates d WHERE d.is_newest = 1 AND d.project = $1";

impl Reading<'_> {
    /// The newest proposal for a release.
    pub async fn newest_date(&mut self, project: i64, release: ReleaseNumber) -> Result<Option<DateRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} {NEWEST} AND d.release = $2"))
            .bind(project)
            .bind(release.get())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The date that all have agreed on for a release, if any: what the gate can insist on.
    pub async fn agreed_date(
        &mut self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Option<TargetDate>, CatalogError> {
        let newest = self.newest_date(project, release).await?;
        Ok(newest.and_then(|newest| newest.negotiation().agreed().cloned()))
    }
}

impl Catalog {
    /// The newest proposals of these releases; those without any are left out.
    pub async fn newest_dates(
        &self,
        project: i64,
        releases: &[ReleaseNumber],
    ) -> Result<HashMap<ReleaseNumber, DateRow>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let rows = rows::select_in(
            &mut connection,
            &format!("SELECT {COLUMNS} {NEWEST} AND d.release IN"),
            "",
            (1, |query| query.bind(project)),
            releases,
            |query, release| query.bind(release.get()),
        )
        .await?;
        rows.iter().map(|row| read(row).map(|date| (date.release, date))).collect()
    }

    /// What was proposed for a release, newest first.
    pub async fn dates(
        &self,
        project: i64,
        release: ReleaseNumber,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<DateRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} FROM release_dates d WHERE d.project = $1 AND d.release = $2 AND d.number < $3 \
             ORDER BY d.number DESC LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |date| Cursor::after(date.proposal.number)))
    }

    /// One proposal for a release.
    pub async fn date(
        &self,
        project: i64,
        release: ReleaseNumber,
        number: i64,
    ) -> Result<Option<DateRow>, CatalogError> {
        let row = query(format!(
            "SELECT {COLUMNS} FROM release_dates d WHERE d.project = $1 AND d.release = $2 AND d.number = $3"
        ))
        .bind(project)
        .bind(release.get())
        .bind(number)
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Adds a proposal, which takes the place of the newest one.
    pub async fn insert_date(&mut self, project: i64, date: &DateRow) -> Result<(), CatalogError> {
        query("UPDATE release_dates SET is_newest = 0 WHERE project = $1 AND release = $2 AND is_newest = 1")
            .bind(project)
            .bind(date.release.get())
            .execute(self.connection())
            .await?;
        query(
            "INSERT INTO release_dates (project, release, number, at, zone, remark, proposer, proposed_by, is_planner, \
             proposed_at, reopens, is_newest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)",
        )
        .bind(project)
        .bind(date.release.get())
        .bind(date.proposal.number)
        .bind(date.proposal.date.at.as_micros())
        .bind(date.proposal.date.zone.name().to_owned())
        .bind(date.remark.clone())
        .bind(date.proposal.by.id.clone())
        .bind(date.proposed_by.clone())
        .bind(i64::from(date.proposal.by.is_planner))
        .bind(date.proposed_at.as_micros())
        .bind(i64::from(date.reopens))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Writes who agreed to a proposal.
    pub async fn agree_to_date(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        number: i64,
        agreement: &AgreementRow,
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE release_dates SET agreer = $1, agreed_by = $2, agreed_at = $3, agreed_remark = $4 \
             WHERE project = $5 AND release = $6 AND number = $7",
        )
        .bind(agreement.agreer.clone())
        .bind(agreement.by.clone())
        .bind(agreement.at.as_micros())
        .bind(agreement.remark.clone())
        .bind(project)
        .bind(release.get())
        .bind(number)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
