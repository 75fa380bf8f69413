//! The project's checklist: what releases have to confirm, and what they have confirmed.

use std::collections::BTreeSet;

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::release::ReleaseKind;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// Which releases have to answer a point: those of one of the kinds that change something in one of the folders. What is
/// empty excludes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChecklistSelector {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<ReleaseKind>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<FolderPath>,
}

/// A point of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistItemRow {
    /// 1, 2, 3 and so on.
    pub number: i64,
    /// The name of the environment before whose promotion it is asked, or `close`.
    pub step: String,
    pub text: String,
    pub selector: ChecklistSelector,
    /// The release whose lesson it is.
    pub origin: Option<ReleaseNumber>,
    pub by_name: String,
    pub at: Timestamp,
    /// `None` while it is asked.
    pub retired_at: Option<Timestamp>,
}

/// What a release says to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecklistAnswer {
    Confirmed,
    NotApplicable,
}

/// An answer with its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRow {
    pub item: i64,
    pub answer: ChecklistAnswer,
    pub remark: String,
    pub by_name: String,
    pub at: Timestamp,
}

const COLUMNS: &str = "number, step, text, selector, origin, by_name, at, retired_at FROM checklist_items";

pub(in crate::catalog) fn read(row: &sqlx::any::AnyRow) -> Result<ChecklistItemRow, CatalogError> {
    let selector = serde_json::from_str(&row.text(3)?);
    Ok(ChecklistItemRow {
        number: row.int(0)?,
        step: row.text(1)?,
        text: row.text(2)?,
        selector: selector.map_err(|error| corrupt(format!("a selector that can't be read: {error}")))?,
        origin: row.int_or_null(4)?.map(ReleaseNumber::new),
        by_name: row.text(5)?,
        at: row.time(6)?,
        retired_at: row.time_or_null(7)?,
    })
}

impl ChecklistAnswer {
    /// The answer as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::NotApplicable => "not_applicable",
        }
    }
}

fn read_answer(row: &sqlx::any::AnyRow) -> Result<AnswerRow, CatalogError> {
    let answer = match row.text(1)?.as_str() {
        "confirmed" => ChecklistAnswer::Confirmed,
        "not_applicable" => ChecklistAnswer::NotApplicable,
        other => return Err(corrupt(format!("{other:?} as an answer"))),
    };
    Ok(AnswerRow { item: row.int(0)?, answer, remark: row.text(2)?, by_name: row.text(3)?, at: row.time(4)? })
}

impl Catalog {
    /// The points of the checklist in order, with those that are asked no more.
    pub async fn checklist(
        &self,
        project: i64,
        after: i64,
        limit: u32,
    ) -> Result<Page<ChecklistItemRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number > $2 ORDER BY number LIMIT $3"))
            .bind(project)
            .bind(after)
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |item| Cursor::after(item.number)))
    }
}

impl Reading<'_> {
    /// The points that are asked now, of one step or of all, in order.
    pub async fn asked_points(
        &mut self,
        project: i64,
        step: Option<&str>,
    ) -> Result<Vec<ChecklistItemRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND retired_at IS NULL AND ($2 = '' OR step = $2) ORDER BY number"
        ))
        .bind(project)
        .bind(step.unwrap_or_default().to_owned())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read).collect()
    }

    /// What a release has answered.
    pub async fn answers(&mut self, project: i64, release: ReleaseNumber) -> Result<Vec<AnswerRow>, CatalogError> {
        let rows = query(
            "SELECT item, answer, remark, by_name, at FROM checklist_answers WHERE project = $1 AND release = $2 \
             ORDER BY item",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(read_answer).collect()
    }
}

impl Write {
    /// Takes the project's next number of a point.
    pub async fn next_checklist_item(&mut self, project: i64) -> Result<i64, CatalogError> {
        let row = query(
            "UPDATE projects SET last_checklist_item = last_checklist_item + 1 WHERE number = $1 \
             RETURNING last_checklist_item",
        )
        .bind(project)
        .fetch_one(self.connection())
        .await?;
        row.int(0)
    }

    /// A point by its number.
    pub async fn checklist_item(
        &mut self,
        project: i64,
        number: i64,
    ) -> Result<Option<ChecklistItemRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND number = $2"))
            .bind(project)
            .bind(number)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Adds a point.
    pub async fn insert_checklist_item(&mut self, project: i64, row: &ChecklistItemRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO checklist_items (project, number, step, text, selector, origin, by_name, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(project)
        .bind(row.number)
        .bind(row.step.clone())
        .bind(row.text.clone())
        .bind(serde_json::to_string(&row.selector).expect("a selector consists of names"))
        .bind(row.origin.map(ReleaseNumber::get))
        .bind(row.by_name.clone())
        .bind(row.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Asks a point no more.
    pub async fn retire_checklist_item(
        &mut self,
        project: i64,
        number: i64,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        query("UPDATE checklist_items SET retired_at = $1 WHERE project = $2 AND number = $3 AND retired_at IS NULL")
            .bind(at.as_micros())
            .bind(project)
            .bind(number)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Writes a release's answer to a point; an earlier one makes way.
    pub async fn put_answer(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        row: &AnswerRow,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO checklist_answers (project, release, item, answer, remark, by_name, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (project, release, item) DO UPDATE SET \
             answer = excluded.answer, remark = excluded.remark, by_name = excluded.by_name, at = excluded.at",
        )
        .bind(project)
        .bind(release.get())
        .bind(row.item)
        .bind(row.answer.as_str())
        .bind(row.remark.clone())
        .bind(row.by_name.clone())
        .bind(row.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
