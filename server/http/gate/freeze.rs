//! Freezing and unfreezing releases.

use actix_web::{HttpResponse, post};
use serde::Deserialize;
use utoipa::ToSchema;

use shelfmark_domain::name::BuildName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::{self, FreezeDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, tag};
use crate::http::releases::{ReleaseView, view};
use crate::web::Problem;

/// On what to freeze.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeBody {
    /// The release's newest build when absent.
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    #[serde(default)]
    reason: String,
    /// When the freeze is expected to end.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    pub reason: String,
}

/// Freezes a release on a build that staging serves: the release takes no more changes, and staging no other build.
#[utoipa::path(tag = "gate", request_body = FreezeBody, responses((status = 200, body = ReleaseView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/freeze")]
pub async fn freeze(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, FreezeBody { build, reason, until }) = asked.changing::<FreezeBody>().await?;
    let draft = FreezeDraft { build, reason, until, expected: asked.expected_revision()? };
    let row = operations::freeze(asked.engine(), &caller, &asked.project()?, asked.release()?, draft).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Lets a frozen release take changes again, and staging other builds.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = ReasonBody, responses((status = 200, body = ReleaseView)))]
#[post("/projects/{project}/releases/{release}/unfreeze")]
pub async fn unfreeze(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, ReasonBody { reason }) = asked.changing::<ReasonBody>().await?;
    let row = operations::unfreeze(asked.engine(), &caller, &asked.project()?, asked.release()?, &reason).await?;
    let view = view(asked.catalog(), &asked.readable_project().await?, row).await?;
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}
