//! Saved searches: named filters over the assets of a project.

use actix_web::{HttpResponse, delete, get, post, put, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::filter::{AssetFilter, Pattern};
use shelfmark_domain::name::SearchName;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{ProjectRow, SearchRow};
use shelfmark_engine::operations;

use crate::http::assets::AssetView;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::web::Problem;

/// Which assets. All that is said must hold; what is not said doesn't matter.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterFields {
    /// Below this folder, at whatever depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "img/")]
    folder: Option<FolderPath>,
    /// The file's name; `*` stands for anything, and letters match in either case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "*.svg")]
    name: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "image/*")]
    media_type: Option<Pattern>,
    /// All of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    /// The latest version was made at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_since: Option<Timestamp>,
    /// Who made the latest version: a person's name, or what a person or token is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "anna")]
    made_by: Option<String>,
}

impl From<FilterFields> for AssetFilter {
    fn from(fields: FilterFields) -> Self {
        let FilterFields { folder, name, media_type, tags, changed_since, made_by } = fields;
        Self { folder, name, media_type, tags, changed_since, made_by }
    }
}

impl From<AssetFilter> for FilterFields {
    fn from(filter: AssetFilter) -> Self {
        let AssetFilter { folder, name, media_type, tags, changed_since, made_by } = filter;
        Self { folder, name, media_type, tags, changed_since, made_by }
    }
}

/// A search to be saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchBody {
    /// 1 to 63 of a-z, 0-9 and -, starting with a letter or digit.
    #[schema(value_type = String, example = "spring-icons")]
    name: SearchName,
    filter: FilterFields,
}

/// What a saved search is to look for from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchChange {
    filter: FilterFields,
}

/// A saved search.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchView {
    #[schema(value_type = String, example = "spring-icons")]
    name: SearchName,
    filter: FilterFields,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What `If-Match` can insist on; goes up with every change.
    revision: i64,
}

impl From<SearchRow> for SearchView {
    fn from(row: SearchRow) -> Self {
        let SearchRow { name, filter, created_by, created_at, revision } = row;
        Self { name, filter: filter.into(), created_by, created_at, revision }
    }
}

/// The saved search in the address.
async fn search_of(asked: &Asked, project: &ProjectRow) -> Result<SearchRow, Problem> {
    let name: SearchName = asked.segment("search")?;
    let search = asked.catalog().saved_search(project.number, &name).await?;
    let detail = || format!("there is no saved search {name}; list them with GET saved-searches");
    search.ok_or_else(|| Problem::not_found(detail()))
}

/// Lists the saved searches by name.
#[utoipa::path(tag = "planning", params(PageQuery), responses((status = 200, body = PageView<SearchView>)))]
#[get("/projects/{project}/saved-searches")]
pub async fn list_searches(asked: Asked) -> Result<Json<PageView<SearchView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().saved_searches(project.number, page.key(), page.limit).await?.into()))
}

/// Saves a search.
#[utoipa::path(tag = "planning", params(Repeatable), request_body = SearchBody, responses((status = 201, body = SearchView)))]
#[post("/projects/{project}/saved-searches")]
pub async fn create_search(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, SearchBody { name, filter }) = asked.changing::<SearchBody>().await?;
    let row = operations::create_search(asked.engine(), &caller, &asked.project()?, name, filter.into()).await?;
    let view = SearchView::from(row);
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Shows a saved search.
#[utoipa::path(tag = "planning", responses((status = 200, body = SearchView)))]
#[get("/projects/{project}/saved-searches/{search}")]
pub async fn read_search(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let view = SearchView::from(search_of(&asked, &project).await?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Gives a saved search another filter.
#[utoipa::path(tag = "planning", request_body = SearchChange, responses((status = 200, body = SearchView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the search is at this revision, in quotes")))]
#[put("/projects/{project}/saved-searches/{search}")]
pub async fn change_search(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, SearchChange { filter }) = asked.changing::<SearchChange>().await?;
    let (project, name, expected) = (asked.project()?, asked.segment("search")?, asked.expected_revision()?);
    let row = operations::change_search(asked.engine(), &caller, &project, &name, filter.into(), expected).await?;
    let view = SearchView::from(row);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Removes a saved search. What it has found for releases stays in them.
#[utoipa::path(tag = "planning", responses((status = 204)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the search is at this revision, in quotes")))]
#[delete("/projects/{project}/saved-searches/{search}")]
pub async fn remove_search(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, name, expected) = (asked.project()?, asked.segment("search")?, asked.expected_revision()?);
    operations::remove_search(asked.engine(), &caller, &project, &name, expected).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the assets that a saved search finds now, by path. A page may be short, even empty, although another follows.
#[utoipa::path(tag = "planning", params(PageQuery), responses((status = 200, body = PageView<AssetView>)))]
#[get("/projects/{project}/saved-searches/{search}/assets")]
pub async fn list_found_assets(asked: Asked) -> Result<Json<PageView<AssetView>>, Problem> {
    let project = asked.readable_project().await?;
    let search = search_of(&asked, &project).await?;
    let page = asked.page()?;
    let found = asked.catalog().filtered_assets(project.number, &search.filter, page.key(), page.limit).await?;
    Ok(Json(found.into()))
}
