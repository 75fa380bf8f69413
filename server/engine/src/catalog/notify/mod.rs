//! Telling others of events: the outbox, webhooks with their queues and logs, subscriptions and the mail that comes of
//! them. A cursor by audit sequence never skips an event: all changes take the audit head's lock before they get a
//! sequence and hold it until they commit, so events appear in the order of their sequences, on both databases.

mod attempt;
mod delivery;
mod event;
mod letter;
mod queue;
mod subscription;
mod webhook;

pub use attempt::Attempt;
pub use delivery::{AttemptRow, DeliveryRow, DeliveryState, QueuedDelivery};
pub use event::EventRow;
pub use letter::{LetterRow, LetterState};
pub use queue::QueueState;
pub use subscription::SubscriptionRow;
pub use webhook::WebhookRow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::columns::corrupt;
use super::error::CatalogError;

/// A value as the JSON that a column holds.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of texts are JSON")
}

/// Reads what `json` has written.
fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, CatalogError> {
    serde_json::from_str(text).map_err(|error| corrupt(format!("JSON that can't be read: {error}")))
}
