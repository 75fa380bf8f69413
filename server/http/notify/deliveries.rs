//! The log of a webhook's deliveries, delivering again, and trying out.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::{AttemptRow, DeliveryRow, DeliveryState};
use shelfmark_engine::operations::notify::{self, ReplayFrom};

use super::webhooks::webhook;
use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageView};
use crate::web::Problem;

/// Tries of one delivery that are shown.
const ATTEMPTS_MAX: u32 = 100;

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// pending, delivered or dead; all when absent.
    state: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One event to one webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The event's.
    sequence: i64,
    #[schema(example = "release.created")]
    kind: String,
    /// pending while it is tried, delivered, or dead when it was given up.
    state: &'static str,
    tries: i64,
    /// Of the last try, or when it was asked for.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptView {
    number: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Null without an answer.
    status: Option<i64>,
    duration_ms: i64,
    /// The start of the answer, or why there is none.
    answer: String,
}

/// A delivery with its newest tries, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryWithAttempts {
    #[serde(flatten)]
    delivery: DeliveryView,
    attempts: Vec<AttemptView>,
}

/// From where on to deliver again. One of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// This event is the first.
    since: Option<i64>,
    /// Events from this instant on.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// What has been asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueuedView {
    /// Of the event, or of the first that may be delivered again.
    sequence: i64,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        let DeliveryRow { sequence, kind, state, tries, at, .. } = row;
        Self { sequence, kind, state: state.as_str(), tries, at }
    }
}

impl From<AttemptRow> for AttemptView {
    fn from(row: AttemptRow) -> Self {
        let AttemptRow { number, at, status, duration_ms, answer } = row;
        Self { number, at, status, duration_ms, answer }
    }
}

/// Lists what was sent to a webhook, the newest event first.
#[utoipa::path(tag = "notifications", params(DeliveriesQuery), responses((status = 200, body = PageView<DeliveryView>)))]
#[get("/projects/{project}/webhooks/{webhook}/deliveries")]
pub async fn list_deliveries(asked: Asked) -> Result<Json<PageView<DeliveryView>>, Problem> {
    let webhook = webhook(&asked).await?;
    let DeliveriesQuery { state, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let unknown =
        |text: &String| Problem::invalid("state", format!("{text:?} is none; give pending, delivered or dead"));
    let state = state.map(|text| DeliveryState::parse(&text).ok_or_else(|| unknown(&text))).transpose()?;
    Ok(Json(asked.catalog().deliveries(&webhook.id, state, page.number()?, page.limit).await?.into()))
}

/// Shows what was sent of one event, with every try.
#[utoipa::path(tag = "notifications", responses((status = 200, body = DeliveryWithAttempts)))]
#[get("/projects/{project}/webhooks/{webhook}/deliveries/{sequence}")]
pub async fn read_delivery(asked: Asked) -> Result<Json<DeliveryWithAttempts>, Problem> {
    let webhook = webhook(&asked).await?;
    let sequence: i64 = asked.segment("sequence")?;
    let row = asked.catalog().delivery(&webhook.id, sequence).await?;
    let row = row.ok_or_else(|| Problem::not_found(format!("event {sequence} has not been sent to this webhook")))?;
    let attempts = asked.catalog().attempts(&webhook.id, sequence, ATTEMPTS_MAX).await?;
    Ok(Json(DeliveryWithAttempts { delivery: row.into(), attempts: attempts.into_iter().map(Into::into).collect() }))
}

/// Delivers one event again, under the id that it had. It is sent soon; the log tells what came of it.
#[utoipa::path(tag = "notifications", params(Repeatable), responses((status = 202, body = QueuedView)))]
#[post("/projects/{project}/webhooks/{webhook}/deliveries/{sequence}/replay")]
pub async fn replay_delivery(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, id, sequence) = (asked.project()?, asked.segment::<String>("webhook")?, asked.segment("sequence")?);
    notify::replay_delivery(asked.engine(), &caller, &project, &id, sequence).await?;
    Ok(HttpResponse::Accepted().json(QueuedView { sequence }))
}

/// Delivers everything from an event or an instant on again, in its order.
#[utoipa::path(tag = "notifications", params(Repeatable), request_body = ReplayBody,
    responses((status = 202, body = QueuedView)))]
#[post("/projects/{project}/webhooks/{webhook}/replay")]
pub async fn replay_webhook(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<ReplayBody>().await?;
    let (project, id) = (asked.project()?, asked.segment::<String>("webhook")?);
    let from = match body {
        ReplayBody { since: Some(sequence), at: None } => ReplayFrom::Sequence(sequence),
        ReplayBody { since: None, at: Some(at) } => ReplayFrom::Instant(at),
        _ => return Err(Problem::invalid("since", "give since or at, one of the two")),
    };
    let sequence = notify::replay_since(asked.engine(), &caller, &project, &id, from).await?;
    Ok(HttpResponse::Accepted().json(QueuedView { sequence }))
}

/// Sends an event to try the webhook out, once. The log tells under its sequence what came of it.
#[utoipa::path(tag = "notifications", params(Repeatable), responses((status = 202, body = QueuedView)))]
#[post("/projects/{project}/webhooks/{webhook}/test")]
pub async fn test_webhook(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, id) = (asked.project()?, asked.segment::<String>("webhook")?);
    let sequence = notify::test_webhook(asked.engine(), &caller, &project, &id).await?;
    Ok(HttpResponse::Accepted().json(QueuedView { sequence }))
}
