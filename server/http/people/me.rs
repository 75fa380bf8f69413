//! Who am I.

use actix_web::{get, web::Json};
use serde::Serialize;
use utoipa::ToSchema;

use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::name::{EnvironmentName, ProjectName, UserName};

use crate::http::extract::Asked;
use crate::web::Problem;

/// Whoever a token speaks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    id: String,
    name: String,
    /// The person; null for a machine.
    #[schema(value_type = Option<String>, example = "anna")]
    user: Option<UserName>,
    grants: Vec<GrantView>,
}

/// A role, and where it holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    #[schema(value_type = String, example = "editor")]
    role: Role,
    /// Null: every project.
    #[schema(value_type = Option<String>)]
    project: Option<ProjectName>,
    /// Null: every environment.
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
}

impl From<Grant> for GrantView {
    fn from(Grant { role, project, environment }: Grant) -> Self {
        Self { role, project, environment }
    }
}

/// Says who the token belongs to and what it may do.
#[utoipa::path(tag = "tokens", responses((status = 200, body = MeView)))]
#[get("/me")]
pub async fn read_me(asked: Asked) -> Result<Json<MeView>, Problem> {
    let principal = asked.caller().await?.principal;
    let grants = principal.grants.into_iter().map(GrantView::from).collect();
    Ok(Json(MeView { id: principal.id, name: principal.name, user: principal.user, grants }))
}
