//! Batches: many files in one stream and one transaction.

use actix_web::{post, web::Json};
use serde::Serialize;
use utoipa::ToSchema;

use shelfmark_engine::operations;

use crate::http::docs::{Binary, Repeatable};
use crate::http::extract::Asked;
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
    /// Removals of what was not there.
    absent: u64,
    /// Bytes of the files.
    bytes: u64,
    /// The project's asset revision right before it.
    previous_asset_revision: i64,
    /// The project's asset revision after it; the same when nothing changed.
    asset_revision: i64,
    /// Pairs of paths that differ only in the case of letters, so that some computers can't hold both; one of each
    /// pair at least is a file of the batch.
    case_collisions: Vec<[String; 2]>,
}

/// Takes a tar stream of files in, all or nothing.
///
/// PAX records on an entry say more: `SHELFMARK.content` its BLAKE3; `SHELFMARK.known` = 1 that the project has that
/// content already and the entry brings no bytes; `SHELFMARK.remove` = 1 that the path is removed;
/// `SHELFMARK.metadata` its metadata as JSON.
#[utoipa::path(
    tag = "files",
    request_body(content = Binary, content_type = "application/x-tar"),
    params(
        Repeatable,
        ("X-Message" = Option<String>, Header, description = "What changed; percent-encoded UTF-8"),
        ("X-Work-Item" = Option<String>, Header, description = "The work item that the versions answer, such as W-7"),
    ),
    responses((status = 200, body = BatchView))
)]
#[post("/projects/{project}/batch")]
pub async fn create_batch(mut asked: Asked) -> Result<Json<BatchView>, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, message, item) = (asked.project()?, asked.message()?, asked.work_item_header()?);
    let body = asked.body();
    let receipt = operations::batch(asked.engine(), caller, &project, message, item, body).await?;
    let operations::BatchReceipt { files, bytes, summary, case_collisions } = receipt;
    let operations::Summary { created, changed, unchanged, removed, absent, previous_asset_revision, asset_revision } =
        summary;
    Ok(Json(BatchView {
        files,
        created,
        changed,
        unchanged,
        removed,
        absent,
        bytes,
        previous_asset_revision,
        asset_revision,
        case_collisions,
    }))
}
