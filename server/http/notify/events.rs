//! The stream of a project's events.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use serde::Deserialize;
use shelfmark_domain::failure::FailureKind;
use shelfmark_domain::notify::pattern::EventPattern;
use utoipa::IntoParams;

use super::stream::{EventStream, Following};
use crate::http::extract::Asked;
use crate::web::Problem;

/// Most patterns in one request.
const KINDS_MAX: usize = 100;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Kinds such as `release.created`, nouns such as `release.*`, with commas between them; all when absent.
    kinds: Option<String>,
    /// Events after this sequence (0: from the first one that is kept), for clients that can't send `Last-Event-ID`, which goes before it. From now on when
    /// both are absent.
    #[param(value_type = Option<i64>)]
    since: Option<String>,
    /// False: the stream ends with the newest event.
    follow: Option<bool>,
}

fn kinds(text: Option<&str>) -> Result<Vec<EventPattern>, Problem> {
    let Some(text) = text else { return Ok(vec![EventPattern::Everything]) };
    let kinds: Result<Vec<EventPattern>, _> = text.split(',').take(KINDS_MAX).map(str::parse).collect();
    kinds.map_err(|why| Problem::invalid("kinds", why))
}

fn sequence(field: &'static str, text: &str) -> Result<i64, Problem> {
    let number = text.trim().parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| Problem::invalid(field, format!("{text:?} is no sequence; give the id of the last event")))
}

/// Streams a project's events as they happen (server-sent events): each has its sequence as `id`, its kind as `event`,
/// and as `data` the document that webhooks get. A client that comes back with `Last-Event-ID` misses nothing that is
/// kept; if something is kept no more, the answer is 410.
#[utoipa::path(tag = "notifications", responses((status = 200, content_type = "text/event-stream", body = String)),
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has")))]
#[get("/projects/{project}/events")]
pub async fn follow_events(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?.name;
    let EventsQuery { kinds: patterns, since, follow } = asked.query()?;
    let kinds = kinds(patterns.as_deref())?;
    let last = asked.header("Last-Event-ID")?.map(|text| sequence("Last-Event-ID", text)).transpose()?;
    let since = since.map(|text| sequence("since", &text)).transpose()?;
    let (head, _) = asked.catalog().audit_head().await?;
    let after = last.or(since).unwrap_or(head).min(head);
    let floor = asked.catalog().outbox_floor(project.as_str()).await?;
    let after = if after == 0 { floor } else { after };
    if after < floor {
        let detail = format!("events up to {floor} are kept no more; read what there is now, then begin after {floor}");
        return Err(Problem::of_status(StatusCode::GONE, Some(detail)));
    }
    let Some(place) = asked.services().streams.begin() else {
        return Err(Problem::new(FailureKind::Busy, "too many streams of events are open; come back later"));
    };
    let following = Following { project, kinds, after, is_endless: follow.unwrap_or(true) };
    let body = EventStream::start(&asked, following, place);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}
