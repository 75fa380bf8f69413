//! Subscribing to mail: people do so for themselves.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, UserName};
use shelfmark_domain::notify::interest::Interest;
use shelfmark_domain::notify::timing::Timing;
use shelfmark_domain::time::Timestamp;

use super::error::NotifyError;
use super::webhooks::check_patterns;
use crate::Engine;
use crate::catalog::{AuditDraft, SubscriptionRow};
use crate::operations::people::caller::Caller;

/// A subscription to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribing {
    pub interests: Vec<Interest>,
    pub timing: Timing,
}

fn person(caller: &Caller) -> Result<&UserName, NotifyError> {
    caller.principal.user.as_ref().ok_or(NotifyError::NoPerson)
}

fn audit(action: &'static str, subscription: &SubscriptionRow) -> AuditDraft {
    let details = serde_json::json!({ "user": subscription.user, "interests": subscription.interests });
    let (project, subject) = (subscription.project.to_string(), subscription.id.clone());
    AuditDraft { action, project, subject, message: String::new(), details }
}

/// Subscribes the caller to what happens in a project from now on.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn subscribe(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    subscribing: Subscribing,
) -> Result<SubscriptionRow, NotifyError> {
    caller.project(&engine.catalog, project, Permission::Read).await?;
    let (user, Subscribing { interests, timing }) = (person(caller)?, subscribing);
    check_patterns(&interests)?;
    if let Some(id) = caller.earlier_outcome::<String>(&engine.catalog).await? {
        return engine.catalog.subscription(&id).await?.ok_or(NotifyError::NoSubscription(id));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let most = engine.limits.subscriptions_max;
    if usize::try_from(write.count_subscriptions(user).await?).is_ok_and(|count| count >= most) {
        return Err(NotifyError::TooManySubscriptions(most));
    }
    let mut subscription = SubscriptionRow {
        id: uuid::Uuid::now_v7().to_string(),
        user: user.clone(),
        project: project.clone(),
        interests,
        timing,
        cursor: 0,
        due_at: caller.now,
        created_at: caller.now,
    };
    subscription.cursor = write.record(&caller.principal, caller.now, audit("subscription.created", &subscription));
    write.insert_subscription(&subscription).await?;
    caller.note_outcome(&mut write, &subscription.id).await?;
    write.commit().await?;
    Ok(subscription)
}

/// Removes a subscription of the caller's.
///
/// # Errors
/// See `NotifyError`; nothing has been changed.
pub async fn unsubscribe(engine: &Engine, caller: &Caller, id: &str) -> Result<(), NotifyError> {
    let user = person(caller)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let removed = write.delete_subscription(id).await?.filter(|subscription| subscription.user == *user);
    let removed = removed.ok_or_else(|| NotifyError::NoSubscription(id.chars().take(80).collect()))?;
    write.record(&caller.principal, caller.now, audit("subscription.removed", &removed));
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}

/// Removes the subscriptions that a letter came from, for whoever knows the letter's key; returns how many there were.
/// Nobody learns whether a key was ever one.
///
/// # Errors
/// When the database doesn't answer.
pub async fn unsubscribe_by_letter(engine: &Engine, key: &str, now: Timestamp) -> Result<usize, NotifyError> {
    let Some((user, subscriptions)) = engine.catalog.letter_by_key(key).await? else { return Ok(0) };
    let caller = Caller::system("link in a letter", now);
    let mut write = engine.catalog.write().await?;
    let mut removed = 0;
    for id in subscriptions {
        let Some(subscription) = write.delete_subscription(&id).await?.filter(|row| row.user == user) else { continue };
        write.record(&caller.principal, now, audit("subscription.removed", &subscription));
        removed += 1;
    }
    write.commit().await?;
    Ok(removed)
}
