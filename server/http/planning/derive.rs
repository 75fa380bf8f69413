//! Releases out of releases: cloned, split, cancelled.

use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use shelfmark_domain::path::FolderPath;
use shelfmark_engine::operations;

use super::repin::selection;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, tag};
use crate::http::releases::{ReleaseView, view};
use crate::web::Problem;

/// How to call the copy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneBody {
    /// The release's own title when absent.
    title: Option<String>,
}

/// Which changes go into a release of their own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitBody {
    /// Of the new release.
    #[schema(example = "Spring campaign, part 2")]
    title: String,
    /// As the list of changes gives them.
    keys: Option<Vec<String>>,
    /// The changes of all paths in a folder.
    #[schema(value_type = Option<String>, example = "img/")]
    folder: Option<FolderPath>,
}

/// Why it is given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    #[serde(default)]
    reason: String,
}

/// Makes a draft with the changes of a release as they are, whatever became of that one. What has been released since
/// then is a conflict of the draft, and is not undone unseen.
#[utoipa::path(tag = "planning", params(Repeatable), request_body = CloneBody, responses((status = 201, body = ReleaseView)))]
#[post("/projects/{project}/releases/{release}/clone")]
pub async fn clone_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, CloneBody { title }) = asked.changing::<CloneBody>().await?;
    let row = operations::clone_release(asked.engine(), &caller, &asked.project()?, asked.release()?, title).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Makes a draft of some changes of another draft, which has them no more.
#[utoipa::path(tag = "planning", request_body = SplitBody, responses((status = 201, body = ReleaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/split")]
pub async fn split_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, SplitBody { title, keys, folder }) = asked.changing::<SplitBody>().await?;
    let selection = selection(&asked, keys, folder)?;
    let selection = selection.ok_or_else(|| Problem::invalid("keys", "say which changes: name keys or a folder"))?;
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let what = (selection, title);
    let row = operations::split_release(asked.engine(), &caller, &project, release, what, expected).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Gives a draft up. It stays to be looked at, and can be cloned.
#[utoipa::path(tag = "planning", request_body = CancelBody, responses((status = 200, body = ReleaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/cancel")]
pub async fn cancel_release(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, CancelBody { reason }) = asked.changing::<CancelBody>().await?;
    let (project, release, said) = (asked.project()?, asked.release()?, (reason, asked.expected_revision()?));
    let row = operations::cancel_release(asked.engine(), &caller, &project, release, said).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
