//! Incidents of a release, and the deployments that caused them.

use actix_web::{HttpResponse, delete, get, put, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::{BuildName, EnvironmentName, WorkItemNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::WorkStatus;
use shelfmark_engine::catalog::{CauseRow, IncidentRow};
use shelfmark_engine::operations::closing::{self, CauseDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::http::releases::release_of;
use crate::web::Problem;

/// The deployment that caused an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CauseBody {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// The environment's revision after it.
    #[schema(example = 12)]
    deployment: i64,
}

/// The deployment that caused an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct CauseView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    deployment: i64,
    /// The build that came with it.
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    /// Who named it.
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What `If-Match` can insist on.
    revision: i64,
}

/// An incident of a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentView {
    #[schema(value_type = String, example = "W-7")]
    item: WorkItemNumber,
    title: String,
    #[schema(value_type = String, example = "resolved")]
    status: WorkStatus,
    /// Whether the release is about it; else one of its deployments caused it.
    of_release: bool,
    cause: Option<CauseView>,
}

impl From<CauseRow> for CauseView {
    fn from(row: CauseRow) -> Self {
        let CauseRow { environment, deployment, build, by_name: by, at, revision, .. } = row;
        Self { environment, deployment, build, by, at, revision }
    }
}

impl From<IncidentRow> for IncidentView {
    fn from(row: IncidentRow) -> Self {
        let IncidentRow { item, title, status, is_grouped: of_release, cause } = row;
        Self { item, title, status, of_release, cause: cause.map(CauseView::from) }
    }
}

/// Lists the incidents that a release is about or that one of its deployments caused, oldest first.
#[utoipa::path(tag = "closing", params(PageQuery), responses((status = 200, body = PageView<IncidentView>)))]
#[get("/projects/{project}/releases/{release}/incidents")]
pub async fn list_incidents(asked: Asked) -> Result<Json<PageView<IncidentView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let page = asked.page()?;
    let after = page.number()?.unwrap_or(0);
    Ok(Json(asked.catalog().incidents(project.number, release.number, after, page.limit).await?.into()))
}

/// Shows the deployment that caused an incident.
#[utoipa::path(tag = "closing", responses((status = 200, body = CauseView)))]
#[get("/projects/{project}/work-items/{item}/cause")]
pub async fn read_cause(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let item = asked.item()?;
    let cause = asked.catalog().cause(project.number, item).await?;
    let cause = cause.ok_or_else(|| Problem::not_found(format!("no cause of {item} is named")))?;
    Ok(HttpResponse::Ok().insert_header(tag(cause.revision)).json(CauseView::from(cause)))
}

/// Names the deployment that caused an incident; an earlier one makes way.
#[utoipa::path(tag = "closing", request_body = CauseBody, responses((status = 200, body = CauseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the cause is at this revision, in quotes; \"0\" for none")))]
#[put("/projects/{project}/work-items/{item}/cause")]
pub async fn name_cause(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<CauseBody>().await?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    let CauseBody { environment, deployment } = body;
    let draft = CauseDraft { environment, deployment, expected };
    let cause = closing::name_cause(asked.engine(), &caller, &project, item, draft).await?;
    Ok(HttpResponse::Ok().insert_header(tag(cause.revision)).json(CauseView::from(cause)))
}

/// Takes back that a deployment caused an incident.
#[utoipa::path(tag = "closing", responses((status = 204)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the cause is at this revision, in quotes")))]
#[delete("/projects/{project}/work-items/{item}/cause")]
pub async fn withdraw_cause(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    closing::withdraw_cause(asked.engine(), &caller, &project, item, expected).await?;
    Ok(HttpResponse::NoContent().finish())
}
