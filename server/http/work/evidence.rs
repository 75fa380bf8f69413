//! Test evidence: what tests came to, by work item and by build.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, UserName, WorkItemNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::TestOutcome;
use shelfmark_engine::catalog::{EvidenceRow, NewEvidence, evidence_place};
use shelfmark_engine::operations::work::{self, EvidenceDraft, VersionRef};

use super::super::docs::Repeatable;
use super::super::extract::{Asked, PageQuery, PageView, at_most};
use super::item_of;
use super::versions::VersionBody;
use super::view::person;
use crate::web::Problem;

/// The most files of one piece of evidence.
const FILES_MAX: usize = 100;

/// What a test came to, to be filed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceBody {
    #[schema(example = "The logo is sharp on a phone")]
    test_case: String,
    #[serde(default)]
    expected: String,
    #[serde(default)]
    actual: String,
    /// pass or fail.
    #[schema(value_type = String, example = "pass")]
    outcome: TestOutcome,
    /// What was tested: the evidence is bound to what this build serves.
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    /// Assets that show it, such as screenshots.
    #[serde(default)]
    files: Vec<VersionBody>,
}

/// A file of evidence.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceFileView {
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    version: i64,
}

/// What a test came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceView {
    #[schema(value_type = String, example = "W-7")]
    item: WorkItemNumber,
    /// 1, 2, 3 and so on within the item; of one test case the last result counts, for each manifest.
    number: i64,
    test_case: String,
    expected: String,
    actual: String,
    /// pass or fail.
    #[schema(value_type = String, example = "pass")]
    outcome: TestOutcome,
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    /// What the build serves.
    #[schema(value_type = Option<String>)]
    manifest: Option<ManifestId>,
    /// Whether the newest build of the release serves something else than was tested.
    void: bool,
    /// The person; null for a machine.
    #[schema(value_type = Option<String>, example = "ben")]
    user: Option<UserName>,
    tested_by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    files: Vec<EvidenceFileView>,
}

impl From<EvidenceRow> for EvidenceView {
    fn from(EvidenceRow { item, number, evidence, is_void }: EvidenceRow) -> Self {
        let NewEvidence { test_case, expected, actual, outcome, build, tester, tested_by, at, files } = evidence;
        let file = |(asset, version): (shelfmark_domain::pin::AssetId, i64)| EvidenceFileView {
            asset: Uuid::from_bytes(asset.0),
            version,
        };
        Self {
            item,
            number,
            test_case,
            expected,
            actual,
            outcome,
            build: build.map(|(name, _)| name),
            manifest: build.map(|(_, manifest)| manifest),
            void: is_void,
            user: person(&tester),
            tested_by,
            at,
            files: files.into_iter().map(file).collect(),
        }
    }
}

/// Lists a work item's test evidence, newest first.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<EvidenceView>)))]
#[get("/projects/{project}/work-items/{item}/evidence")]
pub async fn list_evidence(asked: Asked) -> Result<Json<PageView<EvidenceView>>, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?.number;
    let page = asked.page()?;
    let found = asked.catalog().evidence_of_item(project.number, item, page.number()?, page.limit).await?;
    Ok(Json(found.into()))
}

/// Files what a test of a work item came to.
#[utoipa::path(tag = "work", params(Repeatable), request_body = EvidenceBody, responses((status = 201, body = EvidenceView)))]
#[post("/projects/{project}/work-items/{item}/evidence")]
pub async fn file_evidence(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<EvidenceBody>().await?;
    let EvidenceBody { test_case, expected, actual, outcome, build, files } = body;
    let files = at_most("files", files, FILES_MAX)?;
    let files: Vec<VersionRef> = files.into_iter().map(VersionBody::into_ref).collect::<Result<_, _>>()?;
    let draft = EvidenceDraft { test_case, expected, actual, outcome, build, files };
    let row = work::file_evidence(asked.engine(), &caller, &asked.project()?, asked.item()?, draft).await?;
    Ok(HttpResponse::Created().json(EvidenceView::from(row)))
}

/// Lists the test evidence of a build, item by item.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<EvidenceView>)))]
#[get("/projects/{project}/builds/{build}/evidence")]
pub async fn list_build_evidence(asked: Asked) -> Result<Json<PageView<EvidenceView>>, Problem> {
    let project = asked.readable_project().await?;
    let build: BuildName = asked.segment("build")?;
    let page = asked.page()?;
    if asked.catalog().build(project.number, build).await?.is_none() {
        return Err(Problem::not_found(format!("there is no build {build}; list a release's with GET builds")));
    }
    let after = page.cursor.as_ref().map(evidence_place).transpose();
    let after = after.map_err(|why| Problem::invalid("cursor", why))?;
    let found = asked.catalog().evidence_of_build(project.number, build, after, page.limit).await?;
    Ok(Json(found.into()))
}
