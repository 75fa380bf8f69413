//! The requester's yes, bound to exactly the versions that were attached when it was said.

use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// An authorisation for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorisationRow {
    /// 1, 2, 3 and so on within the item; only the last one can be valid.
    pub number: i64,
    /// The id of whoever said yes, and what they were called.
    pub authoriser: String,
    pub authorised_by: String,
    /// Whether someone else said it in the requester's place.
    pub is_in_place: bool,
    pub remark: String,
    pub at: Timestamp,
    /// `None` while it is valid.
    pub voided_at: Option<Timestamp>,
    /// How many versions it covers.
    pub versions: u64,
}

/// An authorisation to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuthorisation {
    pub authoriser: String,
    pub authorised_by: String,
    pub is_in_place: bool,
    pub remark: String,
    pub at: Timestamp,
}

impl Catalog {
    /// The last authorisation of an item, valid or not.
    pub async fn authorisation(
        &self,
        project: i64,
        item: WorkItemNumber,
    ) -> Result<Option<AuthorisationRow>, CatalogError> {
        let row = query(
            "SELECT a.number, a.authoriser, a.authorised_by, a.in_place, a.remark, a.at, a.voided_at, \
             (SELECT COUNT(*) FROM work_item_authorised_versions v WHERE v.project = a.project AND v.item = a.item \
             AND v.authorisation = a.number) FROM work_item_authorisations a \
             WHERE a.project = $1 AND a.item = $2 ORDER BY a.number DESC LIMIT 1",
        )
        .bind(project)
        .bind(item.get())
        .fetch_optional(&self.reader)
        .await?;
        let read = |row: sqlx::any::AnyRow| {
            Ok(AuthorisationRow {
                number: row.int(0)?,
                authoriser: row.text(1)?,
                authorised_by: row.text(2)?,
                is_in_place: row.int(3)? != 0,
                remark: row.text(4)?,
                at: row.time(5)?,
                voided_at: row.time_or_null(6)?,
                versions: row.size(7)?,
            })
        };
        row.map(read).transpose()
    }

    /// The versions that an authorisation covers, by asset and number.
    pub async fn authorised_versions(
        &self,
        project: i64,
        item: WorkItemNumber,
        authorisation: i64,
        after: Option<(AssetId, i64)>,
        limit: u32,
    ) -> Result<Page<(AssetId, i64)>, CatalogError> {
        let (asset, version) = after.unwrap_or((AssetId([0; 16]), 0));
        let rows = query(
            "SELECT asset, version FROM work_item_authorised_versions WHERE project = $1 AND item = $2 \
             AND authorisation = $3 AND (asset, version) > ($4, $5) ORDER BY asset, version LIMIT $6",
        )
        .bind(project)
        .bind(item.get())
        .bind(authorisation)
        .bind(asset.0.to_vec())
        .bind(version)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, CatalogError> = rows.iter().map(|row| Ok((row.asset(0)?, row.int(1)?))).collect();
        Ok(Page::cut(items?, limit, |(asset, version)| {
            Cursor::after(format!("{} {version}", uuid::Uuid::from_bytes(asset.0)))
        }))
    }
}

impl Write {
    /// Keeps an authorisation of exactly the versions that are attached now; returns its number.
    pub async fn authorise(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        new: &NewAuthorisation,
    ) -> Result<i64, CatalogError> {
        let row = query(
            "INSERT INTO work_item_authorisations (project, item, number, authoriser, authorised_by, in_place, remark, at) \
             SELECT $1, $2, CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT), $3, $4, $5, $6, $7 \
             FROM work_item_authorisations WHERE project = $1 AND item = $2 RETURNING number",
        )
        .bind(project)
        .bind(item.get())
        .bind(new.authoriser.clone())
        .bind(new.authorised_by.clone())
        .bind(i64::from(new.is_in_place))
        .bind(new.remark.clone())
        .bind(new.at.as_micros())
        .fetch_one(self.connection())
        .await?;
        let number = row.int(0)?;
        query(
            "INSERT INTO work_item_authorised_versions (project, item, authorisation, asset, version) \
             SELECT project, item, $3, asset, version FROM work_item_versions WHERE project = $1 AND item = $2",
        )
        .bind(project)
        .bind(item.get())
        .bind(number)
        .execute(self.connection())
        .await?;
        Ok(number)
    }

    /// Voids the valid authorisation of an item; says whether there was one.
    pub async fn void_authorisation(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        at: Timestamp,
    ) -> Result<bool, CatalogError> {
        let voided = query(
            "UPDATE work_item_authorisations SET voided_at = $1 WHERE project = $2 AND item = $3 AND voided_at IS NULL",
        )
        .bind(at.as_micros())
        .bind(project)
        .bind(item.get())
        .execute(self.connection())
        .await?;
        Ok(voided.rows_affected() > 0)
    }

    /// Whether an item has a valid authorisation.
    pub async fn is_authorised(&mut self, project: i64, item: WorkItemNumber) -> Result<bool, CatalogError> {
        let row = query(
            "SELECT number FROM work_item_authorisations WHERE project = $1 AND item = $2 AND voided_at IS NULL LIMIT 1",
        )
        .bind(project)
        .bind(item.get())
        .fetch_optional(self.connection())
        .await?;
        Ok(row.is_some())
    }
}
