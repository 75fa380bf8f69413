//! Approvals and rejections of builds.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::access::Role;
use shelfmark_domain::gate::{Approval, Decision};
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{ApprovalRow, ProjectRow, ReleaseRow};
use shelfmark_engine::operations::{self, ApprovalDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::http::releases::release_of;
use crate::web::Problem;

/// A decision to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalBody {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// The release's newest build when absent.
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    /// approved or rejected.
    #[schema(value_type = String, example = "approved")]
    decision: Decision,
    /// A rejection has one.
    #[serde(default)]
    reason: String,
}

/// What someone decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    sequence: i64,
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    /// What the decision binds to.
    #[schema(value_type = String)]
    manifest: ManifestId,
    /// approved or rejected.
    #[schema(value_type = String, example = "approved")]
    decision: Decision,
    reason: String,
    by: String,
    /// The role that they had then.
    #[schema(value_type = String, example = "release_manager")]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether the release's newest build serves something else, so that the decision does not count for it.
    void: bool,
}

impl ApprovalView {
    fn of(row: ApprovalRow, newest: Option<ManifestId>) -> Self {
        let ApprovalRow { sequence, environment, build, manifest, approval } = row;
        let Approval { by_name: by, role, decision, reason, at, .. } = approval;
        let void = newest.is_some_and(|newest| newest != manifest);
        Self { sequence, environment, build, manifest, decision, reason, by, role, at, void }
    }
}

/// The manifest of a release's newest build.
pub async fn newest_manifest(
    asked: &Asked,
    project: &ProjectRow,
    release: &ReleaseRow,
) -> Result<Option<ManifestId>, Problem> {
    let name = BuildName { release: release.number, number: release.last_build };
    Ok(asked.catalog().build(project.number, name).await?.map(|build| build.manifest))
}

/// The build that a request is about: the release's newest one unless it names another one of the release.
///
/// # Errors
/// Invalid for a build of another release; conflict when the release has none.
pub fn build_of(release: &ReleaseRow, named: Option<BuildName>) -> Result<BuildName, Problem> {
    match named {
        Some(build) if build.release != release.number => {
            Err(Problem::invalid("build", format!("{build} is not a build of release {}", release.number)))
        }
        Some(build) => Ok(build),
        None if release.last_build == 0 => {
            let detail = format!("release {} has no build yet; build it first", release.number);
            Err(Problem::new(shelfmark_domain::failure::FailureKind::Conflict, detail))
        }
        None => Ok(BuildName { release: release.number, number: release.last_build }),
    }
}

/// Lists what was decided about a release's builds, newest first. A new build voids what was decided about others.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<ApprovalView>)))]
#[get("/projects/{project}/releases/{release}/approvals")]
pub async fn list_approvals(asked: Asked) -> Result<Json<PageView<ApprovalView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let page = asked.page()?;
    let newest = newest_manifest(&asked, &project, &release).await?;
    let rows = asked.catalog().approvals_of_release(project.number, release.number, page.number()?, page.limit);
    Ok(Json(rows.await?.map(|row| ApprovalView::of(row, newest)).into()))
}

/// Approves or rejects a build for an environment. It binds to exactly what the build serves; of each person the last
/// decision counts.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = ApprovalBody, responses((status = 201, body = ApprovalView)))]
#[post("/projects/{project}/releases/{release}/approvals")]
pub async fn create_approval(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ApprovalBody>().await?;
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let ApprovalBody { environment, build, decision, reason } = body;
    let build = build_of(&release, build)?;
    let draft = ApprovalDraft { environment, build, decision, reason };
    let row = operations::decide_on_build(asked.engine(), &caller, &project.name, draft).await?;
    let newest = newest_manifest(&asked, &project, &release).await?;
    Ok(HttpResponse::Created().json(ApprovalView::of(row, newest)))
}
