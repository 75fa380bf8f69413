//! The work items that a release is about.

use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::ReleaseItemRow;
use shelfmark_engine::operations::{ChangedLines, work};

use super::super::docs::Repeatable;
use super::super::extract::{Asked, PageQuery, PageView, at_most, tag};
use super::super::releases::release_of;
use super::view::WorkItemView;
use crate::web::Problem;

/// Work items to add to a release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseItemsBody {
    #[schema(value_type = Vec<String>, example = json!(["W-7"]))]
    items: Vec<WorkItemNumber>,
    /// Take resolved items too, whose requesters have not said yes.
    #[serde(default)]
    unauthorised: bool,
}

/// What came of adding or removing items.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegroupedView {
    /// Lines of the release written or taken out.
    lines: u64,
    /// Lines that the release has now.
    changes: i64,
    /// The release's revision now.
    revision: i64,
}

fn regrouped(ChangedLines { lines, total: changes, revision }: ChangedLines) -> HttpResponse {
    HttpResponse::Ok().insert_header(tag(revision)).json(RegroupedView { lines, changes, revision })
}

/// A work item of a release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseItemView {
    #[serde(flatten)]
    item: WorkItemView,
    added_by: String,
    #[schema(value_type = String, format = DateTime)]
    added_at: Timestamp,
}

impl From<ReleaseItemRow> for ReleaseItemView {
    fn from(ReleaseItemRow { item, added_by, added_at }: ReleaseItemRow) -> Self {
        Self { item: item.into(), added_by, added_at }
    }
}

/// Lists the work items that a release is about, oldest first.
#[utoipa::path(tag = "releases", params(PageQuery), responses((status = 200, body = PageView<ReleaseItemView>)))]
#[get("/projects/{project}/releases/{release}/items")]
pub async fn list_release_items(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let page = asked.page()?;
    let after = page.number()?.unwrap_or(0);
    let items = asked.catalog().release_items(project.number, release.number, after, page.limit).await?;
    Ok(HttpResponse::Ok().insert_header(tag(release.revision)).json(PageView::<ReleaseItemView>::from(items)))
}

/// Adds authorised work items to a draft release, with the versions that answer them.
///
/// Of each attached asset the highest version becomes a line of the release. An item that is there already brings its
/// newest versions. An item can be planned in one release at a time.
#[utoipa::path(tag = "releases", request_body = ReleaseItemsBody, responses((status = 200, body = RegroupedView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/items")]
pub async fn add_release_items(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ReleaseItemsBody>().await?;
    let items = at_most("items", body.items, asked.config().limits.lines)?;
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let engine = asked.engine();
    let changed = work::add_items(engine, &caller, &project, release, &items, body.unauthorised, expected).await?;
    Ok(regrouped(changed))
}

/// Takes a work item out of a draft release, with the lines that came only with it.
#[utoipa::path(tag = "releases", responses((status = 200, body = RegroupedView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[delete("/projects/{project}/releases/{release}/items/{item}")]
pub async fn remove_release_item(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let engine = asked.engine();
    Ok(regrouped(work::remove_item(engine, &caller, &project, release, asked.item()?, expected).await?))
}
