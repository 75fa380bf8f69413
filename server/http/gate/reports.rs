//! Reports of outside checks, as build servers make them.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::BuildName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{ReportRow, ReportState};
use shelfmark_engine::operations::{self, ReportDraft};

use super::approvals::{build_of, newest_manifest};
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::http::releases::release_of;
use crate::web::Problem;

/// A report to be filed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportBody {
    /// The name by which a policy asks for it.
    #[schema(example = "ci/visual")]
    name: String,
    /// The release's newest build when absent.
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    /// running, passed or failed.
    #[schema(value_type = String, example = "passed")]
    state: ReportState,
    #[serde(default)]
    summary: String,
    /// Where a person can read more.
    #[serde(default)]
    #[schema(example = "https://ci.example.org/runs/7")]
    link: String,
}

/// A report of an outside check.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportView {
    sequence: i64,
    name: String,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    /// What the report binds to.
    #[schema(value_type = String)]
    manifest: ManifestId,
    #[schema(value_type = String, example = "passed")]
    state: ReportState,
    summary: String,
    link: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether the release's newest build serves something else, so that the report does not count for it.
    void: bool,
}

impl ReportView {
    fn of(row: ReportRow, newest: Option<ManifestId>) -> Self {
        let ReportRow { sequence, build, manifest, name, state, summary, link, by_name: by, at } = row;
        let void = newest.is_some_and(|newest| newest != manifest);
        Self { sequence, name, build, manifest, state, summary, link, by, at, void }
    }
}

/// Lists what outside systems have reported on a release's builds, newest first.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<ReportView>)))]
#[get("/projects/{project}/releases/{release}/checks")]
pub async fn list_reports(asked: Asked) -> Result<Json<PageView<ReportView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let page = asked.page()?;
    let newest = newest_manifest(&asked, &project, &release).await?;
    let rows = asked.catalog().reports_of_release(project.number, release.number, page.number()?, page.limit);
    Ok(Json(rows.await?.map(|row| ReportView::of(row, newest)).into()))
}

/// Files what an outside check came to. Of each name the last report on what a build serves counts.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = ReportBody, responses((status = 201, body = ReportView)))]
#[post("/projects/{project}/releases/{release}/checks")]
pub async fn create_report(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, ReportBody { name, build, state, summary, link }) = asked.changing::<ReportBody>().await?;
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let draft = ReportDraft { build: build_of(&release, build)?, name, state, summary, link };
    let row = operations::report(asked.engine(), &caller, &project.name, draft).await?;
    let newest = newest_manifest(&asked, &project, &release).await?;
    Ok(HttpResponse::Created().json(ReportView::of(row, newest)))
}
