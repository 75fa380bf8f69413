//! Test evidence: what a test of an item came to, on which build, with the files that show it.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{BuildName, ProjectName, WorkItemNumber};
use shelfmark_domain::work_item::TestOutcome;

use super::attach::{VersionRef, resolve};
use super::{WorkError, audit, item_in, item_of};
use crate::Engine;
use crate::catalog::{EvidenceRow, NewEvidence, ProjectRow};
use crate::operations::people::caller::Caller;
use crate::operations::text::{check_said, check_text};

/// What a test came to, to be filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceDraft {
    pub test_case: String,
    pub expected: String,
    pub actual: String,
    pub outcome: TestOutcome,
    /// What was tested.
    pub build: Option<BuildName>,
    pub files: Vec<VersionRef>,
}

/// Files what a test of an item came to. Of one test case the last result counts, for each manifest.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn file_evidence(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    draft: EvidenceDraft,
) -> Result<EvidenceRow, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    let EvidenceDraft { test_case, expected, actual, outcome, build, files } = draft;
    let max = engine.limits.text_bytes_max;
    check_said("test_case", &test_case, max)?;
    check_text("expected", &expected, max)?;
    check_text("actual", &actual, max)?;
    if let Some(number) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        return filed(engine, &project, item, number).await;
    }
    item_of(engine, &project, item).await?;
    let build = match build {
        None => None,
        Some(name) => {
            let build = engine.catalog.build(project.number, name).await?.ok_or(WorkError::NoBuild(name))?;
            Some((name, build.manifest))
        }
    };
    let files = resolve(engine, &project, &files).await?;
    let mut write = caller.begin(&engine.catalog).await?;
    let row = item_in(&mut write, &project, item).await?;
    let (tester, tested_by) = (caller.principal.id.clone(), caller.principal.name.clone());
    let evidence =
        NewEvidence { test_case, expected, actual, outcome, build, tester, tested_by, at: caller.now, files };
    let number = write.insert_evidence(project.number, item, &evidence).await?;
    let details = serde_json::json!({ "evidence": number, "test_case": evidence.test_case, "outcome": outcome,
        "build": build.map(|(name, _)| name), "files": evidence.files.len(), "title": row.said.title,
        "requester": row.requester, "assignee": row.said.assignee });
    write.record(&caller.principal, caller.now, audit("work_item.tested", &project, item, "", details));
    caller.note_outcome(&mut write, &number).await?;
    write.commit().await?;
    filed(engine, &project, item, number).await
}

async fn filed(
    engine: &Engine,
    project: &ProjectRow,
    item: WorkItemNumber,
    number: i64,
) -> Result<EvidenceRow, WorkError> {
    let page = engine.catalog.evidence_of_item(project.number, item, Some(number + 1), 1).await?;
    page.items.into_iter().next().ok_or(WorkError::NoItem(item))
}
