//! Files: the latest versions of assets by path. PUT makes a version, GET sends its bytes, DELETE makes a tombstone.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, delete, put, route, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::metadata::Metadata;
use shelfmark_engine::operations::{self, Outcome, Upload};

use super::metadata::MetadataFields;
use super::versions::{flag, send_version, version_of};
use crate::http::assets::{AssetView, Written, shown};
use crate::http::docs::{Binary, Repeatable};
use crate::http::extract::{Asked, counted};
use crate::web::Problem;

/// The address stays and its content changes, so whoever keeps it asks again.
const REVALIDATED: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Which bytes are wanted, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// The version's number; the latest when absent.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = 1)]
    version: Option<String>,
    /// Ask the browser to save the file instead of showing it.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    download: Option<String>,
}

/// A removed asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedView {
    asset: AssetView,
}

/// Streams a file in as the next version at the path, or as the first one of a new asset.
///
/// Bytes and metadata that equal the latest version's make no new one: `outcome` is then `unchanged`.
#[utoipa::path(
    tag = "files",
    request_body(content = Binary, content_type = "application/octet-stream"),
    params(
        Repeatable,
        ("If-Match" = Option<String>, Header, description = "Only if the latest version has this number, in quotes; * for any"),
        ("If-None-Match" = Option<String>, Header, description = "*: only if nothing is at the path yet"),
        ("X-Message" = Option<String>, Header, description = "What changed; percent-encoded UTF-8"),
        ("X-Metadata" = Option<String>, Header, description = "Metadata as JSON in ASCII; the former stays when absent"),
        ("X-Work-Item" = Option<String>, Header, description = "The work item that the version answers, such as W-7"),
        ("X-Content-Blake3" = Option<String>, Header, description = "BLAKE3 of the bytes; another one is refused"),
    ),
    responses((status = 200, body = Written), (status = 201, body = Written))
)]
#[put("/projects/{project}/files/{path:.*}")]
pub async fn put_file(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let author = caller.principal.name.clone();
    let (project, path, upload) = (asked.project()?, asked.path()?, upload(&asked)?);
    let message = upload.message.clone();
    let body = asked.body();
    let (receipt, done) = operations::put(asked.engine(), caller, &project, path, upload, body).await?;
    let outcome = done.outcome;
    let written = shown(asked.catalog(), receipt, done, author, message).await?;
    let mut answer = match outcome {
        Outcome::Created => HttpResponse::Created(),
        Outcome::Changed | Outcome::Unchanged | Outcome::Removed | Outcome::Absent => HttpResponse::Ok(),
    };
    Ok(answer.insert_header(written.tag()).json(written))
}

fn upload(asked: &Asked) -> Result<Upload, Problem> {
    let length = asked.request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let content = asked.header("X-Content-Blake3")?.map(str::parse).transpose();
    Ok(Upload {
        length,
        content: content.map_err(|why| Problem::invalid("X-Content-Blake3", why))?,
        media_type: media_type(asked),
        metadata: metadata(asked)?,
        message: asked.message()?,
        expect: asked.expect()?,
        item: asked.work_item_header()?,
    })
}

/// What the sender says that it is, unless that says nothing.
fn media_type(asked: &Asked) -> Option<String> {
    let text = asked.request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let says_nothing = ["", "application/octet-stream", "application/x-www-form-urlencoded"];
    (!says_nothing.contains(&essence.as_str())).then_some(essence)
}

fn metadata(asked: &Asked) -> Result<Option<Metadata>, Problem> {
    const NAME: &str = "X-Metadata";
    let Some(text) = asked.header(NAME)? else { return Ok(None) };
    let said: MetadataFields = serde_json::from_str(text).map_err(|why| Problem::invalid(NAME, why))?;
    Metadata::from(said).checked().map(Some).map_err(|why| Problem::invalid(NAME, why))
}

/// Sends the bytes of what is at the path: whole, or the ranges that are asked for.
#[utoipa::path(tag = "files", params(FileQuery),
    responses((status = 200, body = Binary, content_type = "application/octet-stream"), (status = 206), (status = 304)))]
#[route("/projects/{project}/files/{path:.*}", method = "GET", method = "HEAD")]
pub async fn read_file(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let path = asked.path()?;
    let query: FileQuery = asked.query()?;
    let number = query.version.map(|text| {
        let number = text.parse().map_err(|_| Problem::invalid("version", format!("{text:?} is no version's number")));
        counted("version", number?)
    });
    let (number, download) = (number.transpose()?, flag("download", query.download)?);
    let asset = asked.catalog().asset_by_path(project.number, path.as_str()).await?;
    let asset = asset.ok_or_else(|| Problem::not_found(format!("there is no asset at {path}; check the path")))?;
    match number.filter(|number| *number != asset.latest.number) {
        None => send_version(&asked, &asset.path, &asset.latest, download, REVALIDATED).await,
        Some(number) => {
            let version = version_of(&asked, &asset, number).await?;
            send_version(&asked, &asset.path, &version, download, REVALIDATED).await
        }
    }
}

/// Removes the asset at the path. Its versions stay, and it can be brought back.
#[utoipa::path(
    tag = "files",
    params(
        Repeatable,
        ("If-Match" = Option<String>, Header, description = "Only if the latest version has this number, in quotes"),
        ("X-Message" = Option<String>, Header, description = "Why; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = RemovedView))
)]
#[delete("/projects/{project}/files/{path:.*}")]
pub async fn remove_file(asked: Asked) -> Result<Json<RemovedView>, Problem> {
    let caller = asked.changing_caller().await?;
    let author = caller.principal.name.clone();
    let (project, path, expect, message) = (asked.project()?, asked.path()?, asked.expect()?, asked.message()?);
    let (receipt, done) = operations::remove(asked.engine(), caller, &project, path, expect, message.clone()).await?;
    let Written { asset, .. } = shown(asked.catalog(), receipt, done, author, message).await?;
    Ok(Json(RemovedView { asset }))
}
