//! Test evidence: what tests of an item came to, and on which build.

use std::collections::HashMap;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, WorkItemNumber};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::TestOutcome;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, InvalidCursor, Page};
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// What a test came to, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvidence {
    pub test_case: String,
    pub expected: String,
    pub actual: String,
    pub outcome: TestOutcome,
    /// The build that was tested and its manifest, which the evidence is bound to.
    pub build: Option<(BuildName, ManifestId)>,
    /// The id of whoever tested, and what they were called.
    pub tester: String,
    pub tested_by: String,
    pub at: Timestamp,
    pub files: Vec<(AssetId, i64)>,
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    pub item: WorkItemNumber,
    /// 1, 2, 3 and so on within the item.
    pub number: i64,
    pub evidence: NewEvidence,
    /// Whether the newest build of the release is another one than was tested.
    pub is_void: bool,
}

const SELECT: &str = "SELECT e.item, e.number, e.test_case, e.expected, e.actual, e.outcome, e.release, e.build, \
     e.manifest, e.tester, e.tested_by, e.at, n.manifest FROM work_item_evidence e \
     LEFT JOIN releases r ON r.project = e.project AND r.number = e.release \
     LEFT JOIN builds n ON n.project = e.project AND n.release = e.release AND n.number = r.last_build";

fn read(row: &sqlx::any::AnyRow) -> Result<EvidenceRow, CatalogError> {
    let outcome = row.text(5)?;
    let manifest = row.manifest_or_null(8)?;
    let build = match (row.int_or_null(6)?, row.int_or_null(7)?, manifest) {
        (Some(release), Some(build), Some(manifest)) => Some((build_name(release, build), manifest)),
        _ => None,
    };
    let newest = row.manifest_or_null(12)?;
    Ok(EvidenceRow {
        item: WorkItemNumber::new(row.int(0)?),
        number: row.int(1)?,
        is_void: build.is_some_and(|(_, manifest)| newest != Some(manifest)),
        evidence: NewEvidence {
            test_case: row.text(2)?,
            expected: row.text(3)?,
            actual: row.text(4)?,
            outcome: TestOutcome::parse(&outcome).ok_or_else(|| corrupt(format!("{outcome:?} as an outcome")))?,
            build,
            tester: row.text(9)?,
            tested_by: row.text(10)?,
            at: row.time(11)?,
            files: Vec::new(),
        },
    })
}

impl Catalog {
    /// An item's evidence, newest first.
    pub async fn evidence_of_item(
        &self,
        project: i64,
        item: WorkItemNumber,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<EvidenceRow>, CatalogError> {
        let rows = query(format!(
            "{SELECT} WHERE e.project = $1 AND e.item = $2 AND e.number < $3 ORDER BY e.number DESC LIMIT $4"
        ))
        .bind(project)
        .bind(item.get())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let rows = self.with_files(project, rows).await?;
        Ok(Page::cut(rows, limit, |evidence| Cursor::after(evidence.number)))
    }

    /// The evidence of a build by item and number, after a place in that order.
    pub async fn evidence_of_build(
        &self,
        project: i64,
        build: BuildName,
        after: Option<(i64, i64)>,
        limit: u32,
    ) -> Result<Page<EvidenceRow>, CatalogError> {
        let (item, number) = after.unwrap_or((0, 0));
        let rows = query(format!(
            "{SELECT} WHERE e.project = $1 AND e.release = $2 AND e.build = $3 AND (e.item, e.number) > ($4, $5) \
             ORDER BY e.item, e.number LIMIT $6"
        ))
        .bind(project)
        .bind(build.release.get())
        .bind(build.number)
        .bind(item)
        .bind(number)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let rows = self.with_files(project, rows).await?;
        Ok(Page::cut(rows, limit, |evidence| Cursor::after(format!("{} {}", evidence.item.get(), evidence.number))))
    }

    /// Reads rows of evidence with their files.
    async fn with_files(&self, project: i64, rows: Vec<sqlx::any::AnyRow>) -> Result<Vec<EvidenceRow>, CatalogError> {
        let mut evidence: Vec<EvidenceRow> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let mut connection = self.reader.acquire().await?;
        let files = rows::select_with(
            &mut connection,
            "SELECT item, evidence, asset, version FROM work_item_evidence_files WHERE (project, item, evidence) IN",
            "ORDER BY item, evidence, asset, version",
            3,
            &evidence,
            |query, evidence| query.bind(project).bind(evidence.item.get()).bind(evidence.number),
        )
        .await?;
        let mut by_evidence: HashMap<(i64, i64), Vec<(AssetId, i64)>> = HashMap::new();
        for row in &files {
            by_evidence.entry((row.int(0)?, row.int(1)?)).or_default().push((row.asset(2)?, row.int(3)?));
        }
        for one in &mut evidence {
            one.evidence.files = by_evidence.remove(&(one.item.get(), one.number)).unwrap_or_default();
        }
        Ok(evidence)
    }
}

/// The place in a build's evidence that a cursor names.
///
/// # Errors
/// `InvalidCursor` for the cursor of another list.
pub fn evidence_place(cursor: &Cursor) -> Result<(i64, i64), InvalidCursor> {
    super::list::board_place(cursor)
}

impl Write {
    /// Keeps what a test came to; returns its number.
    pub async fn insert_evidence(
        &mut self,
        project: i64,
        item: WorkItemNumber,
        evidence: &NewEvidence,
    ) -> Result<i64, CatalogError> {
        let row = query(
            "INSERT INTO work_item_evidence (project, item, number, test_case, expected, actual, outcome, release, build, \
             manifest, tester, tested_by, at) SELECT $1, $2, CAST(COALESCE(MAX(number), 0) + 1 AS BIGINT), $3, $4, $5, \
             $6, $7, $8, $9, $10, $11, $12 FROM work_item_evidence WHERE project = $1 AND item = $2 RETURNING number",
        )
        .bind(project)
        .bind(item.get())
        .bind(evidence.test_case.clone())
        .bind(evidence.expected.clone())
        .bind(evidence.actual.clone())
        .bind(evidence.outcome.as_str())
        .bind(evidence.build.map(|(build, _)| build.release.get()))
        .bind(evidence.build.map(|(build, _)| build.number))
        .bind(evidence.build.map(|(_, manifest)| manifest.as_bytes().to_vec()))
        .bind(evidence.tester.clone())
        .bind(evidence.tested_by.clone())
        .bind(evidence.at.as_micros())
        .fetch_one(self.connection())
        .await?;
        let number = row.int(0)?;
        rows::insert(
            self.connection(),
            "INSERT INTO work_item_evidence_files (project, item, evidence, asset, version)",
            "ON CONFLICT (project, item, evidence, asset, version) DO NOTHING",
            5,
            &evidence.files,
            |query, (asset, version)| {
                query.bind(project).bind(item.get()).bind(number).bind(asset.0.to_vec()).bind(*version)
            },
        )
        .await?;
        Ok(number)
    }
}
