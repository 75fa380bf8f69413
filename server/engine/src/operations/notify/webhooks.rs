//! Making webhooks, changing and removing them. A webhook's secret is shown once, to whoever made or rotated it.

use shelfmark_domain::access::{Permission, Principal};
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::notify::pattern::EventPattern;
use shelfmark_domain::time::Timestamp;

use super::error::NotifyError;
use super::secret::new_secret;
use crate::Engine;
use crate::catalog::{AuditDraft, WebhookRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// Most patterns of one webhook or subscription.
pub(super) const PATTERNS_MAX: usize = 100;
/// The longest time for which a replaced secret still signs, in hours.
const GRACE_HOURS_MAX: f64 = 720.0;

/// A webhook to be made. Whoever calls has checked that the address may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDraft {
    pub url: String,
    pub kinds: Vec<EventPattern>,
    pub description: String,
}

/// What to change of a webhook. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    pub url: Option<String>,
    pub kinds: Option<Vec<EventPattern>>,
    pub description: Option<String>,
    pub is_enabled: Option<bool>,
    /// The revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// The entry for a change of a webhook. It never has the address, which may carry a secret of the receiver's.
pub(super) fn audit(action: &'static str, webhook: &WebhookRow, details: serde_json::Value) -> AuditDraft {
    let (project, subject) = (webhook.project.clone(), webhook.id.clone());
    AuditDraft { action, project, subject, message: String::new(), details }
}

pub(super) fn check_patterns<T>(patterns: &[T]) -> Result<(), NotifyError> {
    match patterns.len() {
        0 => Err(NotifyError::NoKinds),
        count if count > PATTERNS_MAX => Err(NotifyError::TooManyKinds(count, PATTERNS_MAX)),
        _ => Ok(()),
    }
}

/// The project's webhook as it stands in this change.
pub(super) async fn present(write: &mut Write, project: &ProjectName, id: &str) -> Result<WebhookRow, NotifyError> {
    let webhook = write.webhook(project.as_str(), id).await?;
    webhook.ok_or_else(|| NotifyError::NoWebhook(id.chars().take(80).collect()))
}

/// Makes a webhook for what happens from now on. Its secret is in the row.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn create_webhook(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: WebhookDraft,
) -> Result<WebhookRow, NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    let WebhookDraft { url, kinds, description } = draft;
    check_text("url", &url, engine.limits.text_bytes_max)?;
    check_text("description", &description, engine.limits.text_bytes_max)?;
    check_patterns(&kinds)?;
    if let Some(id) = caller.earlier_outcome::<String>(&engine.catalog).await? {
        return Err(NotifyError::ShownOnce(id));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let most = engine.limits.webhooks_max;
    if usize::try_from(write.count_webhooks(project.as_str()).await?).is_ok_and(|count| count >= most) {
        return Err(NotifyError::TooManyWebhooks(most));
    }
    let webhook = WebhookRow {
        id: uuid::Uuid::now_v7().to_string(),
        project: project.to_string(),
        url,
        kinds,
        description,
        is_enabled: true,
        disabled_reason: String::new(),
        secret: new_secret(),
        old_secret: None,
        created_at: caller.now,
        revision: 1,
    };
    write.put_webhook(&webhook).await?;
    let details = serde_json::json!({ "kinds": webhook.kinds });
    let sequence = write.record(&caller.principal, caller.now, audit("webhook.created", &webhook, details));
    write.begin_queue(&webhook.id, sequence).await?;
    caller.note_outcome(&mut write, &webhook.id).await?;
    write.commit().await?;
    Ok(webhook)
}

/// Changes a webhook. One that is enabled again goes on where it had stopped, as far as events are kept.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn change_webhook(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    id: &str,
    patch: WebhookPatch,
) -> Result<WebhookRow, NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    let WebhookPatch { url, kinds, description, is_enabled, expected } = patch;
    url.iter().try_for_each(|url| check_text("url", url, engine.limits.text_bytes_max))?;
    description.iter().try_for_each(|text| check_text("description", text, engine.limits.text_bytes_max))?;
    kinds.iter().try_for_each(|kinds| check_patterns(kinds))?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        let webhook = engine.catalog.webhook(id).await?.filter(|webhook| webhook.project == project.as_str());
        return webhook.ok_or_else(|| NotifyError::NoWebhook(id.chars().take(80).collect()));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let webhook = present(&mut write, project, id).await?;
    check_revision(format!("webhook {id}"), expected, webhook.revision)?;
    let was_enabled = webhook.is_enabled;
    let webhook = WebhookRow {
        url: url.unwrap_or(webhook.url),
        kinds: kinds.unwrap_or(webhook.kinds),
        description: description.unwrap_or(webhook.description),
        is_enabled: is_enabled.unwrap_or(was_enabled),
        disabled_reason: if is_enabled.is_some() { String::new() } else { webhook.disabled_reason },
        revision: webhook.revision + 1,
        ..webhook
    };
    write.put_webhook(&webhook).await?;
    if webhook.is_enabled && !was_enabled {
        write.forgive_webhook(&webhook.id).await?;
    }
    let details = serde_json::json!({ "kinds": webhook.kinds, "enabled": webhook.is_enabled });
    write.record(&caller.principal, caller.now, audit("webhook.changed", &webhook, details));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(webhook)
}

/// Gives a webhook a new secret, which is in the row. The one before signs too for the hours of grace.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn rotate_webhook(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    id: &str,
    grace_hours: f64,
) -> Result<WebhookRow, NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    if !(0.0..=GRACE_HOURS_MAX).contains(&grace_hours) {
        return Err(NotifyError::Grace(grace_hours));
    }
    if let Some(id) = caller.earlier_outcome::<String>(&engine.catalog).await? {
        return Err(NotifyError::ShownOnce(id));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let webhook = present(&mut write, project, id).await?;
    let until = caller.now.plus_ms((grace_hours * 3_600_000.0) as i64);
    let webhook = WebhookRow {
        old_secret: Some((webhook.secret, until)),
        secret: new_secret(),
        revision: webhook.revision + 1,
        ..webhook
    };
    write.put_webhook(&webhook).await?;
    let details = serde_json::json!({ "old_until": until });
    write.record(&caller.principal, caller.now, audit("webhook.rotated", &webhook, details));
    caller.note_outcome(&mut write, &webhook.id).await?;
    write.commit().await?;
    Ok(webhook)
}

/// Removes a webhook with its log.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn remove_webhook(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    id: &str,
    expected: Option<i64>,
) -> Result<(), NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let webhook = present(&mut write, project, id).await?;
    check_revision(format!("webhook {id}"), expected, webhook.revision)?;
    write.delete_webhook(&webhook.id).await?;
    write.record(&caller.principal, caller.now, audit("webhook.removed", &webhook, serde_json::json!({})));
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}

/// Disables a webhook that can't be delivered to, and says so.
pub(super) async fn disable(
    engine: &Engine,
    who: &Principal,
    webhook: &WebhookRow,
    reason: &str,
    now: Timestamp,
) -> Result<(), NotifyError> {
    let mut write = engine.catalog.write().await?;
    let Some(present) = write.webhook(&webhook.project, &webhook.id).await?.filter(|row| row.is_enabled) else {
        return Ok(());
    };
    let disabled =
        WebhookRow { is_enabled: false, disabled_reason: reason.to_owned(), revision: present.revision + 1, ..present };
    write.put_webhook(&disabled).await?;
    write.record(who, now, audit("webhook.disabled", &disabled, serde_json::json!({ "reason": reason })));
    Ok(write.commit().await?)
}
