//! Webhooks: where a project's events are sent.

use actix_web::{HttpResponse, delete, get, patch, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::notify::pattern::EventPattern;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::WebhookRow;
use shelfmark_engine::operations::notify::{self, WebhookDraft, WebhookPatch};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageQuery, PageView, tag};
use crate::web::Problem;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// http or https. Addresses of private networks are refused unless the settings allow them.
    #[schema(example = "https://example.org/hooks/shelfmark")]
    url: String,
    /// One kind such as `release.created`, a noun such as `release.*`, or `*` for all.
    #[schema(value_type = Vec<String>, example = json!(["release.*", "environment.*"]))]
    kinds: Vec<EventPattern>,
    #[serde(default)]
    description: String,
}

/// What to change of a webhook. What is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    url: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    kinds: Option<Vec<EventPattern>>,
    description: Option<String>,
    /// Events that happen while it is disabled are delivered when it is enabled again, as far as they are kept.
    enabled: Option<bool>,
}

/// How to give a webhook another secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationBody {
    /// For so many hours both secrets sign, 0 to 720.
    #[serde(default = "a_day")]
    grace_hours: f64,
}

fn a_day() -> f64 {
    24.0
}

/// A webhook. Its secret is not shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    id: String,
    url: String,
    kinds: Vec<String>,
    description: String,
    enabled: bool,
    /// Why the service has disabled it by itself.
    disabled_reason: Option<String>,
    /// Until when the secret before the present one signs too.
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What `If-Match` can insist on; goes up with every change.
    revision: i64,
}

/// A webhook with its secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Checks signatures after Standard Webhooks.
    #[schema(example = "whsec_...")]
    secret: String,
}

impl From<WebhookRow> for WebhookView {
    fn from(row: WebhookRow) -> Self {
        let WebhookRow {
            id,
            url,
            kinds,
            description,
            is_enabled,
            disabled_reason,
            old_secret,
            created_at,
            revision,
            ..
        } = row;
        Self {
            id,
            url,
            kinds: kinds.iter().map(ToString::to_string).collect(),
            description,
            enabled: is_enabled,
            disabled_reason: Some(disabled_reason).filter(|reason| !reason.is_empty()),
            old_secret_until: old_secret.map(|(_, until)| until),
            created_at,
            revision,
        }
    }
}

impl From<WebhookRow> for WebhookWithSecret {
    fn from(row: WebhookRow) -> Self {
        Self { secret: row.secret.clone(), webhook: row.into() }
    }
}

/// The project in the address, if the caller administers it.
///
/// # Errors
/// Unauthenticated, not found, forbidden.
pub async fn administered(asked: &Asked) -> Result<ProjectName, Problem> {
    let (caller, name) = (asked.caller().await?, asked.project()?);
    Ok(caller.project(asked.catalog(), &name, Permission::Administer).await?.name)
}

/// The webhook in the address, if the caller administers its project.
///
/// # Errors
/// Unauthenticated, not found, forbidden.
pub async fn webhook(asked: &Asked) -> Result<WebhookRow, Problem> {
    let project = administered(asked).await?;
    let id: String = asked.segment("webhook")?;
    let row = asked.catalog().webhook(&id).await?.filter(|row| row.project == project.as_str());
    row.ok_or_else(|| {
        Problem::not_found(format!("there is no webhook {id} in this project; list them with GET webhooks"))
    })
}

fn check_url(asked: &Asked, url: &str) -> Result<(), Problem> {
    asked.services().outbound.check(url).map(drop).map_err(|why| Problem::invalid("url", why))
}

fn shown(view: &WebhookView) -> HttpResponse {
    HttpResponse::Ok().insert_header(tag(view.revision)).json(view)
}

/// Lists the project's webhooks, oldest first. For administrators.
#[utoipa::path(tag = "notifications", params(PageQuery), responses((status = 200, body = PageView<WebhookView>)))]
#[get("/projects/{project}/webhooks")]
pub async fn list_webhooks(asked: Asked) -> Result<Json<PageView<WebhookView>>, Problem> {
    let project = administered(&asked).await?;
    let page = asked.page()?;
    Ok(Json(asked.catalog().webhooks(project.as_str(), page.key(), page.limit).await?.into()))
}

/// Adds a webhook for what happens from now on. Its secret is shown only now.
#[utoipa::path(tag = "notifications", params(Repeatable), request_body = WebhookBody,
    responses((status = 201, body = WebhookWithSecret)))]
#[post("/projects/{project}/webhooks")]
pub async fn create_webhook(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, WebhookBody { url, kinds, description }) = asked.changing::<WebhookBody>().await?;
    let project = administered(&asked).await?;
    check_url(&asked, &url)?;
    let draft = WebhookDraft { url, kinds, description };
    let row = notify::create_webhook(asked.engine(), &caller, &project, draft).await?;
    Ok(HttpResponse::Created().insert_header(tag(row.revision)).json(WebhookWithSecret::from(row)))
}

/// Shows a webhook.
#[utoipa::path(tag = "notifications", responses((status = 200, body = WebhookView)))]
#[get("/projects/{project}/webhooks/{webhook}")]
pub async fn read_webhook(asked: Asked) -> Result<HttpResponse, Problem> {
    Ok(shown(&webhook(&asked).await?.into()))
}

/// Changes a webhook.
#[utoipa::path(tag = "notifications", request_body = WebhookChange, responses((status = 200, body = WebhookView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the webhook is at this revision, in quotes")))]
#[patch("/projects/{project}/webhooks/{webhook}")]
pub async fn change_webhook(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, WebhookChange { url, kinds, description, enabled }) = asked.changing::<WebhookChange>().await?;
    let project = administered(&asked).await?;
    url.iter().try_for_each(|url| check_url(&asked, url))?;
    let (id, expected) = (asked.segment::<String>("webhook")?, asked.expected_revision()?);
    let patch = WebhookPatch { url, kinds, description, is_enabled: enabled, expected };
    Ok(shown(&notify::change_webhook(asked.engine(), &caller, &project, &id, patch).await?.into()))
}

/// Removes a webhook with its log.
#[utoipa::path(tag = "notifications", responses((status = 204)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the webhook is at this revision, in quotes")))]
#[delete("/projects/{project}/webhooks/{webhook}")]
pub async fn remove_webhook(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.changing_caller().await?;
    let (project, id, expected) = (asked.project()?, asked.segment::<String>("webhook")?, asked.expected_revision()?);
    notify::remove_webhook(asked.engine(), &caller, &project, &id, expected).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a webhook another secret, which is shown only now. For a time both sign.
#[utoipa::path(tag = "notifications", params(Repeatable), request_body = RotationBody,
    responses((status = 200, body = WebhookWithSecret)))]
#[post("/projects/{project}/webhooks/{webhook}/rotate")]
pub async fn rotate_webhook(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, RotationBody { grace_hours }) = asked.changing::<RotationBody>().await?;
    let (project, id) = (asked.project()?, asked.segment::<String>("webhook")?);
    let row = notify::rotate_webhook(asked.engine(), &caller, &project, &id, grace_hours).await?;
    Ok(HttpResponse::Ok().insert_header(tag(row.revision)).json(WebhookWithSecret::from(row)))
}
