//! The checklist of a project, and the answers of releases.

use actix_web::{HttpResponse, delete, get, post, put, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{AnswerRow, ChecklistAnswer, ChecklistItemRow, ChecklistSelector};
use shelfmark_engine::operations::{self, ChecklistDraft, ReleasePoint};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::web::Problem;

/// A point to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointBody {
    /// The name of the environment before whose promotion it is asked, or `close`.
    #[schema(example = "production")]
    step: String,
    text: String,
    /// Which releases have to answer: `kinds` (regular, hotfix) and `paths` (folders that they change); every one when
    /// absent.
    #[serde(default)]
    #[schema(value_type = Object)]
    selector: ChecklistSelector,
    /// The release whose lesson it is.
    #[schema(value_type = Option<String>, example = "R-12")]
    origin: Option<ReleaseNumber>,
}

/// A point of the checklist.
#[derive(Debug, Serialize, ToSchema)]
pub struct PointView {
    number: i64,
    #[schema(example = "production")]
    step: String,
    text: String,
    #[schema(value_type = Object)]
    selector: ChecklistSelector,
    #[schema(value_type = Option<String>, example = "R-12")]
    origin: Option<ReleaseNumber>,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Null while it is asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<Timestamp>,
}

/// An answer to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// confirmed, or not_applicable with a remark that says why.
    #[schema(value_type = String, example = "confirmed")]
    answer: ChecklistAnswer,
    #[serde(default)]
    remark: String,
}

/// What a release says to a point.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// confirmed or not_applicable.
    #[schema(value_type = String, example = "confirmed")]
    answer: ChecklistAnswer,
    remark: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A point that a release has to answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleasePointView {
    point: PointView,
    /// Null while it is open.
    answer: Option<AnswerView>,
}

/// What a release has to answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseChecklistView {
    items: Vec<ReleasePointView>,
    /// How many have no answer yet.
    open: usize,
}

impl From<ChecklistItemRow> for PointView {
    fn from(row: ChecklistItemRow) -> Self {
        let ChecklistItemRow { number, step, text, selector, origin, by_name: by, at, retired_at } = row;
        Self { number, step, text, selector, origin, by, at, retired_at }
    }
}

impl From<AnswerRow> for AnswerView {
    fn from(AnswerRow { answer, remark, by_name: by, at, .. }: AnswerRow) -> Self {
        Self { answer, remark, by, at }
    }
}

impl From<ReleasePoint> for ReleasePointView {
    fn from(ReleasePoint { point, answer }: ReleasePoint) -> Self {
        Self { point: point.into(), answer: answer.map(AnswerView::from) }
    }
}

/// Lists the points of the project's checklist in order, with those that are asked no more.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<PointView>)))]
#[get("/projects/{project}/checklist")]
pub async fn list_points(asked: Asked) -> Result<Json<PageView<PointView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().checklist(project.number, page.number()?.unwrap_or(0), page.limit).await?.into()))
}

/// Adds a point that releases have to answer from now on.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = PointBody, responses((status = 201, body = PointView)))]
#[post("/projects/{project}/checklist")]
pub async fn add_point(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, PointBody { step, text, selector, origin }) = asked.changing::<PointBody>().await?;
    let draft = ChecklistDraft { step, text, selector, origin };
    let row = operations::add_point(asked.engine(), &caller, &asked.project()?, draft).await?;
    Ok(HttpResponse::Created().json(PointView::from(row)))
}

/// Asks a point no more. What releases have answered stays.
#[utoipa::path(tag = "gate", responses((status = 200, body = PointView)))]
#[delete("/projects/{project}/checklist/{point}")]
pub async fn retire_point(asked: Asked) -> Result<Json<PointView>, Problem> {
    let (caller, number, reason) = (asked.caller().await?, asked.segment("point")?, asked.message()?);
    Ok(Json(operations::retire_point(asked.engine(), &caller, &asked.project()?, number, &reason).await?.into()))
}

/// Shows what a release has to answer, and what it has answered.
#[utoipa::path(tag = "gate", responses((status = 200, body = ReleaseChecklistView)))]
#[get("/projects/{project}/releases/{release}/checklist")]
pub async fn read_release_checklist(asked: Asked) -> Result<Json<ReleaseChecklistView>, Problem> {
    let caller = asked.caller().await?;
    let points = operations::release_checklist(asked.engine(), &caller, &asked.project()?, asked.release()?).await?;
    let open = points.iter().filter(|point| point.answer.is_none()).count();
    Ok(Json(ReleaseChecklistView { items: points.into_iter().map(ReleasePointView::from).collect(), open }))
}

/// Answers a point for a release.
#[utoipa::path(tag = "gate", request_body = AnswerBody, responses((status = 200, body = AnswerView)))]
#[put("/projects/{project}/releases/{release}/checklist/{point}")]
pub async fn answer_point(mut asked: Asked) -> Result<Json<AnswerView>, Problem> {
    let (caller, AnswerBody { answer, remark }) = asked.changing::<AnswerBody>().await?;
    let what = (asked.release()?, asked.segment("point")?);
    let row = operations::answer_point(asked.engine(), &caller, &asked.project()?, what, (answer, &remark)).await?;
    Ok(Json(row.into()))
}
