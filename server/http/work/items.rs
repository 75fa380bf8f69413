//! Work items: entering, listing, reading and changing them, and their order on the board.

use actix_web::{HttpResponse, get, patch, post, put, web::Json};
use serde::Deserialize;
use utoipa::ToSchema;

use shelfmark_domain::name::{UserName, WorkItemNumber};
use shelfmark_domain::work_item::{Day, Label, Link, Priority, WorkKind};
use shelfmark_engine::catalog::{WorkItemSaid, board_place};
use shelfmark_engine::operations::work::{self, Place, WorkItemDraft, WorkItemPatch};

use super::super::docs::Repeatable;
use super::super::extract::{Asked, PageView, given, tag};
use super::filter::WorkQuery;
use super::item_of;
use super::view::WorkItemView;
use crate::web::Problem;

/// A work item to be entered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkItemBody {
    /// request, change, fix or incident; request when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "request")]
    kind: WorkKind,
    #[schema(example = "A new logo on the home page")]
    title: String,
    #[serde(default)]
    description: String,
    /// Who wants it; whoever asks when absent. For another person it takes an editor.
    #[schema(value_type = Option<String>, example = "anna")]
    requester: Option<UserName>,
    /// Who works on it.
    #[schema(value_type = Option<String>, example = "ben")]
    assignee: Option<UserName>,
    /// low, normal, high or urgent; normal when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "normal")]
    priority: Priority,
    #[schema(value_type = Option<String>, format = Date)]
    due_on: Option<Day>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    labels: Vec<Label>,
    /// Of another system, such as an issue tracker: an address with http or https.
    #[schema(value_type = Option<String>, example = "https://example.org/issues/7")]
    link: Option<Link>,
    /// What users will notice.
    #[serde(default)]
    impact: String,
    /// What the notes of its release say.
    #[serde(default)]
    release_note: String,
}

/// What to change of a work item. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkItemChange {
    #[schema(value_type = Option<String>, example = "fix")]
    kind: Option<WorkKind>,
    title: Option<String>,
    description: Option<String>,
    /// Null: nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "ben")]
    assignee: Option<Option<UserName>>,
    #[schema(value_type = Option<String>, example = "high")]
    priority: Option<Priority>,
    /// Null: no day.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Date)]
    due_on: Option<Option<Day>>,
    /// All of them.
    #[schema(value_type = Option<Vec<String>>)]
    labels: Option<Vec<Label>>,
    /// Null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "https://example.org/issues/7")]
    link: Option<Option<Link>>,
    impact: Option<String>,
    release_note: Option<String>,
}

/// Where to put a work item among those of its status: before or after another one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionBody {
    #[schema(value_type = Option<String>, example = "W-3")]
    before: Option<WorkItemNumber>,
    #[schema(value_type = Option<String>, example = "W-4")]
    after: Option<WorkItemNumber>,
}

/// Lists the work items: the newest first, or those of one status in the order of the board.
#[utoipa::path(tag = "work", params(WorkQuery), responses((status = 200, body = PageView<WorkItemView>)))]
#[get("/projects/{project}/work-items")]
pub async fn list_work_items(asked: Asked) -> Result<Json<PageView<WorkItemView>>, Problem> {
    let project = asked.readable_project().await?;
    let query: WorkQuery = asked.query()?;
    let filter = query.filter()?;
    let is_board = query.is_board()?;
    let page = asked.paging(query.limit, query.cursor, asked.config().limits.page_max)?;
    if !is_board {
        let found = asked.catalog().work_items(project.number, &filter, page.number()?, page.limit).await?;
        return Ok(Json(found.into()));
    }
    let [status] = filter.statuses[..] else {
        return Err(Problem::invalid("status", "the order of the board is one within a status; name one status"));
    };
    let after = page.cursor.as_ref().map(board_place).transpose();
    let after = after.map_err(|why| Problem::invalid("cursor", why))?;
    Ok(Json(asked.catalog().board(project.number, status, &filter, after, page.limit).await?.into()))
}

/// Enters a work item.
#[utoipa::path(tag = "work", params(Repeatable), request_body = WorkItemBody, responses((status = 201, body = WorkItemView)))]
#[post("/projects/{project}/work-items")]
pub async fn create_work_item(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<WorkItemBody>().await?;
    let WorkItemBody { kind, title, description, requester, assignee, priority, due_on, .. } = body;
    let WorkItemBody { labels, link, impact, release_note, .. } = body;
    let said =
        WorkItemSaid { kind, title, description, assignee, priority, due_on, labels, link, impact, release_note };
    let draft = WorkItemDraft { said, requester };
    let row = work::create_work_item(asked.engine(), &caller, &asked.project()?, draft).await?;
    let view = WorkItemView::from(row);
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Shows a work item.
#[utoipa::path(tag = "work", responses((status = 200, body = WorkItemView)))]
#[get("/projects/{project}/work-items/{item}")]
pub async fn read_work_item(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let view = WorkItemView::from(item_of(&asked, &project).await?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Changes what is said of a work item.
#[utoipa::path(tag = "work", request_body = WorkItemChange, responses((status = 200, body = WorkItemView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the item is at this revision, in quotes")))]
#[patch("/projects/{project}/work-items/{item}")]
pub async fn change_work_item(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<WorkItemChange>().await?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    let patch = WorkItemPatch {
        kind: body.kind,
        title: body.title,
        description: body.description,
        assignee: body.assignee,
        priority: body.priority,
        due_on: body.due_on,
        labels: body.labels,
        link: body.link,
        impact: body.impact,
        release_note: body.release_note,
        expected,
    };
    let view = WorkItemView::from(work::change_work_item(asked.engine(), &caller, &project, item, patch).await?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Puts a work item right before or after another one of the same status on the board.
#[utoipa::path(tag = "work", params(Repeatable), request_body = PositionBody, responses((status = 204)))]
#[put("/projects/{project}/work-items/{item}/position")]
pub async fn place_work_item(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<PositionBody>().await?;
    let place = match (body.before, body.after) {
        (Some(before), None) => Place::Before(before),
        (None, Some(after)) => Place::After(after),
        _ => return Err(Problem::invalid("before", "name the item that comes before or the one after, not both")),
    };
    work::place(asked.engine(), &caller, &asked.project()?, asked.item()?, place).await?;
    Ok(HttpResponse::NoContent().finish())
}
