//! Builds: immutable outcomes of releases.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::BuildRow;
use shelfmark_engine::operations::{self, Base};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::http::releases::release_of;
use crate::web::Problem;

/// On what to build.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuildBody {
    /// `R-11.2`, `environment:NAME` or `empty`; what the final environment serves when absent.
    base: Option<String>,
}

/// A build.
#[derive(Debug, Serialize, ToSchema)]
pub struct BuildView {
    #[schema(value_type = String, example = "R-12.3")]
    name: BuildName,
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    number: i64,
    /// Builds that serve the same have the same manifest.
    #[schema(value_type = String)]
    manifest: ManifestId,
    /// Null: it was built on nothing.
    #[schema(value_type = Option<String>)]
    base: Option<BuildName>,
    /// How many paths it serves.
    entries: u64,
    /// Of all contents that it serves.
    size_bytes: u64,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<BuildRow> for BuildView {
    fn from(row: BuildRow) -> Self {
        let BuildRow { name, manifest, base, pins: entries, size_bytes, created_by, created_at, .. } = row;
        let BuildName { release, number } = name;
        Self { name, release, number, manifest, base, entries, size_bytes, created_by, created_at }
    }
}

/// Applies a release's changes to a base and keeps the outcome for ever.
#[utoipa::path(tag = "releases", params(Repeatable), request_body = BuildBody, responses((status = 201, body = BuildView)))]
#[post("/projects/{project}/releases/{release}/builds")]
pub async fn create_build(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<BuildBody>().await?;
    let base = base(body.base.as_deref())?;
    let build = operations::build(asked.engine(), &caller, &asked.project()?, asked.release()?, base).await?;
    Ok(HttpResponse::Created().json(BuildView::from(build)))
}

/// Reads a base; what the final environment serves when there is none.
///
/// # Errors
/// Invalid.
pub fn base(text: Option<&str>) -> Result<Base, Problem> {
    let Some(text) = text else { return Ok(Base::FinalEnvironment) };
    if text == "empty" {
        return Ok(Base::Empty);
    }
    if let Some(name) = text.strip_prefix("environment:") {
        return name.parse().map(Base::Environment).map_err(|why| Problem::invalid("base", why));
    }
    let why = |_| format!("{text:?} is no base: write R-11.2, environment:NAME or empty");
    text.parse().map(Base::Build).map_err(|error| Problem::invalid("base", why(error)))
}

/// Lists a release's builds, newest first.
#[utoipa::path(tag = "releases", params(PageQuery), responses((status = 200, body = PageView<BuildView>)))]
#[get("/projects/{project}/releases/{release}/builds")]
pub async fn list_builds(asked: Asked) -> Result<Json<PageView<BuildView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?.number;
    let page = asked.page()?;
    Ok(Json(asked.catalog().builds(project.number, release, page.number()?, page.limit).await?.into()))
}

/// Shows a build.
#[utoipa::path(tag = "releases", responses((status = 200, body = BuildView)))]
#[get("/projects/{project}/builds/{build}")]
pub async fn read_build(asked: Asked) -> Result<Json<BuildView>, Problem> {
    let project = asked.readable_project().await?;
    let name: BuildName = asked.segment("build")?;
    let build = asked.catalog().build(project.number, name).await?;
    let detail = || format!("there is no build {name} in this project; list a release's builds with GET builds");
    Ok(Json(build.ok_or_else(|| Problem::not_found(detail()))?.into()))
}
