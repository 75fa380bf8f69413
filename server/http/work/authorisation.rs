//! The requester's yes for production, bound to exactly the versions that were attached when it was said.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use shelfmark_domain::name::UserName;
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::Transition;
use shelfmark_engine::catalog::{AuthorisationRow, Cursor, ProjectRow, WorkItemRow};
use shelfmark_engine::operations::work;

use super::super::docs::Repeatable;
use super::super::extract::{Asked, PageQuery, PageView, tag};
use super::item_of;
use super::view::{WorkItemView, person};
use crate::web::Problem;

/// What the yes is given with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorisationBody {
    /// A remark; the reason where someone else than the requester says it.
    #[serde(default)]
    remark: String,
}

/// An authorisation for production.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorisationView {
    /// 1, 2, 3 and so on within the item.
    number: i64,
    /// The person; null for a machine.
    #[schema(value_type = Option<String>, example = "anna")]
    user: Option<UserName>,
    authorised_by: String,
    /// Whether someone else said it in the requester's place.
    in_place_of_requester: bool,
    remark: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When another set of versions, or going back to work, ended it. Null while it is valid.
    #[schema(value_type = Option<String>, format = DateTime)]
    voided_at: Option<Timestamp>,
    valid: bool,
    /// How many versions it covers.
    versions: u64,
}

impl From<AuthorisationRow> for AuthorisationView {
    fn from(row: AuthorisationRow) -> Self {
        let AuthorisationRow { number, authoriser, authorised_by, is_in_place, remark, at, voided_at, versions } = row;
        Self {
            number,
            user: person(&authoriser),
            authorised_by,
            in_place_of_requester: is_in_place,
            remark,
            at,
            voided_at,
            valid: voided_at.is_none(),
            versions,
        }
    }
}

/// A version that is covered.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoveredView {
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    version: i64,
}

async fn last(asked: &Asked, project: &ProjectRow, item: &WorkItemRow) -> Result<AuthorisationRow, Problem> {
    let row = asked.catalog().authorisation(project.number, item.number).await?;
    row.ok_or_else(|| Problem::not_found(format!("{} has never been authorised", item.number)))
}

/// Shows the last authorisation of a work item, valid or not.
#[utoipa::path(tag = "work", responses((status = 200, body = AuthorisationView)))]
#[get("/projects/{project}/work-items/{item}/authorisation")]
pub async fn read_authorisation(asked: Asked) -> Result<Json<AuthorisationView>, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?;
    Ok(Json(last(&asked, &project, &item).await?.into()))
}

/// Lists the versions that the last authorisation covers.
#[utoipa::path(tag = "work", params(PageQuery), responses((status = 200, body = PageView<CoveredView>)))]
#[get("/projects/{project}/work-items/{item}/authorisation/versions")]
pub async fn list_authorised_versions(asked: Asked) -> Result<Json<PageView<CoveredView>>, Problem> {
    let project = asked.readable_project().await?;
    let item = item_of(&asked, &project).await?;
    let number = last(&asked, &project, &item).await?.number;
    let page = asked.page()?;
    let after = page.cursor.as_ref().map(Cursor::version).transpose();
    let after = after.map_err(|why| Problem::invalid("cursor", why))?;
    let found = asked.catalog().authorised_versions(project.number, item.number, number, after, page.limit).await?;
    let view = |(asset, version): (shelfmark_domain::pin::AssetId, i64)| CoveredView {
        asset: Uuid::from_bytes(asset.0),
        version,
    };
    Ok(Json(found.map(view).into()))
}

/// Authorises a resolved work item for production: exactly the versions that are attached now.
///
/// The requester does; a release manager may in their place, with a reason. Attaching or detaching a version later
/// voids it.
#[utoipa::path(tag = "work", request_body = AuthorisationBody, responses((status = 200, body = WorkItemView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the item is at this revision, in quotes")))]
#[post("/projects/{project}/work-items/{item}/authorisation")]
pub async fn authorise(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, AuthorisationBody { remark }) = asked.changing::<AuthorisationBody>().await?;
    let (project, item, expected) = (asked.project()?, asked.item()?, asked.expected_revision()?);
    let step = Transition::Authorise;
    let row = work::take_step(asked.engine(), &caller, &project, item, step, &remark, expected).await?;
    let view = WorkItemView::from(row);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
