//! Assets: identities that outlive contents and paths.

pub(super) mod asset_list;
pub(super) mod batch;
pub(super) mod contents;
pub(super) mod files;
pub(super) mod metadata;
pub(super) mod versions;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, get, patch, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::path::{AssetPath, FolderPath};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{AssetRow, Catalog};
use shelfmark_engine::operations::{self, Done, Move, Outcome, Receipt};

use super::docs::Repeatable;
use super::extract::{Asked, counted, plain, tag};
use crate::http::assets::metadata::MetadataFields;
use crate::web::Problem;

/// An asset with its latest version.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetView {
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
    path: String,
    /// The latest version's number.
    version: i64,
    /// BLAKE3 of the bytes.
    #[schema(value_type = String)]
    content: ContentId,
    size_bytes: u64,
    media_type: String,
    /// In pixels, for pictures.
    width: Option<u32>,
    height: Option<u32>,
    metadata: MetadataFields,
    #[schema(value_type = String, format = DateTime)]
    modified_at: Timestamp,
    /// Who made the latest version.
    author: String,
    /// What the author said about it.
    message: String,
    /// Null while it is there.
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Option<Timestamp>,
}

impl From<AssetRow> for AssetView {
    fn from(row: AssetRow) -> Self {
        let AssetRow { id, path, deleted_at, latest } = row;
        let (width, height) = latest.dimensions.unzip();
        Self {
            id: Uuid::from_bytes(id.0),
            path,
            version: latest.number,
            content: latest.content,
            size_bytes: latest.size_bytes,
            media_type: latest.media_type,
            width,
            height,
            metadata: latest.metadata.into(),
            modified_at: latest.at,
            author: latest.author,
            message: latest.message,
            deleted_at,
        }
    }
}

/// What came of a change of one asset, and the asset as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Written {
    /// created, changed, unchanged or removed.
    #[schema(example = "created")]
    pub outcome: &'static str,
    pub asset: AssetView,
}

impl Written {
    /// The latest version's number as an entity tag.
    pub fn tag(&self) -> (HeaderName, HeaderValue) {
        tag(self.asset.version)
    }
}

/// Shows what has been done. Who made the version and why is known here when it has just been made; otherwise the
/// version says so.
///
/// # Errors
/// When the database doesn't answer; what was done stays done.
pub async fn shown(
    catalog: &Catalog,
    receipt: Receipt,
    done: Done,
    author: String,
    message: String,
) -> Result<Written, Problem> {
    let (outcome, is_new) = match done.outcome {
        Outcome::Created => ("created", true),
        Outcome::Changed => ("changed", true),
        Outcome::Unchanged => ("unchanged", false),
        Outcome::Removed | Outcome::Absent => ("removed", false),
    };
    let state = done.asset.ok_or_else(|| Problem::not_found("there is no such asset; check the path"))?;
    let mut said = (author, message, receipt.at);
    if !is_new && let Some(version) = catalog.version(state.id, state.version).await? {
        said = (version.author, version.message, version.at);
    }
    let (author, message, modified_at) = said;
    let (width, height) = state.dimensions.unzip();
    let asset = AssetView {
        id: Uuid::from_bytes(state.id.0),
        path: state.path,
        version: state.version,
        content: state.content,
        size_bytes: state.size_bytes,
        media_type: state.media_type,
        width,
        height,
        metadata: state.metadata.into(),
        modified_at,
        author,
        message,
        deleted_at: state.deleted_at,
    };
    Ok(Written { outcome, asset })
}

/// The asset in the address, deleted or not.
///
/// # Errors
/// Unauthenticated, not found, forbidden.
pub async fn asset_of(asked: &Asked) -> Result<AssetRow, Problem> {
    let project = asked.readable_project().await?;
    let id = asked.asset()?;
    let asset = asked.catalog().asset(project.number, id).await?;
    asset.ok_or_else(|| no_asset(Uuid::from_bytes(id.0)))
}

fn no_asset(id: Uuid) -> Problem {
    Problem::not_found(format!("asset {id} is not in this project; check its id"))
}

/// Which path.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PathQuery {
    path: String,
}

/// Shows the asset that is at a path now.
#[utoipa::path(tag = "assets", params(PathQuery), responses((status = 200, body = AssetView)))]
#[get("/projects/{project}/assets/by-path")]
pub async fn read_asset_by_path(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let PathQuery { path } = asked.query()?;
    let path: AssetPath = path.parse().map_err(|why| Problem::invalid("path", why))?;
    let asset = asked.catalog().asset_by_path(project.number, path.as_str()).await?;
    let asset = asset.ok_or_else(|| Problem::not_found(format!("there is no asset at {path}; check the path")))?;
    Ok(HttpResponse::Ok().insert_header(tag(asset.latest.number)).json(AssetView::from(asset)))
}

