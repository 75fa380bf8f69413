//! Promotion, rollback, and the record of both.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::environment::{DeploymentKind, Moved, Served};
use shelfmark_domain::gate::{Class, Trigger, Verdict};
use shelfmark_domain::hash::{ContentId, ManifestId};
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::DeploymentRow;
use shelfmark_engine::operations::{self, DeployError, Deployed, Promotion, Refusal, Rollback, RollbackPlan, Way};

use super::environments::environment_of;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::web::Problem;

/// What to promote.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromotionBody {
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    #[serde(default)]
    reason: String,
    /// Whether to pass soak, approvals and windows all the same. It needs an administrator and a reason, and someone else
    /// has to review it afterwards.
    #[serde(default)]
    break_glass: bool,
}

/// What to take back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackBody {
    /// A build that the environment served earlier; the one before the present when absent.
    #[schema(value_type = Option<String>)]
    to: Option<BuildName>,
    #[serde(default)]
    reason: String,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// A promotion or rollback.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentView {
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// The environment's revision after it.
    revision: i64,
    /// promotion or rollback.
    #[schema(value_type = String, example = "promotion")]
    kind: DeploymentKind,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    #[schema(value_type = String)]
    manifest: ManifestId,
    /// What was served before.
    #[schema(value_type = Option<String>)]
    replaced: Option<BuildName>,
    reason: String,
    /// Who did it.
    actor: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// regular, hotfix, rollback or break_glass.
    #[schema(value_type = String, example = "regular")]
    class: Class,
    /// person, schedule, automation or verification: what asked for it.
    #[schema(value_type = String, example = "person")]
    cause: Trigger,
    /// What the gate said: each check with its outcome and reason.
    #[schema(value_type = Vec<Object>)]
    checks: Verdict,
    /// promoted, rolled_back, or already_served when nothing had to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

impl From<DeploymentRow> for DeploymentView {
    fn from(row: DeploymentRow) -> Self {
        let DeploymentRow { environment, revision, kind, serves, replaced, reason, actor_name: actor, at, .. } = row;
        let (Served { build, manifest }, checks) = (serves, row.verdict);
        let (class, cause, outcome) = (row.class, row.cause, None);
        Self {
            environment,
            revision,
            kind,
            build,
            manifest,
            replaced,
            reason,
            actor,
            at,
            class,
            cause,
            checks,
            outcome,
        }
    }
}

impl DeploymentView {
    fn of(deployed: Deployed) -> Self {
        let outcome = match (deployed.is_new, deployed.deployment.kind) {
            (false, _) => "already_served",
            (true, DeploymentKind::Promotion) => "promoted",
            (true, DeploymentKind::Rollback) => "rolled_back",
        };
        Self { outcome: Some(outcome), ..deployed.deployment.into() }
    }
}

/// What a rollback would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct RollbackPlanView {
    /// dry_run.
    outcome: &'static str,
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    /// What would be served.
    #[schema(value_type = String, example = "R-11.1")]
    build: BuildName,
    /// What is served now.
    #[schema(value_type = Option<String>)]
    replaced: Option<BuildName>,
    /// The environment's present revision.
    revision: i64,
    /// How many paths, parameters and access rules would change.
    changes: u64,
    /// Contents that are not in the store; empty unless the store is damaged.
    #[schema(value_type = Vec<String>)]
    missing: Vec<ContentId>,
}

/// What came of a rollback, or with `dry_run` what would.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RollbackAnswer {
    Deployment(DeploymentView),
    Plan(RollbackPlanView),
}

/// Makes an environment serve a build. What it serves already is a success that adds nothing to its history.
#[utoipa::path(tag = "environments", request_body = PromotionBody, responses((status = 200, body = DeploymentView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the environment is at this revision, in quotes")))]
#[post("/projects/{project}/environments/{environment}/promote")]
pub async fn promote(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, PromotionBody { build, reason, break_glass }) = asked.changing::<PromotionBody>().await?;
    let (environment, expected) = (asked.environment()?, asked.expected_revision()?);
    let way = if break_glass { Way::BreakGlass } else { Way::Person };
    let promotion = Promotion { environment, build, reason, way, expected };
    let deployed = operations::promote(asked.engine(), &caller, &asked.project()?, promotion).await.map_err(refused)?;
    Ok(HttpResponse::Ok().insert_header(tag(deployed.revision)).json(DeploymentView::of(deployed)))
}

