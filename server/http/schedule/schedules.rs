//! Scheduled promotions.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::gate::Check;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::schedule::{ScheduleState, instant};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::ScheduleRow;
use shelfmark_engine::operations::{self, ScheduleDraft};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageView, tag};
use crate::http::releases::environments::environment_of;
use crate::web::Problem;

/// What to promote, and when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleBody {
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    /// An instant as RFC 3339 with an offset; or with `zone` a local date and time.
    #[schema(example = "2026-03-27T17:00")]
    at: String,
    /// An IANA time zone. A local time that a daylight-saving change skips or repeats is refused.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// Written as `at`: after it the schedule lapses. Absent: a configured time after `at`.
    deadline: Option<String>,
    #[serde(default)]
    reason: String,
}

/// Why it is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    #[serde(default)]
    reason: String,
}

/// A scheduled promotion.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleView {
    number: i64,
    #[schema(value_type = String, example = "production")]
    environment: EnvironmentName,
    #[schema(value_type = String, example = "R-12.3")]
    build: BuildName,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The time zone in which it was said.
    zone: Option<String>,
    /// After it the schedule lapses.
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
    reason: String,
    /// In whose name it is carried out.
    by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// pending, done, lapsed, failed or cancelled.
    #[schema(value_type = String, example = "pending")]
    state: ScheduleState,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    ended_by: Option<String>,
    ended_why: Option<String>,
    /// When done: the environment's revision by which it serves the build.
    deployment: Option<i64>,
    /// The checks that stood in the way at the last try, each with its reason and remedy.
    #[schema(value_type = Vec<Object>)]
    refusal: Vec<Check>,
    /// Since when these checks stand in the way.
    #[schema(value_type = Option<String>, format = DateTime)]
    refused_at: Option<Timestamp>,
    /// What `If-Match` can insist on.
    revision: i64,
}

impl From<ScheduleRow> for ScheduleView {
    fn from(row: ScheduleRow) -> Self {
        let (ended_at, ended_by, ended_why) = match row.ended {
            Some((at, by, why)) => (Some(at), Some(by), Some(why)),
            None => (None, None, None),
        };
        let ScheduleRow { number, environment, build, at, zone, deadline, reason, by_name: by, created_at, .. } = row;
        let (state, deployment, revision) = (row.state, row.deployment, row.revision);
        let (refusal, refused_at) = (row.refusal, row.refused_at);
        Self {
            number,
            environment,
            build,
            at,
            zone,
            deadline,
            reason,
            by,
            created_at,
            state,
            ended_at,
            ended_by,
            ended_why,
            deployment,
            refusal,
            refused_at,
            revision,
        }
    }
}

/// Which schedules.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SchedulesQuery {
    /// pending, done, lapsed, failed or cancelled; all when absent.
    state: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Schedules a promotion, in the caller's name. The gate is asked when it is due.
#[utoipa::path(tag = "environments", params(Repeatable), request_body = ScheduleBody, responses((status = 201, body = ScheduleView)))]
#[post("/projects/{project}/environments/{environment}/schedules")]
pub async fn create_schedule(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ScheduleBody>().await?;
    let ScheduleBody { build, at, zone, deadline, reason } = body;
    let read =
        |field: &'static str, text: &str| instant(text, zone.as_deref()).map_err(|why| Problem::invalid(field, why));
    let at = read("at", &at)?;
    let deadline = deadline.map(|text| read("deadline", &text)).transpose()?;
    let draft = ScheduleDraft { environment: asked.environment()?, build, at, zone, deadline, reason };
    let row = operations::schedule_promotion(asked.engine(), &caller, &asked.project()?, draft).await?;
    Ok(HttpResponse::Created().insert_header(tag(row.revision)).json(ScheduleView::from(row)))
}

/// Lists the scheduled promotions of an environment, newest first.
#[utoipa::path(tag = "environments", params(SchedulesQuery), responses((status = 200, body = PageView<ScheduleView>)))]
#[get("/projects/{project}/environments/{environment}/schedules")]
pub async fn list_schedules(asked: Asked) -> Result<Json<PageView<ScheduleView>>, Problem> {
    let project = asked.readable_project().await?;
    let name = environment_of(&asked, &project, &asked.environment()?).await?.environment.name;
    list(&asked, project.number, Some(&name)).await
}

/// Lists the scheduled promotions of a project, newest first.
#[utoipa::path(tag = "environments", params(SchedulesQuery), responses((status = 200, body = PageView<ScheduleView>)))]
#[get("/projects/{project}/schedules")]
pub async fn list_all_schedules(asked: Asked) -> Result<Json<PageView<ScheduleView>>, Problem> {
    let project = asked.readable_project().await?;
    list(&asked, project.number, None).await
}

async fn list(
    asked: &Asked,
    project: i64,
    environment: Option<&EnvironmentName>,
) -> Result<Json<PageView<ScheduleView>>, Problem> {
    let SchedulesQuery { state, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let state = state.map(|text| {
        let why = format!("{text:?} is no state; write pending, done, lapsed, failed or cancelled");
        ScheduleState::parse(&text).ok_or_else(|| Problem::invalid("state", why))
    });
    let state = state.transpose()?;
    let rows = asked.catalog().schedules(project, environment, state, page.number()?, page.limit).await?;
    Ok(Json(rows.into()))
}

/// Shows a scheduled promotion.
#[utoipa::path(tag = "environments", responses((status = 200, body = ScheduleView)))]
#[get("/projects/{project}/environments/{environment}/schedules/{schedule}")]
pub async fn read_schedule(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let (environment, number) = (asked.environment()?, asked.segment::<i64>("schedule")?);
    let row = asked.catalog().schedule(project.number, number).await?.filter(|row| row.environment == environment);
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("there is no schedule {number} for {environment}; list them with GET schedules"))
    })?;
    Ok(HttpResponse::Ok().insert_header(tag(row.revision)).json(ScheduleView::from(row)))
}

/// Cancels a scheduled promotion.
#[utoipa::path(tag = "environments", request_body = CancelBody, responses((status = 200, body = ScheduleView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the schedule is at this revision, in quotes")))]
#[post("/projects/{project}/environments/{environment}/schedules/{schedule}/cancel")]
pub async fn cancel_schedule(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, CancelBody { reason }) = asked.changing::<CancelBody>().await?;
    let (project, environment, expected) = (asked.project()?, asked.environment()?, asked.expected_revision()?);
    let which = (&environment, asked.segment::<i64>("schedule")?);
    let row = operations::cancel_schedule(asked.engine(), &caller, &project, which, &reason, expected).await?;
    Ok(HttpResponse::Ok().insert_header(tag(row.revision)).json(ScheduleView::from(row)))
}
