//! Writing letters: what has happened since the last time, for whom it matters.

use std::collections::BTreeMap;

use serde_json::Value;
use shelfmark_domain::name::UserName;
use shelfmark_domain::notify::timing::Timing;
use shelfmark_domain::time::Timestamp;

use super::document::event_document;
use super::people::Recipient;
use crate::Engine;
use crate::catalog::{CatalogError, EventRow, LetterRow, SubscriptionRow};

/// Subscriptions that are looked at together.
const SUBSCRIPTIONS_AT_ONCE: u32 = 500;
/// Most events of one subscription in one letter; more go into the next one.
const EVENTS_MAX: u32 = 200;

/// What a subscription has to tell now.
struct News {
    subscription: SubscriptionRow,
    events: Vec<EventRow>,
    /// Everything up to here has been looked at.
    to: i64,
}

/// Writes the letters that are due and moves the subscriptions on; returns how many letters. While there is no server
/// for mail, subscriptions move on without letters: nobody wants the mail of a month at once.
///
/// # Errors
/// When the database doesn't answer; nothing is lost or written twice.
pub async fn compose_letters(engine: &Engine, is_mail_on: bool) -> Result<usize, CatalogError> {
    let now = engine.clock.now();
    let due = engine.catalog.due_subscriptions(now, SUBSCRIPTIONS_AT_ONCE).await?;
    let mut written = 0;
    for group in due.chunk_by(|a, b| (&a.user, &a.timing) == (&b.user, &b.timing)) {
        let (user, timing) = (&group[0].user, &group[0].timing);
        let recipient = if is_mail_on { Recipient::find(engine, user).await? } else { None };
        let mut news = Vec::new();
        for subscription in group {
            news.extend(look(engine, recipient.as_ref(), subscription, now).await?);
        }
        let letters = letters(user, timing, &news, now);
        let moves: Vec<_> =
            news.iter().map(|new| (new.subscription.id.clone(), new.subscription.cursor, new.to, now)).collect();
        if engine.catalog.write_letters(&letters, &moves).await? {
            written += letters.len();
        }
    }
    Ok(written)
}

/// What a subscription has to tell; `None` when a digest isn't due yet.
async fn look(
    engine: &Engine,
    recipient: Option<&Recipient>,
    subscription: &SubscriptionRow,
    now: Timestamp,
) -> Result<Option<News>, CatalogError> {
    let SubscriptionRow { user, project, interests, timing, cursor, .. } = subscription;
    let mut events = engine.catalog.events_after(project.as_str(), *cursor, EVENTS_MAX).await?;
    let to = events.last().map_or(*cursor, |event| event.sequence);
    let may_read = recipient.is_some_and(|recipient| recipient.may_read(project));
    events.retain(|event| {
        let details: Value = serde_json::from_str(&event.details).unwrap_or(Value::Null);
        may_read && interests.iter().any(|interest| interest.wants(&event.kind, &details, user))
    });
    if let (Some(first), true) = (events.first(), *timing != Timing::AtOnce) {
        let due_at = timing.next_after(first.at);
        if due_at > now {
            engine.catalog.postpone_subscription(&subscription.id, due_at).await?;
            return Ok(None);
        }
    }
    Ok(Some(News { subscription: subscription.clone(), events, to }))
}

/// One letter an event, or one for all.
fn letters(user: &UserName, timing: &Timing, news: &[News], now: Timestamp) -> Vec<LetterRow> {
    let mut told: BTreeMap<(String, i64), (&EventRow, Vec<String>)> = BTreeMap::new();
    for new in news {
        for event in &new.events {
            let entry = told.entry((event.project.clone(), event.sequence)).or_insert_with(|| (event, Vec::new()));
            entry.1.push(new.subscription.id.clone());
        }
    }
    let told: Vec<(&EventRow, Vec<String>)> = told.into_values().collect();
    if told.is_empty() {
        return Vec::new();
    }
    if *timing == Timing::AtOnce {
        return told.iter().map(|one| letter(user, false, std::slice::from_ref(one), now)).collect();
    }
    vec![letter(user, true, &told, now)]
}

fn letter(user: &UserName, is_digest: bool, told: &[(&EventRow, Vec<String>)], now: Timestamp) -> LetterRow {
    let mut hasher = blake3::Hasher::new();
    hasher.update(user.as_str().as_bytes()).update(&[0, u8::from(is_digest)]);
    for (event, _) in told {
        hasher.update(&event.sequence.to_le_bytes());
    }
    let mut subscriptions: Vec<String> = told.iter().flat_map(|(_, ids)| ids.iter().cloned()).collect();
    subscriptions.sort();
    subscriptions.dedup();
    LetterRow {
        id: hasher.finalize().to_hex()[..32].to_owned(),
        user: user.clone(),
        is_digest,
        events: told.iter().map(|(event, _)| event_document(event)).collect(),
        subscriptions,
        unsubscribe: uuid::Uuid::new_v4().simple().to_string(),
        tries: 0,
        created_at: now,
    }
}
