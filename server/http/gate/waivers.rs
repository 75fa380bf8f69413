//! Waivers: checks that are excused for a time.

use actix_web::{HttpResponse, delete, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::gate::{CheckName, Waiver};
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::WaiverRow;
use shelfmark_engine::operations::{self, WaiverDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::web::Problem;

/// A waiver to be granted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverBody {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// The name of the check, as the gate lists it.
    #[schema(value_type = String, example = "soak")]
    check: CheckName,
    /// Only for this release; for every one when absent.
    #[schema(value_type = Option<String>, example = "R-12")]
    release: Option<ReleaseNumber>,
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

/// A waiver.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaiverView {
    number: i64,
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    #[schema(value_type = String, example = "soak")]
    check: CheckName,
    #[schema(value_type = Option<String>, example = "R-12")]
    release: Option<ReleaseNumber>,
    reason: String,
    by: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<WaiverRow> for WaiverView {
    fn from(row: WaiverRow) -> Self {
        let WaiverRow { number, environment, waiver, at, revoked_at } = row;
        let Waiver { check, release, by_name: by, reason, ends_at } = waiver;
        Self { number, environment, check, release, reason, by, at, ends_at, revoked_at }
    }
}

/// Lists the waivers, newest first, with those that have ended.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<WaiverView>)))]
#[get("/projects/{project}/waivers")]
pub async fn list_waivers(asked: Asked) -> Result<Json<PageView<WaiverView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().waivers(project.number, page.number()?, page.limit).await?.into()))
}

/// Excuses a check in an environment until an instant.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = WaiverBody, responses((status = 201, body = WaiverView)))]
#[post("/projects/{project}/waivers")]
pub async fn create_waiver(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<WaiverBody>().await?;
    let WaiverBody { environment, check, release, reason, ends_at } = body;
    let draft = WaiverDraft { environment, check, release, reason, ends_at };
    let row = operations::grant_waiver(asked.engine(), &caller, &asked.project()?, draft).await?;
    Ok(HttpResponse::Created().json(WaiverView::from(row)))
}

/// Ends a waiver before its time.
#[utoipa::path(tag = "gate", responses((status = 200, body = WaiverView)))]
#[delete("/projects/{project}/waivers/{waiver}")]
pub async fn revoke_waiver(asked: Asked) -> Result<Json<WaiverView>, Problem> {
    let (caller, number) = (asked.caller().await?, asked.segment("waiver")?);
    Ok(Json(operations::revoke_waiver(asked.engine(), &caller, &asked.project()?, number).await?.into()))
}
