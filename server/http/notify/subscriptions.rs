//! Subscriptions: what people want by mail.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, delete, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::name::{ProjectName, UserName};
use shelfmark_domain::notify::interest::Interest;
use shelfmark_domain::notify::timing::Timing;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::SubscriptionRow;
use shelfmark_engine::operations::notify::{self, NotifyError, Subscribing};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView};
use crate::web::Problem;

/// A subscription to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionBody {
    /// Kinds such as `release.created`, nouns such as `release.*`, `*`; `mentions` and `assigned` for what names you.
    #[schema(value_type = Vec<String>, example = json!(["mentions", "assigned", "release.*"]))]
    kinds: Vec<Interest>,
    /// at_once, hourly or daily.
    #[serde(default)]
    when: When,
    /// For daily: the time of the day, 07:30 when absent.
    time: Option<String>,
    /// For daily: the time zone, UTC when absent.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
}

/// When mail is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// One mail an event.
    #[default]
    AtOnce,
    /// What has gathered, at every full hour.
    Hourly,
    /// What has gathered, once a day.
    Daily,
}

/// What a person wants by mail of one project.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionView {
    id: String,
    #[schema(value_type = String)]
    user: UserName,
    #[schema(value_type = String)]
    project: ProjectName,
    kinds: Vec<String>,
    when: When,
    /// For daily: the time of the day.
    time: Option<String>,
    /// For daily: the time zone.
    zone: Option<String>,
    /// False while no server for mail is set: then nothing is sent.
    mail_is_on: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// What unsubscribing has removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnsubscribedView {
    removed: usize,
}

fn view(row: SubscriptionRow, mail_is_on: bool) -> SubscriptionView {
    let SubscriptionRow { id, user, project, interests, timing, created_at, .. } = row;
    let (when, time, zone) = match timing {
        Timing::AtOnce => (When::AtOnce, None, None),
        Timing::Hourly => (When::Hourly, None, None),
        Timing::Daily { minute, zone } => {
            (When::Daily, Some(format!("{:02}:{:02}", minute / 60, minute % 60)), Some(zone))
        }
    };
    let kinds = interests.iter().map(ToString::to_string).collect();
    SubscriptionView { id, user, project, kinds, when, time, zone, mail_is_on, created_at }
}

fn timing(when: When, time: Option<String>, zone: Option<String>) -> Result<Timing, Problem> {
    match (when, &time, &zone) {
        (When::AtOnce, None, None) => Ok(Timing::AtOnce),
        (When::Hourly, None, None) => Ok(Timing::Hourly),
        (When::Daily, _, _) => {
            let timing = Timing::daily(time.as_deref().unwrap_or("07:30"), zone.as_deref().unwrap_or("UTC"));
            timing.map_err(|why| Problem::invalid("time", why))
        }
        _ => Err(Problem::invalid("when", "time and zone are for daily mail; leave them out, or ask for daily")),
    }
}

fn mail_is_on(asked: &Asked) -> bool {
    !asked.config().mail.host.is_empty()
}

/// Lists what the caller has subscribed to, in all projects, oldest first.
#[utoipa::path(tag = "notifications", params(PageQuery), responses((status = 200, body = PageView<SubscriptionView>)))]
#[get("/me/subscriptions")]
pub async fn list_subscriptions(asked: Asked) -> Result<Json<PageView<SubscriptionView>>, Problem> {
    let user = asked.caller().await?.principal.user.ok_or(NotifyError::NoPerson)?;
    let (page, is_on) = (asked.page()?, mail_is_on(&asked));
    let found = asked.catalog().subscriptions(&user, page.key(), page.limit).await?;
    Ok(Json(found.map(|row| view(row, is_on)).into()))
}

/// Subscribes the caller to mail about what happens in the project from now on.
#[utoipa::path(tag = "notifications", params(Repeatable), request_body = SubscriptionBody,
    responses((status = 201, body = SubscriptionView)))]
#[post("/projects/{project}/subscriptions")]
pub async fn subscribe(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, SubscriptionBody { kinds, when, time, zone }) = asked.changing::<SubscriptionBody>().await?;
    let subscribing = Subscribing { interests: kinds, timing: timing(when, time, zone)? };
    let row = notify::subscribe(asked.engine(), &caller, &asked.project()?, subscribing).await?;
    Ok(HttpResponse::Created().json(view(row, mail_is_on(&asked))))
}

/// Ends a subscription of the caller's.
#[utoipa::path(tag = "notifications", params(Repeatable), responses((status = 204)))]
#[delete("/me/subscriptions/{subscription}")]
pub async fn unsubscribe(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    notify::unsubscribe(asked.engine(), &caller, &asked.segment::<String>("subscription")?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a person sees who opens the link in a letter. Looking removes nothing: programs look at links too.
const UNSUBSCRIBE_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Shelfmark</title>\
    <form method=\"post\"><p>Get no more mail of this kind?</p><button>Unsubscribe</button></form></html>";

/// Shows a page with a button that ends the subscriptions that a letter came from.
#[utoipa::path(tag = "notifications", responses((status = 200, content_type = "text/html", body = String)))]
#[get("/unsubscribe/{key}")]
pub async fn read_unsubscribe_page(_asked: Asked) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .body(UNSUBSCRIBE_PAGE)
}

/// Ends the subscriptions that a letter came from, as mail programs ask for with one click (RFC 8058). Needs no token:
/// the key in the letter is enough. A key that is none, or no more, removes nothing.
#[utoipa::path(tag = "notifications", responses((status = 200, body = UnsubscribedView)))]
#[post("/unsubscribe/{key}")]
pub async fn unsubscribe_by_letter(asked: Asked) -> Result<Json<UnsubscribedView>, Problem> {
    let key: String = asked.segment("key")?;
    let removed = notify::unsubscribe_by_letter(asked.engine(), &key, asked.engine().clock.now()).await?;
    Ok(Json(UnsubscribedView { removed }))
}
