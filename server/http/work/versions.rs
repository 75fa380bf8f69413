//! The versions that answer work items.

use actix_web::{HttpResponse, delete, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::WorkStatus;
use shelfmark_engine::catalog::{AnsweredItem, AttachedVersion, Cursor};
use shelfmark_engine::operations::work::{self, AttachedVersions, VersionRef};

use super::super::assets::asset_of;
use super::super::docs::Repeatable;
use super::super::extract::{Asked, PageQuery, PageView, at_most, counted, tag};
use super::item_of;
use crate::web::Problem;

/// A version of an asset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionBody {
    /// The asset's path; or its id.
    #[schema(value_type = Option<String>)]
    path: Option<AssetPath>,
    #[schema(value_type = Option<String>, format = "uuid")]
    asset: Option<Uuid>,
    /// The latest when absent.
    #[schema(minimum = 1)]
    version: Option<i64>,
}

impl VersionBody {
    /// The version that is meant.
    ///
    /// # Errors
    /// Invalid when the asset is named twice or not at all.
    pub fn into_ref(self) -> Result<VersionRef, Problem> {
        let version = self.version.map(|number| counted("version", number)).transpose()?;
        match (self.path, self.asset) {
            (Some(path), None) => Ok(VersionRef::At { path, version }),
            (None, Some(id)) => Ok(VersionRef::Of { asset: AssetId(id.into_bytes()), version }),
            _ => Err(Problem::invalid("path", "name the asset by its path or by its id, not both")),
        }
    }
}

/// Versions to attach or detach.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionsBody {
    versions: Vec<VersionBody>,
}

impl VersionsBody {
    fn into_refs(self, asked: &Asked) -> Result<Vec<VersionRef>, Problem> {
        let versions = at_most("versions", self.versions, asked.config().limits.lines)?;
        versions.into_iter().map(VersionBody::into_ref).collect()
    }
}

/// What came of attaching or detaching.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttachedVersionsView {
    /// Versions attached or detached; what was so already doesn't count.
    changed: u64,
    /// Versions that the item has now.
    versions: i64,
    /// The item's status now: another set of versions takes an authorised item back to resolved.
    #[schema(value_type = String, example = "resolved")]
    status: WorkStatus,
    /// The item's revision now.
    revision: i64,
}

fn changed(attached: AttachedVersions) -> HttpResponse {
    let AttachedVersions { changed, total: versions, status, revision } = attached;
    HttpResponse::Ok().insert_header(tag(revision)).json(AttachedVersionsView { changed, versions, status, revision })
}

/// A version that answers a work item.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttachedVersionView {
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    version: i64,
    /// Where the asset is now, or was last.
    path: String,
    added_by: String,
    #[schema(value_type = String, format = DateTime)]
    added_at: Timestamp,
}

impl From<AttachedVersion> for AttachedVersionView {
    fn from(row: AttachedVersion) -> Self {
        let AttachedVersion { asset, version, path, added_by, added_at } = row;
        Self { asset: Uuid::from_bytes(asset.0), version, path, added_by, added_at }
    }
}

/// A work item that a version answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnsweredItemView {
    #[schema(value_type = String, example = "W-7")]
    number: WorkItemNumber,
    title: String,
    #[schema(value_type = String, example = "resolved")]
    status: WorkStatus,
    added_by: String,
    #[schema(value_type = String, format = DateTime)]
    added_at: Timestamp,
}

impl From<AnsweredItem> for AnsweredItemView {
    fn from(AnsweredItem { number, title, status, added_by, added_at }: AnsweredItem) -> Self {
        Self { number, title, status, added_by, added_at }
    }
}

/// Lists the versions that answer a work item.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<AttachedVersionView>)))]
#[get("/projects/{project}/work-items/{item}/versions")]
pub async fn list_attached(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?;
    let page = asked.page()?;
    let after = page.cursor.as_ref().map(Cursor::version).transpose();
    let after = after.map_err(|why| Problem::invalid("cursor", why))?;
    let found = asked.catalog().attached_versions(project.number, item.number, after, page.limit).await?;
    Ok(HttpResponse::Ok().insert_header(tag(item.revision)).json(PageView::<AttachedVersionView>::from(found)))
}

/// Attaches versions that answer a work item, all or none. What was authorised before is void then.
#[utoipa::path(tag = "work", request_body = VersionsBody, responses((status = 200, body = AttachedVersionsView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the item is at this revision, in quotes")))]
#[post("/projects/{project}/work-items/{item}/versions")]
pub async fn attach(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<VersionsBody>().await?;
    let versions = body.into_refs(&asked)?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    Ok(changed(work::attach(asked.engine(), &caller, &project, item, &versions, expected).await?))
}

/// Takes versions from a work item. What was authorised before is void then.
#[utoipa::path(tag = "work", request_body = VersionsBody, responses((status = 200, body = AttachedVersionsView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the item is at this revision, in quotes")))]
#[delete("/projects/{project}/work-items/{item}/versions")]
pub async fn detach(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<VersionsBody>().await?;
    let versions = body.into_refs(&asked)?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    Ok(changed(work::detach(asked.engine(), &caller, &project, item, &versions, expected).await?))
}

/// Lists the work items that a version answers, oldest first.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<AnsweredItemView>)))]
#[get("/projects/{project}/assets/{asset}/versions/{version}/work-items")]
pub async fn list_items_of_version(asked: Asked) -> Result<Json<PageView<AnsweredItemView>>, Problem> {
    let asset = asset_of(&asked).await?;
    let project = asked.readable_project().await?;
    let (version, page) = (asked.version()?, asked.page()?);
    crate::http::assets::versions::version_of(&asked, &asset, version).await?;
    let after = page.number()?.unwrap_or(0);
    let found = asked.catalog().items_of_version(project.number, asset.id, version, after, page.limit).await?;
    Ok(Json(found.into()))
}