/// Shows an asset, deleted or not.
#[utoipa::path(tag = "assets", responses((status = 200, body = AssetView)))]
#[get("/projects/{project}/assets/{asset}")]
pub async fn read_asset(asked: Asked) -> Result<HttpResponse, Problem> {
    let asset = asset_of(&asked).await?;
    Ok(HttpResponse::Ok().insert_header(tag(asset.latest.number)).json(AssetView::from(asset)))
}

/// Other metadata for an asset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetPatch {
    /// Replaces all of the former metadata.
    metadata: MetadataFields,
    /// Why.
    #[serde(default)]
    message: String,
}

/// Gives an asset other metadata: a new version with the same bytes.
#[utoipa::path(tag = "assets", request_body = AssetPatch, responses((status = 200, body = AssetView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the latest version has this number, in quotes")))]
#[patch("/projects/{project}/assets/{asset}")]
pub async fn edit_asset(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<AssetPatch>().await?;
    let (project, asset, expect) = (asked.project()?, asked.asset()?, asked.expect()?);
    let (author, message) = (caller.principal.name.clone(), plain("message", body.message)?);
    let metadata = body.metadata.into();
    let edited = operations::edit_metadata(asked.engine(), caller, &project, asset, metadata, expect, message.clone());
    let (receipt, done) = edited.await?;
    let written = shown(asked.catalog(), receipt, done, author, message).await?;
    Ok(HttpResponse::Ok().insert_header(written.tag()).json(written.asset))
}

/// The version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertBody {
    #[schema(minimum = 1)]
    version: i64,
    /// Why.
    #[serde(default)]
    message: String,
}

/// Makes an earlier version's bytes and metadata the next version.
#[utoipa::path(tag = "assets", request_body = RevertBody, responses((status = 200, body = Written)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the latest version has this number, in quotes")))]
#[post("/projects/{project}/assets/{asset}/revert")]
pub async fn revert_asset(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<RevertBody>().await?;
    let (project, asset, expect) = (asked.project()?, asked.asset()?, asked.expect()?);
    let (author, message) = (caller.principal.name.clone(), plain("message", body.message)?);
    let version = counted("version", body.version)?;
    let reverted = operations::revert(asked.engine(), caller, &project, asset, version, expect, message.clone());
    let (receipt, done) = reverted.await?;
    let written = shown(asked.catalog(), receipt, done, author, message).await?;
    Ok(HttpResponse::Ok().insert_header(written.tag()).json(written))
}

/// What to move: one asset, or everything in a folder when `from` ends with a slash.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    #[schema(example = "img/")]
    from: String,
    #[schema(example = "pictures/")]
    to: String,
    /// Why.
    #[serde(default)]
    message: String,
}

/// How much has moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct MovedView {
    /// Assets.
    moved: u64,
}

/// Moves an asset or a whole folder, all or nothing. Histories stay, and no bytes are copied.
#[utoipa::path(tag = "assets", params(Repeatable), request_body = MoveBody, responses((status = 200, body = MovedView)))]
#[post("/projects/{project}/assets/move")]
pub async fn move_assets(mut asked: Asked) -> Result<Json<MovedView>, Problem> {
    let (caller, MoveBody { from, to, message }) = asked.changing::<MoveBody>().await?;
    let what = if from.is_empty() || from.ends_with('/') {
        Move::Folder { from: folder("from", &from)?, to: folder("to", &to)? }
    } else {
        let asset = |field, text: &str| text.parse::<AssetPath>().map_err(|why| Problem::invalid(field, why));
        Move::Asset { from: asset("from", &from)?, to: asset("to", &to)? }
    };
    let message = plain("message", message)?;
    let moved = operations::move_assets(asked.engine(), caller, &asked.project()?, what, message).await?;
    Ok(Json(MovedView { moved }))
}

fn folder(field: &'static str, text: &str) -> Result<FolderPath, Problem> {
    text.parse().map_err(|why| Problem::invalid(field, why))
}

/// Where to bring a deleted asset back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndeleteBody {
    /// Absent: to where it was.
    #[schema(value_type = Option<String>)]
    to: Option<AssetPath>,
}

/// Brings a deleted asset back with its versions.
#[utoipa::path(tag = "assets", params(Repeatable), request_body = UndeleteBody, responses((status = 200, body = AssetView)))]
#[post("/projects/{project}/assets/{asset}/undelete")]
pub async fn undelete_asset(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<UndeleteBody>().await?;
    operations::undelete(asked.engine(), caller, &asked.project()?, asked.asset()?, body.to).await?;
    let asset = asset_of(&asked).await?;
    Ok(HttpResponse::Ok().insert_header(tag(asset.latest.number)).json(AssetView::from(asset)))
}
