//! Projects: what belongs together and is released together.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, get, patch, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::ProjectName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{Catalog, CatalogError, ProjectRow};
use shelfmark_engine::operations::{self, Caller};

use super::docs::Repeatable;
use super::extract::{Asked, PageQuery, PageView, tag};
use crate::http::releases::environments::EnvironmentView;
use crate::web::Problem;

/// A project to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectBody {
    /// 1 to 63 of a-z, 0-9 and -, starting with a letter or digit.
    #[schema(value_type = String, example = "site")]
    name: ProjectName,
    #[serde(default)]
    title: String,
}

/// What to change of a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectPatch {
    title: String,
}

/// A project with what its environments serve.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectView {
    #[schema(value_type = String, example = "site")]
    name: ProjectName,
    title: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What `If-Match` can insist on; goes up with every change of the title.
    revision: i64,
    /// Changes whenever any of its assets does.
    asset_revision: i64,
    /// How many assets it has now.
    assets: i64,
    /// In their order.
    environments: Vec<EnvironmentView>,
}

async fn view(catalog: &Catalog, row: ProjectRow) -> Result<ProjectView, CatalogError> {
    let environments = catalog.environments(row.number).await?.into_iter().map(EnvironmentView::from).collect();
    let assets = catalog.count_assets(row.number).await?;
    let ProjectRow { name, title, created_at, revision, asset_revision, .. } = row;
    Ok(ProjectView { name, title, created_at, revision, asset_revision, assets, environments })
}

/// Lists the projects that you may see, oldest first.
#[utoipa::path(tag = "projects", params(PageQuery), responses((status = 200, body = PageView<ProjectView>)))]
#[get("/projects")]
pub async fn list_projects(asked: Asked) -> Result<Json<PageView<ProjectView>>, Problem> {
    let caller = asked.caller().await?;
    let page = asked.page()?;
    let after = page.number()?.unwrap_or(0);
    let (rows, next) = match named(&caller) {
        None => {
            let page = asked.catalog().projects(after, page.limit).await?;
            (page.items, page.next)
        }
        Some(names) => (named_rows(asked.catalog(), names).await?, None),
    };
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(view(asked.catalog(), row).await?);
    }
    Ok(Json(PageView { items, next_cursor: next.map(|cursor| cursor.to_string()) }))
}

/// The projects that the caller's grants name; `None` when one of them covers every project.
fn named(caller: &Caller) -> Option<BTreeSet<ProjectName>> {
    caller.principal.grants.iter().map(|grant| grant.project.clone()).collect()
}

async fn named_rows(catalog: &Catalog, names: BTreeSet<ProjectName>) -> Result<Vec<ProjectRow>, CatalogError> {
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        rows.extend(catalog.project(&name).await?);
    }
    Ok(rows)
}

/// Makes a project with the environments development, staging and production.
#[utoipa::path(tag = "projects", params(Repeatable), request_body = ProjectBody, responses((status = 201, body = ProjectView)))]
#[post("/projects")]
pub async fn create_project(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ProjectBody>().await?;
    let row = operations::create_project(asked.engine(), &caller, &body.name, &body.title).await?;
    Ok(HttpResponse::Created().insert_header(tag(row.revision)).json(view(asked.catalog(), row).await?))
}

/// Shows a project.
#[utoipa::path(tag = "projects", responses((status = 200, body = ProjectView)))]
#[get("/projects/{project}")]
pub async fn read_project(asked: Asked) -> Result<HttpResponse, Problem> {
    let row = asked.readable_project().await?;
    Ok(HttpResponse::Ok().insert_header(tag(row.revision)).json(view(asked.catalog(), row).await?))
}

/// Gives a project another title.
#[utoipa::path(tag = "projects", request_body = ProjectPatch, responses((status = 200, body = ProjectView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the project is at this revision, in quotes")))]
#[patch("/projects/{project}")]
pub async fn retitle_project(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ProjectPatch>().await?;
    let (name, expected) = (asked.project()?, asked.expected_revision()?);
    let row = operations::retitle_project(asked.engine(), &caller, &name, &body.title, expected).await?;
    Ok(HttpResponse::Ok().insert_header(tag(row.revision)).json(view(asked.catalog(), row).await?))
}
