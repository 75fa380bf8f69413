//! Versions: the immutable states of an asset.

use actix_web::http::header::HeaderValue;
use actix_web::{HttpResponse, get, route, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{AssetRow, VersionRow};

use super::metadata::MetadataFields;
use crate::http::assets::asset_of;
use crate::http::docs::Binary;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::web::Problem;
use crate::web::content::{Sent, send};

/// Only the asker may keep it, and a version never changes.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// One version with who made it and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    number: i64,
    /// BLAKE3 of the bytes.
    #[schema(value_type = String)]
    content: ContentId,
    size_bytes: u64,
    media_type: String,
    width: Option<u32>,
    height: Option<u32>,
    metadata: MetadataFields,
    author: String,
    message: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The version that a revert brought back.
    reverted_from: Option<i64>,
}

impl From<VersionRow> for VersionView {
    fn from(row: VersionRow) -> Self {
        let (width, height) = row.dimensions.unzip();
        let VersionRow { number, content, size_bytes, media_type, author, message, at, reverted_from, .. } = row;
        let metadata = row.metadata.into();
        Self { number, content, size_bytes, media_type, width, height, metadata, author, message, at, reverted_from }
    }
}

/// How bytes are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContentQuery {
    /// Ask the browser to save the file instead of showing it.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    download: Option<String>,
}

/// Lists an asset's versions, newest first.
#[utoipa::path(tag = "assets", params(PageQuery), responses((status = 200, body = PageView<VersionView>)))]
#[get("/projects/{project}/assets/{asset}/versions")]
pub async fn list_versions(asked: Asked) -> Result<Json<PageView<VersionView>>, Problem> {
    let asset = asset_of(&asked).await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().versions(asset.id, page.number()?, page.limit).await?.into()))
}

/// Shows a version.
#[utoipa::path(tag = "assets", responses((status = 200, body = VersionView)))]
#[get("/projects/{project}/assets/{asset}/versions/{version}")]
pub async fn read_version(asked: Asked) -> Result<Json<VersionView>, Problem> {
    let asset = asset_of(&asked).await?;
    Ok(Json(version_of(&asked, &asset, asked.version()?).await?.into()))
}

/// Sends a version's bytes: whole, or the ranges that are asked for.
#[utoipa::path(tag = "assets", params(ContentQuery),
    responses((status = 200, body = Binary, content_type = "application/octet-stream"), (status = 206), (status = 304)))]
#[route("/projects/{project}/assets/{asset}/versions/{version}/content", method = "GET", method = "HEAD")]
pub async fn read_content(asked: Asked) -> Result<HttpResponse, Problem> {
    let asset = asset_of(&asked).await?;
    let version = version_of(&asked, &asset, asked.version()?).await?;
    let query: ContentQuery = asked.query()?;
    send_version(&asked, &asset.path, &version, flag("download", query.download)?, IMMUTABLE).await
}

/// A version of an asset.
///
/// # Errors
/// Not found.
pub async fn version_of(asked: &Asked, asset: &AssetRow, number: i64) -> Result<VersionRow, Problem> {
    let version = asked.catalog().version(asset.id, number).await?;
    version.ok_or_else(|| {
        let (path, latest) = (&asset.path, asset.latest.number);
        Problem::not_found(format!("{path} has no version {number}; it has 1 to {latest}"))
    })
}

/// Answers with a version's bytes.
///
/// # Errors
/// As `send`.
pub async fn send_version(
    asked: &Asked,
    path: &str,
    version: &VersionRow,
    download: bool,
    cache_control: HeaderValue,
) -> Result<HttpResponse, Problem> {
    let sent = Sent {
        content: version.content,
        size_bytes: version.size_bytes,
        media_type: &version.media_type,
        file_name: path.rsplit('/').next().unwrap_or(path),
        modified_at: Some(version.at),
        cache_control,
        download,
        release: None,
    };
    send(asked.engine(), &asked.request, sent, asked.config().delivery.ranges_max).await
}

/// A parameter that is true by being there, or says true or false.
///
/// # Errors
/// Invalid for another text.
pub fn flag(name: &'static str, text: Option<String>) -> Result<bool, Problem> {
    match text.as_deref() {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => Err(Problem::invalid(name, format!("{other:?} is neither true nor false"))),
    }
}
