//! The calendar of a project's releases, for people and for calendar programs.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, delete, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::failure::FailureKind;
use shelfmark_domain::name::{ReleaseNumber, UserName};
use shelfmark_domain::release::{ReleaseKind, ReleaseState};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{CalendarKeyRow, InvalidCursor, PlannedRow, ProjectRow};
use shelfmark_engine::operations::{self, opens_calendar};

use super::dates::TargetView;
use super::feed;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageView, Paging};
use crate::web::Problem;

const DAY_MS: i64 = 86_400_000;
/// How far back the feed reaches, in milliseconds: calendar programs drop what is no longer in it.
const FEED_PAST_MS: i64 = 366 * DAY_MS;
/// Most releases in the feed.
const FEED_MAX: u32 = 2_000;

/// Which part of the calendar.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CalendarQuery {
    /// Releases dated at this instant or later; from the beginning when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Releases dated before this instant; to the end when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How a calendar program shows that it may read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// The key of this project's calendar, for programs that can't send a token.
    key: Option<String>,
}

/// A release in the calendar.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlannedView {
    #[schema(value_type = String, example = "R-12")]
    release: ReleaseNumber,
    title: String,
    #[schema(value_type = String, example = "regular")]
    kind: ReleaseKind,
    #[schema(value_type = String, example = "draft")]
    state: ReleaseState,
    #[schema(value_type = Option<String>, example = "anna")]
    manager: Option<UserName>,
    target: TargetView,
}

impl From<PlannedRow> for PlannedView {
    fn from(row: PlannedRow) -> Self {
        let target = TargetView::from(&row.date);
        let PlannedRow { date, title, kind, manager, state, .. } = row;
        Self { release: date.release, title, kind, state, manager, target }
    }
}

/// The key of a calendar, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarKeyView {
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A new key of a calendar.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewCalendarKeyView {
    /// Shown this once.
    key: String,
    /// What to give to a calendar program: the feed's address with the key in it.
    address: String,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Lists the releases that have a date, proposed or agreed, by that date.
#[utoipa::path(tag = "planning", params(CalendarQuery), responses((status = 200, body = PageView<PlannedView>)))]
#[get("/projects/{project}/calendar")]
pub async fn read_calendar(asked: Asked) -> Result<Json<PageView<PlannedView>>, Problem> {
    let project = asked.readable_project().await?;
    let CalendarQuery { from, to, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let span = (from.unwrap_or(Timestamp::from_micros(0)), to.unwrap_or(Timestamp::from_micros(i64::MAX)));
    Ok(Json(asked.catalog().calendar(project.number, span, place(&page)?, page.limit).await?.into()))
}

/// The place in the calendar after the last release that was given: its date and its number.
fn place(page: &Paging) -> Result<Option<(i64, i64)>, Problem> {
    if page.key().is_empty() {
        return Ok(None);
    }
    let parts = page.key().split_once(' ').and_then(|(at, release)| Some((at.parse().ok()?, release.parse().ok()?)));
    parts.map(Some).ok_or_else(|| Problem::invalid("cursor", InvalidCursor))
}

/// The calendar as calendar programs subscribe to it (iCalendar, RFC 5545): the dates of the last year and all later
/// ones. A proposed date is tentative, an agreed one confirmed.
///
/// Needs a token that may read the project, or the calendar's own key in the address.
#[utoipa::path(tag = "planning", params(FeedQuery), responses((status = 200, content_type = "text/calendar", body = String)))]
#[get("/projects/{project}/calendar.ics")]
pub async fn read_calendar_feed(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = feed_reader(&asked).await?;
    let from = asked.engine().clock.now().plus_ms(-FEED_PAST_MS);
    let span = (from, Timestamp::from_micros(i64::MAX));
    let planned = asked.catalog().calendar(project.number, span, None, FEED_MAX).await?;
    let text = feed::calendar(&project, &public_url(&asked), &planned.items);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, "text/calendar; charset=utf-8"));
    Ok(answer.insert_header((CACHE_CONTROL, "private, max-age=300")).body(text))
}

/// The project of a request with a key or a token.
async fn feed_reader(asked: &Asked) -> Result<ProjectRow, Problem> {
    let FeedQuery { key } = asked.query()?;
    let Some(key) = key else { return asked.readable_project().await };
    let project = opens_calendar(asked.engine(), &asked.project()?, &key).await?;
    let detail = "the key opens no calendar here; get another one from who plans the releases";
    project.ok_or_else(|| Problem::new(FailureKind::Unauthenticated, detail))
}

fn public_url(asked: &Asked) -> String {
    match asked.config().server.public_url.as_str() {
        "" => {
            let connection = asked.request.connection_info();
            format!("{}://{}", connection.scheme(), connection.host())
        }
        configured => configured.to_owned(),
    }
}

/// Says whether the calendar can be read with a key, and who has made it.
#[utoipa::path(tag = "planning", responses((status = 200, body = CalendarKeyView)))]
#[get("/projects/{project}/calendar/key")]
pub async fn read_calendar_key(asked: Asked) -> Result<Json<CalendarKeyView>, Problem> {
    let project = asked.readable_project().await?;
    let key = asked.catalog().calendar_key(project.number).await?;
    let detail = || format!("project {} has no key for its calendar; make one with POST", project.name);
    let CalendarKeyRow { created_by, created_at } = key.ok_or_else(|| Problem::not_found(detail()))?;
    Ok(Json(CalendarKeyView { created_by, created_at }))
}

/// Makes the key of the calendar, which opens its feed and nothing else. An earlier one opens nothing any more.
#[utoipa::path(tag = "planning", params(Repeatable), responses((status = 201, body = NewCalendarKeyView)))]
#[post("/projects/{project}/calendar/key")]
pub async fn create_calendar_key(asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, project) = (asked.changing_caller().await?, asked.project()?);
    let (row, key) = operations::create_calendar_key(asked.engine(), &caller, &project).await?;
    let address = format!("{}/api/v1/projects/{project}/calendar.ics?key={key}", public_url(&asked));
    let CalendarKeyRow { created_by, created_at } = row;
    Ok(HttpResponse::Created().json(NewCalendarKeyView { key, address, created_by, created_at }))
}

/// Takes the key of the calendar away.
#[utoipa::path(tag = "planning", params(Repeatable), responses((status = 204)))]
#[delete("/projects/{project}/calendar/key")]
pub async fn revoke_calendar_key(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    operations::revoke_calendar_key(asked.engine(), &caller, &asked.project()?).await?;
    Ok(HttpResponse::NoContent().finish())
}
