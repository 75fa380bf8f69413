//! Delivering again, and trying out.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::time::Timestamp;

use super::error::NotifyError;
use super::webhooks::{audit, present};
use crate::Engine;
use crate::operations::people::caller::Caller;

/// The kind of the event that a test makes. Only the webhook that is tested gets it.
pub(super) const TESTED: &str = "webhook.tested";

/// From where on everything is delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayFrom {
    /// This event is the first.
    Sequence(i64),
    /// Events from this instant on.
    Instant(Timestamp),
}

/// Delivers one event again beside the queue, under the id that it had. Returns at once.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn replay_delivery(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    id: &str,
    sequence: i64,
) -> Result<(), NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let event = engine.catalog.event(project.as_str(), sequence).await?.ok_or(NotifyError::NoEvent(sequence))?;
    let mut write = caller.begin(&engine.catalog).await?;
    let webhook = present(&mut write, project, id).await?;
    if !webhook.is_enabled {
        return Err(NotifyError::Disabled(webhook.id));
    }
    if event.kind == TESTED && event.subject != webhook.id {
        return Err(NotifyError::NoEvent(sequence));
    }
    write.queue_delivery(&webhook.id, (sequence, &event.kind), caller.now).await?;
    let details = serde_json::json!({ "sequence": sequence });
    write.record(&caller.principal, caller.now, audit("webhook.replayed", &webhook, details));
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}

/// Delivers everything from somewhere on again, in its order. Returns the first sequence that may be delivered again;
/// what lies after the present place of the queue is not moved.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn replay_since(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    id: &str,
    from: ReplayFrom,
) -> Result<i64, NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    if let Some(first) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        return Ok(first);
    }
    let cursor = match from {
        ReplayFrom::Sequence(first) => first.max(1) - 1,
        ReplayFrom::Instant(at) => engine.catalog.last_event_before(project.as_str(), at).await?,
    };
    let mut write = caller.begin(&engine.catalog).await?;
    let webhook = present(&mut write, project, id).await?;
    // The floor goes up only with the audit head's lock, which this change has.
    let floor = engine.catalog.outbox_floor(project.as_str()).await?;
    if matches!(from, ReplayFrom::Sequence(_)) && cursor < floor {
        return Err(NotifyError::Forgotten(floor));
    }
    let cursor = cursor.max(floor);
    write.rewind_queue(&webhook.id, cursor).await?;
    let details = serde_json::json!({ "since": cursor + 1 });
    write.record(&caller.principal, caller.now, audit("webhook.replayed", &webhook, details));
    caller.note_outcome(&mut write, &(cursor + 1)).await?;
    write.commit().await?;
    Ok(cursor + 1)
}

/// Sends an event to a webhook to try it out; returns the event's sequence at once, under which the log tells what came
/// of it.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn test_webhook(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    id: &str,
) -> Result<i64, NotifyError> {
    caller.project(&engine.catalog, project, Permission::Administer).await?;
    if let Some(sequence) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        return Ok(sequence);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let webhook = present(&mut write, project, id).await?;
    if !webhook.is_enabled {
        return Err(NotifyError::Disabled(webhook.id));
    }
    let sequence = write.record(&caller.principal, caller.now, audit(TESTED, &webhook, serde_json::json!({})));
    write.queue_delivery(&webhook.id, (sequence, TESTED), caller.now).await?;
    caller.note_outcome(&mut write, &sequence).await?;
    write.commit().await?;
    Ok(sequence)
}
