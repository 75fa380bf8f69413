//! Releases: plans to change what is served.

pub(super) mod builds;
pub(super) mod changes;
pub(super) mod compare;
pub(super) mod compare_folders;
pub(super) mod deployments;
pub(super) mod environments;

use actix_web::{HttpResponse, get, patch, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::{BuildName, ReleaseNumber, UserName};
use shelfmark_domain::release::{ReleaseKind, ReleaseState};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{Catalog, CatalogError, DateRow, ProjectRow, ReleaseRow};
use shelfmark_engine::operations::{self, ReleaseDraft, ReleasePatch};

use super::docs::Repeatable;
use super::extract::{Asked, PageQuery, PageView, given, tag};
use super::planning::dates::TargetView;
use crate::web::Problem;

/// A release to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseBody {
    #[schema(example = "Spring campaign")]
    title: String,
    #[serde(default)]
    description: String,
    /// regular or hotfix; regular when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "regular")]
    kind: ReleaseKind,
    /// The person who is responsible for it.
    #[schema(value_type = Option<String>, example = "anna")]
    manager: Option<UserName>,
}

/// What to change of a release. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseChange {
    title: Option<String>,
    description: Option<String>,
    /// regular or hotfix.
    #[schema(value_type = Option<String>, example = "hotfix")]
    kind: Option<ReleaseKind>,
    /// Null leaves the release without one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "anna")]
    manager: Option<Option<UserName>>,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    #[schema(value_type = String, example = "R-12")]
    number: ReleaseNumber,
    title: String,
    description: String,
    /// regular or hotfix.
    #[schema(value_type = String, example = "regular")]
    kind: ReleaseKind,
    /// Who is responsible for it.
    #[schema(value_type = Option<String>, example = "anna")]
    manager: Option<UserName>,
    /// draft, frozen, released, rolled_back, closed or cancelled.
    #[schema(value_type = String, example = "draft")]
    state: ReleaseState,
    /// When it is to go live; the newest date that was proposed. Null until one is.
    target: Option<TargetView>,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How many changes it has.
    changes: i64,
    /// How many of its keys other open releases change too; GET conflicts says which. Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts: Option<i64>,
    #[schema(value_type = Option<String>, example = "R-12.3")]
    latest_build: Option<BuildName>,
    /// What `If-Match` can insist on; goes up with every change of the release.
    pub revision: i64,
}

impl ReleaseView {
    fn of(row: ReleaseRow, changes: i64, date: Option<&DateRow>, conflicts: Option<i64>) -> Self {
        let latest_build = (row.last_build > 0).then_some(BuildName { release: row.number, number: row.last_build });
        let ReleaseRow { number, title, description, kind, manager, state, created_by, created_at, revision, .. } = row;
        Self {
            number,
            title,
            description,
            kind,
            manager,
            state,
            target: date.map(TargetView::from),
            created_by,
            created_at,
            changes,
            conflicts,
            latest_build,
            revision,
        }
    }
}

async fn views(catalog: &Catalog, project: i64, rows: Vec<ReleaseRow>) -> Result<Vec<ReleaseView>, CatalogError> {
    let numbers: Vec<ReleaseNumber> = rows.iter().map(|row| row.number).collect();
    let counts = catalog.count_changes_of(project, &numbers).await?;
    let dates = catalog.newest_dates(project, &numbers).await?;
    let view = |row: ReleaseRow| {
        let changes = counts.get(&row.number).copied().unwrap_or(0);
        let date = dates.get(&row.number);
        ReleaseView::of(row, changes, date, None)
    };
    Ok(rows.into_iter().map(view).collect())
}

/// A release with its date and what is counted of it.
///
/// # Errors
/// When the database doesn't answer.
pub async fn view(catalog: &Catalog, project: &ProjectRow, row: ReleaseRow) -> Result<ReleaseView, CatalogError> {
    let changes = catalog.count_changes_of(project.number, &[row.number]).await?;
    let changes = changes.get(&row.number).copied().unwrap_or(0);
    let dates = catalog.newest_dates(project.number, &[row.number]).await?;
    let conflicts = if row.state.is_open() { catalog.count_conflicts(project.number, row.number).await? } else { 0 };
    let date = dates.get(&row.number);
    Ok(ReleaseView::of(row, changes, date, Some(conflicts)))
}

/// The release in the address.
///
/// # Errors
/// Not found.
pub async fn release_of(asked: &Asked, project: &ProjectRow) -> Result<ReleaseRow, Problem> {
    let number = asked.release()?;
    let release = asked.catalog().release(project.number, number).await?;
    release.ok_or_else(|| {
        Problem::not_found(format!("there is no release {number} in this project; list them with GET releases"))
    })
}

/// Lists the releases, newest first.
#[utoipa::path(tag = "releases", params(PageQuery), responses((status = 200, body = PageView<ReleaseView>)))]
#[get("/projects/{project}/releases")]
pub async fn list_releases(asked: Asked) -> Result<Json<PageView<ReleaseView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    let rows = asked.catalog().releases(project.number, page.number()?, page.limit).await?;
    let next_cursor = rows.next.map(|cursor| cursor.to_string());
    let items = views(asked.catalog(), project.number, rows.items).await?;
    Ok(Json(PageView { items, next_cursor }))
}

/// Makes a release.
#[utoipa::path(tag = "releases", params(Repeatable), request_body = ReleaseBody, responses((status = 201, body = ReleaseView)))]
#[post("/projects/{project}/releases")]
pub async fn create_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ReleaseBody>().await?;
    let ReleaseBody { title, description, kind, manager } = body;
    let draft = ReleaseDraft { title, description, kind, manager };
    let row = operations::create_release(asked.engine(), &caller, &asked.project()?, draft).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Shows a release.
#[utoipa::path(tag = "releases", responses((status = 200, body = ReleaseView)))]
#[get("/projects/{project}/releases/{release}")]
pub async fn read_release(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let view = view(asked.catalog(), &project, release_of(&asked, &project).await?).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Changes what a release says of itself.
#[utoipa::path(tag = "releases", request_body = ReleaseChange, responses((status = 200, body = ReleaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[patch("/projects/{project}/releases/{release}")]
pub async fn describe_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ReleaseChange>().await?;
    let (project, number, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let ReleaseChange { title, description, kind, manager } = body;
    let patch = ReleasePatch { title, description, kind, manager, expected };
    let row = operations::describe_release(asked.engine(), &caller, &project, number, patch).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
