//! Verification of deployments.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::gate::VerificationRule;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{VerificationRow, VerificationState, VerifiedItem};
use shelfmark_engine::operations;

use crate::http::docs::Repeatable;
use crate::http::extract::Asked;
use crate::http::releases::environments::environment_of;
use crate::web::Problem;

/// Nothing more need be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAgainBody {}

/// One thing that is verified.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedItemView {
    /// `contents`, an address, or `outside:NAME`.
    #[schema(example = "contents")]
    name: String,
    /// pending, passed or failed.
    #[schema(example = "passed")]
    outcome: &'static str,
    reason: String,
    /// When it was last looked at.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// The verification of a deployment.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// Of the deployment.
    revision: i64,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    /// pending, passed, failed, rolling_back, rolled_back, or superseded when the environment moved on before.
    #[schema(value_type = String, example = "passed")]
    state: VerificationState,
    /// How it ended; empty before.
    why: String,
    items: Vec<VerifiedItemView>,
    /// 1, and one more each time that someone asks again.
    run: i64,
    #[schema(value_type = String, format = DateTime)]
    begun_at: Timestamp,
    /// What has not become right by then has failed.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// The revision of the rollback that it led to.
    rolled_back: Option<i64>,
    /// What the policy asked for.
    #[schema(value_type = Object)]
    rule: VerificationRule,
}

impl From<VerifiedItem> for VerifiedItemView {
    fn from(item: VerifiedItem) -> Self {
        let outcome = match item.passed {
            None => "pending",
            Some(true) => "passed",
            Some(false) => "failed",
        };
        Self { name: item.name, outcome, reason: item.reason, at: item.at }
    }
}

impl From<VerificationRow> for VerificationView {
    fn from(row: VerificationRow) -> Self {
        let VerificationRow { environment, revision, build, state, why, run, begun_at, ends_at, .. } = row;
        let (finished_at, rolled_back, rule) = (row.finished_at, row.rolled_back, row.rule);
        let items = row.items.into_iter().map(VerifiedItemView::from).collect();
        Self { environment, revision, build, state, why, items, run, begun_at, ends_at, finished_at, rolled_back, rule }
    }
}

/// Shows what verifying a deployment has come to.
#[utoipa::path(tag = "environments", responses((status = 200, body = VerificationView)))]
#[get("/projects/{project}/environments/{environment}/deployments/{revision}/verification")]
pub async fn read_verification(asked: Asked) -> Result<Json<VerificationView>, Problem> {
    let project = asked.readable_project().await?;
    let name = environment_of(&asked, &project, &asked.environment()?).await?.environment.name;
    let revision = asked.segment::<i64>("revision")?;
    let row = asked.catalog().verification(project.number, &name, revision).await?;
    let row = row.ok_or_else(|| {
        let what = format!("deployment {revision} of {name} has no verification");
        Problem::not_found(format!("{what}; no policy asked for one, or there is no such deployment"))
    })?;
    Ok(Json(row.into()))
}

/// Begins the verification of what an environment serves anew, by the policy that holds now.
#[utoipa::path(tag = "environments", params(Repeatable), request_body = VerifyAgainBody, responses((status = 202, body = VerificationView)))]
#[post("/projects/{project}/environments/{environment}/deployments/{revision}/verification")]
pub async fn verify_again(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, VerifyAgainBody {}) = asked.changing::<VerifyAgainBody>().await?;
    let (project, environment) = (asked.project()?, asked.environment()?);
    let which = (&environment, asked.segment::<i64>("revision")?);
    let row = operations::verify_again(asked.engine(), &caller, &project, which).await?;
    Ok(HttpResponse::Accepted().json(VerificationView::from(row)))
}
