//! Freezes, holds and stops of environments.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::gate::{Class, LockFacts};
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{LockKind, LockRow};
use shelfmark_engine::operations::{self, StopDraft};

use super::freeze::ReasonBody;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::http::releases::environments::environment_of;
use crate::web::Problem;

/// What to stop.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopBody {
    reason: String,
    /// regular, hotfix, rollback, break_glass; regular and hotfix when absent.
    #[serde(default = "promotions")]
    #[schema(value_type = Vec<String>, example = json!(["regular", "hotfix"]))]
    classes: BTreeSet<Class>,
}

fn promotions() -> BTreeSet<Class> {
    [Class::Regular, Class::Hotfix].into()
}

/// A lock of an environment, present or past.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockView {
    number: i64,
    #[schema(value_type = String, example = "staging")]
    environment: EnvironmentName,
    /// freeze (a frozen release holds it), hold (a rollback waits for a person) or stop.
    #[schema(value_type = String, example = "freeze")]
    kind: LockKind,
    /// Of a freeze: what the release is frozen on.
    #[schema(value_type = Option<String>, example = "R-12.3")]
    build: Option<BuildName>,
    /// Of a stop: what it binds.
    #[schema(value_type = Vec<String>)]
    classes: BTreeSet<Class>,
    by: String,
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When it is expected to end.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Null while it holds.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    ended_by: Option<String>,
    ended_why: Option<String>,
}

impl From<LockRow> for LockView {
    fn from(row: LockRow) -> Self {
        let LockRow { number, environment, kind, facts, ended } = row;
        let LockFacts { build, classes, by_name: by, reason, since, until } = facts;
        let (ended_at, (ended_by, ended_why)) =
            ended.map_or((None, (None, None)), |(at, by, why)| (Some(at), (Some(by), Some(why))));
        Self { number, environment, kind, build, classes, by, reason, since, until, ended_at, ended_by, ended_why }
    }
}

/// Lists what locks an environment and what has locked it, newest first.
#[utoipa::path(tag = "gate", params(PageQuery), responses((status = 200, body = PageView<LockView>)))]
#[get("/projects/{project}/environments/{environment}/locks")]
pub async fn list_locks(asked: Asked) -> Result<Json<PageView<LockView>>, Problem> {
    let project = asked.readable_project().await?;
    let name = environment_of(&asked, &project, &asked.environment()?).await?.environment.name;
    let page = asked.page()?;
    Ok(Json(asked.catalog().locks(project.number, &name, page.number()?, page.limit).await?.into()))
}

/// Stops an environment: nothing of the named classes passes until someone opens it again.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = StopBody, responses((status = 201, body = LockView)))]
#[post("/projects/{project}/environments/{environment}/stop")]
pub async fn stop(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, StopBody { reason, classes }) = asked.changing::<StopBody>().await?;
    let draft = StopDraft { environment: asked.environment()?, classes, reason };
    let row = operations::stop(asked.engine(), &caller, &asked.project()?, draft).await?;
    Ok(HttpResponse::Created().json(LockView::from(row)))
}

async fn lift(asked: &mut Asked, kind: LockKind) -> Result<HttpResponse, Problem> {
    let (caller, ReasonBody { reason }) = asked.changing::<ReasonBody>().await?;
    let environment = asked.environment()?;
    operations::lift(asked.engine(), &caller, &asked.project()?, (&environment, kind), &reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Opens a stopped environment again.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = ReasonBody, responses((status = 204)))]
#[post("/projects/{project}/environments/{environment}/reopen")]
pub async fn reopen(mut asked: Asked) -> Result<HttpResponse, Problem> {
    lift(&mut asked, LockKind::Stop).await
}

/// Lifts the hold that a rollback has put: schedules and automations go on.
#[utoipa::path(tag = "gate", params(Repeatable), request_body = ReasonBody, responses((status = 204)))]
#[post("/projects/{project}/environments/{environment}/lift-hold")]
pub async fn lift_hold(mut asked: Asked) -> Result<HttpResponse, Problem> {
    lift(&mut asked, LockKind::Hold).await
}