/// Makes an environment serve again what it served before.
#[utoipa::path(tag = "environments", request_body = RollbackBody,
    responses((status = 200, body = RollbackAnswer)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the environment is at this revision, in quotes")))]
#[post("/projects/{project}/environments/{environment}/rollback")]
pub async fn roll_back(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, RollbackBody { to, reason, dry_run }) = asked.changing::<RollbackBody>().await?;
    let (project, environment, expected) = (asked.project()?, asked.environment()?, asked.expected_revision()?);
    let trigger = Trigger::Person;
    let rollback = Rollback { environment: environment.clone(), to, reason, trigger, expected };
    if !dry_run {
        let deployed = operations::roll_back(asked.engine(), &caller, &project, rollback).await.map_err(refused)?;
        let (tag, view) = (tag(deployed.revision), DeploymentView::of(deployed));
        return Ok(HttpResponse::Ok().insert_header(tag).json(RollbackAnswer::Deployment(view)));
    }
    let plan = operations::plan_rollback(asked.engine(), &caller, &project, &rollback).await.map_err(refused)?;
    let RollbackPlan { serves, would_serve, changes, missing, revision } = plan;
    let (build, replaced) = (would_serve.build, serves.map(|served| served.build));
    let view = RollbackPlanView { outcome: "dry_run", environment, build, replaced, revision, changes, missing };
    Ok(HttpResponse::Ok().insert_header(tag(revision)).json(RollbackAnswer::Plan(view)))
}

/// Tells whoever came too late what won, and whoever is refused what each check said.
fn refused(error: DeployError) -> Problem {
    match error {
        DeployError::Moved(Moved { serves, revision, .. }) => {
            let current = serde_json::json!({ "build": serves.map(|served| served.build), "revision": revision });
            Problem::from(error).with_current(current)
        }
        DeployError::Refused(Refusal { ref verdict, .. }) => {
            let checks = serde_json::json!(verdict);
            Problem::from(error).with_checks(checks)
        }
        other => Problem::from(other),
    }
}

/// Lists what an environment has served, newest first.
#[utoipa::path(tag = "environments", params(PageQuery), responses((status = 200, body = PageView<DeploymentView>)))]
#[get("/projects/{project}/environments/{environment}/deployments")]
pub async fn list_deployments(asked: Asked) -> Result<Json<PageView<DeploymentView>>, Problem> {
    let project = asked.readable_project().await?;
    let name = environment_of(&asked, &project, &asked.environment()?).await?.environment.name;
    let page = asked.page()?;
    Ok(Json(asked.catalog().deployments(project.number, &name, page.number()?, page.limit).await?.into()))
}

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstantQuery {
    /// An instant as RFC 3339 with an offset; now when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<String>,
}

/// What an environment served at an instant.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServedView {
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    #[schema(value_type = String)]
    manifest: ManifestId,
    revision: i64,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Says what an environment served at an instant.
#[utoipa::path(tag = "environments", params(InstantQuery), responses((status = 200, body = ServedView)))]
#[get("/projects/{project}/environments/{environment}/served")]
pub async fn read_served(asked: Asked) -> Result<Json<ServedView>, Problem> {
    let project = asked.readable_project().await?;
    let name = environment_of(&asked, &project, &asked.environment()?).await?.environment.name;
    let InstantQuery { at } = asked.query()?;
    let at = at.map(|text| text.parse()).transpose().map_err(|why| Problem::invalid("at", why))?;
    let at = at.unwrap_or_else(|| asked.engine().clock.now());
    let row = asked.catalog().deployment_at(project.number, &name, at).await?;
    let row =
        row.ok_or_else(|| Problem::not_found(format!("{name} served nothing at {at}; ask for a later instant")))?;
    let DeploymentRow { serves: Served { build, manifest }, revision, at, .. } = row;
    Ok(Json(ServedView { build, manifest, revision, at }))
}
