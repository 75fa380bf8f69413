//! Tokens: credentials with a role. A secret is shown once, when its token is made.

use actix_web::{HttpResponse, delete, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::access::{Grant, Permission, Principal, Role, Scope};
use shelfmark_domain::name::{EnvironmentName, ProjectName, UserName};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::TokenRow;
use shelfmark_engine::operations::{self, TokenDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::web::Problem;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    name: String,
    /// The person it speaks for: it can do what they may, within its own role. Absent: a machine's own.
    #[schema(value_type = Option<String>, example = "anna")]
    user: Option<UserName>,
    /// viewer, editor, release_manager or administrator.
    #[schema(value_type = String, example = "editor")]
    role: Role,
    /// Absent: every project.
    #[schema(value_type = Option<String>)]
    project: Option<ProjectName>,
    /// Absent: every environment.
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    id: String,
    name: String,
    #[schema(value_type = Option<String>, example = "anna")]
    user: Option<UserName>,
    #[schema(value_type = String, example = "editor")]
    role: Role,
    #[schema(value_type = Option<String>)]
    project: Option<ProjectName>,
    #[schema(value_type = Option<String>)]
    environment: Option<EnvironmentName>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// The secret. It stands in the answer that makes the token and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> Self {
        let Grant { role, project, environment } = row.grant;
        let TokenRow { id, name, user, created_at, expires_at, revoked_at, .. } = row;
        Self { id, name, user, role, project, environment, expires_at, created_at, revoked_at, token: None }
    }
}

/// Lists the tokens of the projects that you administer, oldest first.
#[utoipa::path(tag = "tokens", params(PageQuery), responses((status = 200, body = PageView<TokenView>)))]
#[get("/tokens")]
pub async fn list_tokens(asked: Asked) -> Result<Json<PageView<TokenView>>, Problem> {
    let principal = asked.caller().await?.principal;
    if principal.grants.iter().all(|grant| grant.role < Role::Administrator) {
        principal.require(Permission::Administer, Scope::Service)?;
    }
    let page = asked.page()?;
    let mut tokens = asked.catalog().tokens(Some(page.key()).filter(|key| !key.is_empty()), page.limit).await?;
    tokens.items.retain(|token| administers(&principal, &token.grant));
    Ok(Json(tokens.into()))
}

fn administers(principal: &Principal, grant: &Grant) -> bool {
    let scope = grant.project.as_ref().map_or(Scope::Service, Scope::Project);
    principal.require(Permission::Administer, scope).is_ok()
}

/// Makes a token. Its secret is shown in this answer and never again, not even to the same request with the same key:
/// that is told which token was made.
#[utoipa::path(tag = "tokens", params(Repeatable), request_body = TokenBody, responses((status = 201, body = TokenView)))]
#[post("/tokens")]
pub async fn create_token(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<TokenBody>().await?;
    let TokenBody { name, user, role, project, environment, expires_at } = body;
    let draft = TokenDraft { name, user, grant: Grant { role, project, environment }, expires_at };
    let (row, secret) = operations::create_token(asked.engine(), &caller, draft).await?;
    Ok(HttpResponse::Created().json(TokenView { token: Some(secret), ..row.into() }))
}

/// Ends a token at once.
#[utoipa::path(tag = "tokens", responses((status = 200, body = TokenView)))]
#[delete("/tokens/{token}")]
pub async fn revoke_token(asked: Asked) -> Result<Json<TokenView>, Problem> {
    let caller = asked.caller().await?;
    let id: String = asked.segment("token")?;
    let row = operations::revoke_token(asked.engine(), &caller, &id).await?;
    asked.services().auth.forget();
    Ok(Json(row.into()))
}
