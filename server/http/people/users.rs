//! People and their roles.

use actix_web::{HttpResponse, delete, get, patch, post, put, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::access::{Permission, Role, Scope};
use shelfmark_domain::name::UserName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{MemberRow, UserRow};
use shelfmark_engine::operations::{self, UserPatch};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, given, tag};
use crate::web::Problem;

/// A person to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    /// 1 to 63 of a-z, 0-9 and -, starting with a letter or digit; mentioned as `@anna`.
    #[schema(value_type = String, example = "anna")]
    name: UserName,
    /// What people call them; the name when absent.
    #[serde(default)]
    title: String,
    #[schema(example = "anna@example.org")]
    email: Option<String>,
}

/// What to change of a person. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    title: Option<String>,
    /// Null takes the address away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// Whether they may not act any more.
    disabled: Option<bool>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    #[schema(value_type = String, example = "anna")]
    name: UserName,
    title: String,
    email: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Null while they may act.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// What `If-Match` can insist on; goes up with every change.
    revision: i64,
}

impl From<UserRow> for UserView {
    fn from(row: UserRow) -> Self {
        let UserRow { name, title, email, created_at, disabled_at, revision } = row;
        Self { name, title, email, created_at, disabled_at, revision }
    }
}

/// The role to give someone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberBody {
    /// viewer, editor, release_manager or administrator.
    #[schema(value_type = String, example = "editor")]
    role: Role,
}

/// A person's role in a project.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    #[schema(value_type = String, example = "anna")]
    user: UserName,
    title: String,
    #[schema(value_type = String, example = "editor")]
    role: Role,
    /// Whether the role is one for every project.
    everywhere: bool,
}

impl From<MemberRow> for MemberView {
    fn from(MemberRow { user, title, project, role }: MemberRow) -> Self {
        Self { user, title, role, everywhere: project.is_none() }
    }
}

/// Lists people by name. For administrators of the whole service.
#[utoipa::path(tag = "people", params(PageQuery), responses((status = 200, body = PageView<UserView>)))]
#[get("/users")]
pub async fn list_users(asked: Asked) -> Result<Json<PageView<UserView>>, Problem> {
    asked.caller().await?.principal.require(Permission::Administer, Scope::Service)?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().users(page.key(), page.limit).await?.into()))
}

/// Adds a person. They can do nothing until they are given a role.
#[utoipa::path(tag = "people", params(Repeatable), request_body = UserBody, responses((status = 201, body = UserView)))]
#[post("/users")]
pub async fn create_user(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, UserBody { name, title, email }) = asked.changing::<UserBody>().await?;
    let row = operations::create_user(asked.engine(), &caller, &name, &title, email.as_deref()).await?;
    let view = UserView::from(row);
    Ok(HttpResponse::Created().insert_header(tag(view.revision)).json(view))
}

/// Shows a person: administrators anyone, people themselves.
#[utoipa::path(tag = "people", responses((status = 200, body = UserView)))]
#[get("/users/{user}")]
pub async fn read_user(asked: Asked) -> Result<HttpResponse, Problem> {
    let (principal, name) = (asked.caller().await?.principal, asked.segment::<UserName>("user")?);
    if principal.user.as_ref() != Some(&name) {
        principal.require(Permission::Administer, Scope::Service)?;
    }
    let row = asked.catalog().user(&name).await?;
    let row = row.ok_or_else(|| Problem::not_found(format!("there is no person {name}; list them with GET users")))?;
    let view = UserView::from(row);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Changes a person.
#[utoipa::path(tag = "people", request_body = UserChange, responses((status = 200, body = UserView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the person is at this revision, in quotes")))]
#[patch("/users/{user}")]
pub async fn change_user(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, UserChange { title, email, disabled }) = asked.changing::<UserChange>().await?;
    let (name, expected) = (asked.segment("user")?, asked.expected_revision()?);
    let patch = UserPatch { title, email, is_disabled: disabled, expected };
    let view = UserView::from(operations::change_user(asked.engine(), &caller, &name, patch).await?);
    asked.services().auth.forget();
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

/// Gives a person a role in every project.
#[utoipa::path(tag = "people", params(Repeatable), request_body = MemberBody, responses((status = 204)))]
#[put("/users/{user}/role")]
pub async fn set_role_everywhere(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, MemberBody { role }) = asked.changing::<MemberBody>().await?;
    operations::set_member(asked.engine(), &caller, None, &asked.segment("user")?, Some(role)).await?;
    asked.services().auth.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a person's role in every project away; roles in single projects stay.
#[utoipa::path(tag = "people", params(Repeatable), responses((status = 204)))]
#[delete("/users/{user}/role")]
pub async fn remove_role_everywhere(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    operations::set_member(asked.engine(), &caller, None, &asked.segment("user")?, None).await?;
    asked.services().auth.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// Lists who may do something in a project, by name.
#[utoipa::path(tag = "people", params(PageQuery), responses((status = 200, body = PageView<MemberView>)))]
#[get("/projects/{project}/members")]
pub async fn list_members(asked: Asked) -> Result<Json<PageView<MemberView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().members(&project.name, page.key(), page.limit).await?.into()))
}

/// Gives a person a role in the project.
#[utoipa::path(tag = "people", params(Repeatable), request_body = MemberBody, responses((status = 204)))]
#[put("/projects/{project}/members/{user}")]
pub async fn set_member(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, MemberBody { role }) = asked.changing::<MemberBody>().await?;
    let project = asked.project()?;
    operations::set_member(asked.engine(), &caller, Some(&project), &asked.segment("user")?, Some(role)).await?;
    asked.services().auth.forget();
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a person's role in the project away.
#[utoipa::path(tag = "people", params(Repeatable), responses((status = 204)))]
#[delete("/projects/{project}/members/{user}")]
pub async fn remove_member(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let project = asked.project()?;
    operations::set_member(asked.engine(), &caller, Some(&project), &asked.segment("user")?, None).await?;
    asked.services().auth.forget();
    Ok(HttpResponse::NoContent().finish())
}
