//! Notes as they were published.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::notes::Audience;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::PublishedNoteRow;
use shelfmark_engine::operations::closing::{self, PublishDraft};

use super::notes::audience;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageView, tag};
use crate::http::releases::release_of;
use crate::web::Problem;

/// For whom to publish.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicationBody {
    /// editors, platforms and users; all when absent.
    #[schema(value_type = Option<Vec<String>>)]
    audiences: Option<Vec<Audience>>,
    #[serde(default)]
    message: String,
}

/// Which publications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PublishedQuery {
    /// editors, platforms or users; editors when absent.
    audience: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was published.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishedView {
    /// 1, 2, 3 and so on within the release.
    revision: i64,
    #[schema(value_type = String, example = "users")]
    audience: Audience,
    /// Markdown.
    text: String,
    /// Whether a person wrote it.
    edited: bool,
    message: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// What holds as published, by audience.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicationView {
    items: Vec<PublishedView>,
}

impl From<PublishedNoteRow> for PublishedView {
    fn from(row: PublishedNoteRow) -> Self {
        let PublishedNoteRow { revision, audience, text, is_edited: edited, message, by_name: by, at } = row;
        Self { revision, audience, text, edited, message, by, at }
    }
}

/// Publishes a release's notes as they are. What was published before stays as it was; what differs gets a new revision.
#[utoipa::path(tag = "closing", request_body = PublicationBody, responses((status = 200, body = PublicationView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if this is the last published revision, in quotes; \"0\" for none")))]
#[post("/projects/{project}/releases/{release}/notes/publish")]
pub async fn publish_notes(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<PublicationBody>().await?;
    let (project, number, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let audiences = body.audiences.unwrap_or_else(|| Audience::ALL.to_vec()).into_iter().collect();
    let draft = PublishDraft { audiences, message: body.message, expected };
    let rows = closing::publish_notes(asked.engine(), &caller, &project, number, draft).await?;
    let revision = rows.iter().map(|row| row.revision).max().unwrap_or(0);
    let items = rows.into_iter().map(PublishedView::from).collect();
    Ok(HttpResponse::Ok().insert_header(tag(revision)).json(PublicationView { items }))
}

/// Lists what was published for an audience, newest first.
#[utoipa::path(tag = "closing", params(PublishedQuery), responses((status = 200, body = PageView<PublishedView>)))]
#[get("/projects/{project}/releases/{release}/notes/published")]
pub async fn list_published(asked: Asked) -> Result<Json<PageView<PublishedView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?;
    let PublishedQuery { audience: whom, limit, cursor } = asked.query()?;
    let audience = audience(whom.as_deref())?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let before = page.number()?;
    let found = asked.catalog().published_notes(project.number, release.number, audience, before, page.limit).await?;
    Ok(Json(found.into()))
}
