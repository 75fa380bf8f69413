//! What a gate asks of a release's items: whether their requesters have said yes to exactly what the release pins,
//! and what the tests on a manifest came to.

use std::collections::{BTreeMap, HashMap};

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{ReleaseNumber, WorkItemNumber};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::work_item::{TestOutcome, WorkStatus};

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// An asset of an item whose authorised version is not what the release pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinMismatch {
    pub asset: AssetId,
    pub path: String,
    pub authorised: i64,
    /// `None`: the release has no line for it.
    pub pinned: Option<i64>,
}

/// An item of a release as a gate sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemReadiness {
    pub item: WorkItemNumber,
    pub title: String,
    pub status: WorkStatus,
    /// Who gave the valid authorisation; `None`: there is none.
    pub authorised_by: Option<String>,
    /// Where the release pins something else than was authorised.
    pub mismatches: Vec<PinMismatch>,
}

impl ItemReadiness {
    /// Whether a valid authorisation covers exactly what the release pins.
    pub fn is_authorised(&self) -> bool {
        let has_passed = match self.status {
            WorkStatus::Authorised | WorkStatus::Released | WorkStatus::Closed => true,
            WorkStatus::Open
            | WorkStatus::InProgress
            | WorkStatus::Resolved
            | WorkStatus::Rejected
            | WorkStatus::Reopened => false,
        };
        has_passed && self.authorised_by.is_some() && self.mismatches.is_empty()
    }
}

/// What the tests of an item on one manifest came to: of each test case the last result counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemTests {
    pub item: WorkItemNumber,
    pub title: String,
    /// Test cases by name.
    pub passed: Vec<String>,
    pub failed: Vec<String>,
}

impl Catalog {
    /// The items of a release with their status, and whether they are authorised as the release pins them.
    pub async fn item_readiness(
        &self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<ItemReadiness>, CatalogError> {
        let rows = query(
            "SELECT i.item, w.title, w.status, a.authorised_by FROM release_items i \
             JOIN work_items w ON w.project = i.project AND w.number = i.item \
             LEFT JOIN work_item_authorisations a ON a.project = i.project AND a.item = i.item AND a.voided_at IS NULL \
             WHERE i.project = $1 AND i.release = $2 ORDER BY i.item",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(&self.reader)
        .await?;
        let mut mismatches = self.pin_mismatches(project, release).await?;
        let read = |row: &sqlx::any::AnyRow| {
            let status = row.text(2)?;
            Ok(ItemReadiness {
                item: WorkItemNumber::new(row.int(0)?),
                title: row.text(1)?,
                status: WorkStatus::parse(&status).ok_or_else(|| corrupt(format!("{status:?} as a status")))?,
                authorised_by: row.text_or_null(3)?,
                mismatches: mismatches.remove(&row.int(0)?).unwrap_or_default(),
            })
        };
        rows.iter().map(read).collect()
    }

    /// By item, the assets whose highest authorised version is not what the release pins.
    async fn pin_mismatches(
        &self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<HashMap<i64, Vec<PinMismatch>>, CatalogError> {
        let rows = query(
            "SELECT i.item, t.asset, s.path, MAX(t.version), c.version FROM release_items i \
             JOIN work_item_authorisations a ON a.project = i.project AND a.item = i.item AND a.voided_at IS NULL \
             JOIN work_item_authorised_versions t ON t.project = a.project AND t.item = a.item \
             AND t.authorisation = a.number JOIN assets s ON s.id = t.asset \
             LEFT JOIN changes c ON c.asset = t.asset AND c.project = i.project AND c.release = i.release \
             WHERE i.project = $1 AND i.release = $2 GROUP BY i.item, t.asset, s.path, c.key, c.version \
             HAVING c.version IS NULL OR c.version <> MAX(t.version) ORDER BY i.item, s.path",
        )
        .bind(project)
        .bind(release.get())
        .fetch_all(&self.reader)
        .await?;
        let mut found: HashMap<i64, Vec<PinMismatch>> = HashMap::new();
        for row in &rows {
            let (path, authorised, pinned) = (row.text(2)?, row.int(3)?, row.int_or_null(4)?);
            let mismatch = PinMismatch { asset: row.asset(1)?, path, authorised, pinned };
            found.entry(row.int(0)?).or_default().push(mismatch);
        }
        Ok(found)
    }

    /// What the tests of a release's items on a manifest came to, item by item.
    pub async fn item_tests(
        &self,
        project: i64,
        release: ReleaseNumber,
        manifest: ManifestId,
    ) -> Result<Vec<ItemTests>, CatalogError> {
        let rows = query(
            "SELECT i.item, w.title, e.test_case, e.outcome FROM release_items i \
             JOIN work_items w ON w.project = i.project AND w.number = i.item \
             LEFT JOIN work_item_evidence e ON e.project = i.project AND e.item = i.item AND e.manifest = $3 \
             WHERE i.project = $1 AND i.release = $2 ORDER BY i.item, e.number",
        )
        .bind(project)
        .bind(release.get())
        .bind(manifest.as_bytes().to_vec())
        .fetch_all(&self.reader)
        .await?;
        let mut items: BTreeMap<i64, (String, BTreeMap<String, TestOutcome>)> = BTreeMap::new();
        for row in &rows {
            let (_, cases) = items.entry(row.int(0)?).or_insert((row.text(1)?, BTreeMap::new()));
            let (Some(case), Some(outcome)) = (row.text_or_null(2)?, row.text_or_null(3)?) else { continue };
            let outcome = TestOutcome::parse(&outcome).ok_or_else(|| corrupt(format!("{outcome:?} as an outcome")))?;
            cases.insert(case, outcome); // a later result takes the place of an earlier one
        }
        let tests = |(item, (title, cases)): (i64, (String, BTreeMap<String, TestOutcome>))| {
            let (passed, failed): (Vec<_>, Vec<_>) =
                cases.into_iter().partition(|(_, outcome)| *outcome == TestOutcome::Pass);
            let names = |cases: Vec<(String, TestOutcome)>| cases.into_iter().map(|(case, _)| case).collect();
            ItemTests { item: WorkItemNumber::new(item), title, passed: names(passed), failed: names(failed) }
        };
        Ok(items.into_iter().map(tests).collect())
    }
}
