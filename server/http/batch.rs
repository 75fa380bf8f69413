//! Batches: many files in one stream and one transaction.

use actix_web::{post, web::Json};
use serde::Serialize;
use utoipa::ToSchema;

use shelfmark_engine::operations;

use super::docs::{Binary, Repeatable};
use super::extract::Asked;
use crate::web::Problem;

/// What came of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    /// Files in the stream, removals not counted.
    files: u64,
    created: u64,
    changed: u64,
    unchanged: u64,
    removed: u64,
    /// Bytes of the files.
    bytes: u64,
    /// The project's asset revision after it.
    asset_revision: i64,
}

/// Takes a tar stream of files in, all or nothing.
///
/// PAX records on an entry say more: `SHELFMARK.content` its BLAKE3; `SHELFMARK.known` = 1 that the project has that
/// content already and the entry brings no bytes; `SHELFMARK.remove` = 1 that the path is removed;
/// `SHELFMARK.metadata` its metadata as JSON.
#[utoipa::path(
    tag = "files",
    request_body(content = Binary, content_type = "application/x-tar"),
    params(Repeatable, ("X-Message" = Option<String>, Header, description = "What changed; percent-encoded UTF-8")),
    responses((status = 200, body = BatchView))
)]
#[post("/projects/{project}/batch")]
pub async fn create_batch(mut asked: Asked) -> Result<Json<BatchView>, Problem> {
    asked.caller().await?;
    let (project, message) = (asked.project()?, asked.message()?);
    // The stream itself can't be known before it has come, so a repetition is recognised by its message alone.
    let caller = asked.services().auth.creating_caller(&asked.request, message.as_bytes()).await?;
    let body = asked.body();
    let receipt = operations::batch(asked.engine(), caller, &project, message, body).await?;
    let operations::Summary { created, changed, unchanged, removed, asset_revision } = receipt.summary;
    let operations::BatchReceipt { files, bytes, .. } = receipt;
    Ok(Json(BatchView { files, created, changed, unchanged, removed, bytes, asset_revision }))
}
