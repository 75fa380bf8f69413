//! Closing releases, and reworking those that were rolled back.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{ChecklistItemRow, ChecklistSelector, ClosingRow};
use shelfmark_engine::operations::closing::{self, CloseDraft, LessonDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, tag};
use crate::http::releases::{ReleaseView, release_of, view};
use crate::web::Problem;

/// How a release is closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosingBody {
    /// What went well and what did not.
    #[schema(example = "On time; the banner was too large on telephones.")]
    review: String,
    /// They become points of the checklist. At least one is due after a rollback and after an incident.
    #[serde(default)]
    lessons: Vec<LessonBody>,
}

/// What later releases have to confirm because of this one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonBody {
    #[schema(example = "Has the banner been seen on a telephone?")]
    text: String,
    /// The environment before whose promotion it is asked, or `close`.
    #[schema(example = "production")]
    step: String,
    /// Which releases have to answer: `kinds` (regular, hotfix) and `paths` (folders that they change); every one when
    /// absent.
    #[serde(default)]
    #[schema(value_type = Object)]
    selector: ChecklistSelector,
}

/// Why a release is reworked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReworkBody {
    reason: String,
}

/// How a release ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClosingView {
    /// released or rolled_back: where it stood before.
    #[schema(value_type = String, example = "released")]
    from: ReleaseState,
    review: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    lessons: Vec<LessonView>,
}

/// A point of the checklist that is a release's lesson.
#[derive(Debug, Serialize, ToSchema)]
pub struct LessonView {
    /// Of the point.
    number: i64,
    step: String,
    text: String,
    #[schema(value_type = Object)]
    selector: ChecklistSelector,
    /// Null while it is asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<Timestamp>,
}

impl From<ChecklistItemRow> for LessonView {
    fn from(row: ChecklistItemRow) -> Self {
        let ChecklistItemRow { number, step, text, selector, retired_at, .. } = row;
        Self { number, step, text, selector, retired_at }
    }
}

/// Closes a release that was released or rolled back: closes its items, opens its staging environment, keeps its lessons.
#[utoipa::path(tag = "closing", request_body = ClosingBody, responses((status = 200, body = ReleaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/close")]
pub async fn close_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ClosingBody>().await?;
    let (project, number, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let lesson = |LessonBody { text, step, selector }| LessonDraft { text, step, selector };
    let lessons = body.lessons.into_iter().map(lesson).collect();
    let draft = CloseDraft { review: body.review, lessons, expected };
    let closed = closing::close_release(asked.engine(), &caller, &project, number, draft).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, closed.release).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Shows how a release ended, and its lessons.
#[utoipa::path(tag = "closing", responses((status = 200, body = ClosingView)))]
#[get("/projects/{project}/releases/{release}/closing")]
pub async fn read_closing(asked: Asked) -> Result<Json<ClosingView>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let closing = asked.catalog().closing(project.number, release.number).await?;
    let ClosingRow { state: from, review, by_name: by, at } = closing.ok_or_else(|| {
        Problem::not_found(format!("{} is {} and has not been closed", release.number, release.state.as_str()))
    })?;
    let lessons = asked.catalog().lessons(project.number, release.number).await?;
    Ok(Json(ClosingView { from, review, by, at, lessons: lessons.into_iter().map(LessonView::from).collect() }))
}

/// Lets a release that was rolled back take changes again.
#[utoipa::path(tag = "closing", request_body = ReworkBody, responses((status = 200, body = ReleaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/rework")]
pub async fn rework_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ReworkBody>().await?;
    let (project, number, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let row = closing::rework_release(asked.engine(), &caller, &project, number, &body.reason, expected).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
