//! Policies of projects and environments.

use actix_web::{HttpResponse, get, put, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::gate::Policy;
use shelfmark_domain::name::EnvironmentName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::PolicyRow;
use shelfmark_engine::operations;

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::http::releases::environments::environment_of;
use crate::web::Problem;

/// A policy to be set, in place of the one before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// What has to hold. Every field may be absent; the empty policy lets everything pass: `order`, `soak_minutes`,
    /// `frozen`, `agreed_date`, `approvals`, `work_items_authorised`, `work_items_for_changes`, `evidence`, `dependencies`,
    /// `metadata`, `rights_days`, `contents`, `outside`, `windows`, `automatic`, `verification`.
    #[schema(value_type = Object)]
    policy: Policy,
    #[serde(default)]
    message: String,
}

/// A revision of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// 1, 2, 3 and so on; 0 when none was ever set.
    revision: i64,
    #[schema(value_type = Object)]
    policy: Policy,
    /// Who set it.
    by: Option<String>,
    message: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

impl From<PolicyRow> for PolicyView {
    fn from(PolicyRow { revision, policy, by_name, message, at }: PolicyRow) -> Self {
        Self { revision, policy, by: Some(by_name), message, at: Some(at) }
    }
}

impl PolicyView {
    fn of(row: Option<PolicyRow>) -> Self {
        let nothing = || Self { revision: 0, policy: Policy::default(), by: None, message: String::new(), at: None };
        row.map_or_else(nothing, Self::from)
    }
}

async fn read(asked: &Asked, environment: Option<EnvironmentName>) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    if let Some(name) = &environment {
        environment_of(asked, &project, name).await?;
    }
    let row = asked.catalog().snapshot().await?.reading().policy(project.number, environment.as_ref()).await?;
    let view = PolicyView::of(row);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

async fn set(asked: &mut Asked, environment: Option<EnvironmentName>) -> Result<HttpResponse, Problem> {
    let (caller, PolicyBody { policy, message }) = asked.changing::<PolicyBody>().await?;
    let (project, expected) = (asked.project()?, asked.expected_revision()?);
    let what = (policy, message.as_str());
    let set = operations::set_policy(asked.engine(), &caller, &project, environment.as_ref(), what, expected);
    let view = PolicyView::from(set.await?);
    Ok(HttpResponse::Ok().insert_header(tag(view.revision)).json(view))
}

async fn revisions(asked: &Asked, environment: Option<EnvironmentName>) -> Result<Json<PageView<PolicyView>>, Problem> {
    let project = asked.readable_project().await?;
    let page = asked.page()?;
    let rows = asked.catalog().policy_revisions(project.number, environment.as_ref(), page.number()?, page.limit);
    Ok(Json(rows.await?.into()))
}

/// Shows the policy of the whole project. An environment's own policy comes on top; the stricter of both holds.
#[utoipa::path(tag = "gate", responses((status = 200, body = PolicyView)))]
#[get("/projects/{project}/policy")]
pub async fn read_project_policy(asked: Asked) -> Result<HttpResponse, Problem> {
    read(&asked, None).await
}

/// Sets the policy of the whole project.
#[utoipa::path(tag = "gate", request_body = PolicyBody, responses((status = 200, body = PolicyView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the policy is at this revision, in quotes")))]
#[put("/projects/{project}/policy")]
pub async fn set_project_policy(mut asked: Asked) -> Result<HttpResponse, Problem> {
    set(&mut asked, None).await
}

/// Lists the revisions of the project's policy, newest first.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<PolicyView>)))]
#[get("/projects/{project}/policy/revisions")]
pub async fn list_project_policy_revisions(asked: Asked) -> Result<Json<PageView<PolicyView>>, Problem> {
    revisions(&asked, None).await
}

/// Shows an environment's own policy.
#[utoipa::path(tag = "gate", responses((status = 200, body = PolicyView)))]
#[get("/projects/{project}/environments/{environment}/policy")]
pub async fn read_policy(asked: Asked) -> Result<HttpResponse, Problem> {
    let environment = asked.environment()?;
    read(&asked, Some(environment)).await
}

/// Sets an environment's own policy.
#[utoipa::path(tag = "gate", request_body = PolicyBody, responses((status = 200, body = PolicyView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the policy is at this revision, in quotes")))]
#[put("/projects/{project}/environments/{environment}/policy")]
pub async fn set_policy(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let environment = asked.environment()?;
    set(&mut asked, Some(environment)).await
}

/// Lists the revisions of an environment's policy, newest first.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<PolicyView>)))]
#[get("/projects/{project}/environments/{environment}/policy/revisions")]
pub async fn list_policy_revisions(asked: Asked) -> Result<Json<PageView<PolicyView>>, Problem> {
    let environment = asked.environment()?;
    revisions(&asked, Some(environment)).await
}
