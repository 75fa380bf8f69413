//! Contents: which of them a project has, so that nobody sends bytes twice.

use actix_web::{post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::access::Permission;
use shelfmark_domain::hash::ContentId;

use crate::http::extract::{Asked, at_most};
use crate::web::Problem;

/// Contents to look up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupBody {
    /// BLAKE3 names.
    #[schema(value_type = Vec<String>)]
    contents: Vec<ContentId>,
}

/// Those that are there.
#[derive(Debug, Serialize, ToSchema)]
pub struct LookupView {
    #[schema(value_type = Vec<String>)]
    known: Vec<ContentId>,
}

/// Says which contents some version of the project has. Those of other projects are not known here.
#[utoipa::path(tag = "files", request_body = LookupBody, responses((status = 200, body = LookupView)))]
#[post("/projects/{project}/contents/lookup")]
pub async fn look_up_contents(mut asked: Asked) -> Result<Json<LookupView>, Problem> {
    let (caller, body) = asked.changing::<LookupBody>().await?;
    let project = caller.project(asked.catalog(), &asked.project()?, Permission::Read).await?;
    let contents = at_most("contents", body.contents, asked.config().limits.lines)?;
    let known = asked.catalog().known_contents(project.number, &contents).await?;
    Ok(Json(LookupView { known: known.into_iter().map(|known| known.content).collect() }))
}
