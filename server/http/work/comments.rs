//! Comments on work items.

use actix_web::{HttpResponse, get, patch, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::UserName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::CommentRow;
use shelfmark_engine::operations::work;

use super::super::docs::Repeatable;
use super::super::extract::{Asked, PageQuery, PageView, counted, tag};
use super::item_of;
use super::view::person;
use crate::web::Problem;

/// What to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentBody {
    /// `@anna` calls Anna.
    #[schema(example = "@anna, is this the right blue?")]
    text: String,
}

/// A comment.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommentView {
    /// 1, 2, 3 and so on within the item.
    number: i64,
    /// The person; null for a machine.
    #[schema(value_type = Option<String>, example = "anna")]
    user: Option<UserName>,
    author: String,
    text: String,
    /// The people whom it mentions.
    #[schema(value_type = Vec<String>)]
    mentions: Vec<UserName>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Null: it stands as it was written. Earlier texts are in the item's history.
    #[schema(value_type = Option<String>, format = DateTime)]
    edited_at: Option<Timestamp>,
    /// What `If-Match` can insist on; goes up with every edit.
    revision: i64,
}

impl From<CommentRow> for CommentView {
    fn from(row: CommentRow) -> Self {
        let CommentRow { number, author, author_name, text, mentions, at, edited_at, revision } = row;
        Self { number, user: person(&author), author: author_name, text, mentions, at, edited_at, revision }
    }
}

/// Lists a work item's comments, oldest first.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<CommentView>)))]
#[get("/projects/{project}/work-items/{item}/comments")]
pub async fn list_comments(asked: Asked) -> Result<Json<PageView<CommentView>>, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?.number;
    let page = asked.page()?;
    let after = page.number()?.unwrap_or(0);
    Ok(Json(asked.catalog().comments(project.number, item, after, page.limit).await?.into()))
}

/// Comments on a work item.
#[utoipa::path(tag = "work", params(Repeatable), request_body = CommentBody, responses((status = 201, body = CommentView)))]
#[post("/projects/{project}/work-items/{item}/comments")]
pub async fn comment(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, CommentBody { text }) = asked.changing::<CommentBody>().await?;
    let row = work::comment(asked.engine(), &caller, &asked.project()?, asked.item()?, &text).await?;
    let view = CommentView::from(row);
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Gives one's own comment another text. The item's history keeps the earlier one.
#[utoipa::path(tag = "work", request_body = CommentBody, responses((status = 200, body = CommentView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the comment is at this revision, in quotes")))]
#[patch("/projects/{project}/work-items/{item}/comments/{comment}")]
pub async fn edit_comment(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, CommentBody { text }) = asked.changing::<CommentBody>().await?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    let number = counted("comment", asked.segment("comment")?)?;
    let row = work::edit_comment(asked.engine(), &caller, &project, item, number, &text, expected).await?;
    let view = CommentView::from(row);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
