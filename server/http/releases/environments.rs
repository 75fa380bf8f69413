//! Environments: named places that serve one build at a time.

use actix_web::{HttpResponse, get, patch, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::environment::Served;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::pin::Visibility;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{EnvironmentPointer, ProjectRow};
use shelfmark_engine::operations::{self, EnvironmentSettings};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::web::Problem;

/// An environment to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentBody {
    #[schema(value_type = String, example = "preview")]
    name: EnvironmentName,
    /// Its place in the order, counted from 1; last when absent.
    position: Option<i64>,
    /// public or private: who may fetch what no access rule covers; private when absent.
    #[schema(value_type = Option<String>, example = "private")]
    visibility: Option<Visibility>,
}

/// What to change of an environment. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentPatch {
    position: Option<i64>,
    #[schema(value_type = Option<String>, example = "private")]
    visibility: Option<Visibility>,
}

/// An environment and what it serves.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnvironmentView {
    #[schema(value_type = String, example = "production")]
    name: EnvironmentName,
    /// Its place in the project's order; the last one is final.
    position: i64,
    /// public or private: who may fetch what no access rule covers.
    #[schema(value_type = String, example = "public")]
    visibility: Visibility,
    /// Null until the first promotion.
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    #[schema(value_type = Option<String>)]
    manifest: Option<ManifestId>,
    /// What `If-Match` can insist on; goes up with every deployment and every change of its settings.
    revision: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    deployed_at: Option<Timestamp>,
}

impl From<EnvironmentPointer> for EnvironmentView {
    fn from(at: EnvironmentPointer) -> Self {
        let (build, manifest) = at.environment.serves.map(|Served { build, manifest }| (build, manifest)).unzip();
        let (deployed_at, environment) = (at.deployed_at, at.environment);
        let (name, position, visibility) = (environment.name, environment.position, environment.visibility);
        Self { name, position, visibility, build, manifest, revision: environment.revision, deployed_at }
    }
}

/// An environment of a project.
///
/// # Errors
/// Not found.
pub async fn environment_of(
    asked: &Asked,
    project: &ProjectRow,
    name: &EnvironmentName,
) -> Result<EnvironmentPointer, Problem> {
    let environment = asked.catalog().environment(project.number, name).await?;
    environment.ok_or_else(|| {
        Problem::not_found(format!("there is no environment {name} in this project; list them with GET environments"))
    })
}

/// Lists the environments in their order.
#[utoipa::path(tag = "environments", params(PageQuery), responses((status = 200, body = PageView<EnvironmentView>)))]
#[get("/projects/{project}/environments")]
pub async fn list_environments(asked: Asked) -> Result<Json<PageView<EnvironmentView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    // There are at most some hundred, so the database gives all of them; the place in the order is the cursor.
    let after = page.number()?.unwrap_or(0);
    let all = asked.catalog().environments(project.number).await?;
    let mut rest = all.into_iter().filter(|at| at.environment.position > after).peekable();
    let items: Vec<EnvironmentPointer> = rest.by_ref().take(page.limit as usize).collect();
    let last = items.last().map(|at| at.environment.position).filter(|_| rest.peek().is_some());
    let next_cursor = last.map(|position| shelfmark_engine::catalog::Cursor::after(position).to_string());
    Ok(Json(PageView { items: items.into_iter().map(EnvironmentView::from).collect(), next_cursor }))
}

/// Shows an environment.
#[utoipa::path(tag = "environments", responses((status = 200, body = EnvironmentView)))]
#[get("/projects/{project}/environments/{environment}")]
pub async fn read_environment(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let view = EnvironmentView::from(environment_of(&asked, &project, &asked.environment()?).await?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Makes an environment.
#[utoipa::path(tag = "environments", params(Repeatable), request_body = EnvironmentBody, responses((status = 201, body = EnvironmentView)))]
#[post("/projects/{project}/environments")]
pub async fn create_environment(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<EnvironmentBody>().await?;
    let EnvironmentBody { name, position, visibility } = body;
    let settings = EnvironmentSettings { position, visibility, expected: None };
    operations::create_environment(asked.engine(), &caller, &asked.project()?, &name, settings).await?;
    let view = EnvironmentView::from(environment_of(&asked, &asked.readable_project().await?, &name).await?);
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Changes an environment's place in the order or who may fetch from it.
#[utoipa::path(tag = "environments", request_body = EnvironmentPatch, responses((status = 200, body = EnvironmentView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the environment is at this revision, in quotes")))]
#[patch("/projects/{project}/environments/{environment}")]
pub async fn set_environment(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, EnvironmentPatch { position, visibility }) = asked.changing::<EnvironmentPatch>().await?;
    let (name, expected) = (asked.environment()?, asked.expected_revision()?);
    let settings = EnvironmentSettings { position, visibility, expected };
    operations::set_environment(asked.engine(), &caller, &asked.project()?, &name, settings).await?;
    let view = EnvironmentView::from(environment_of(&asked, &asked.readable_project().await?, &name).await?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
