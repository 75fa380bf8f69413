//! Telling others of events: webhooks and their deliveries, subscriptions and letters, and how long the outbox is kept.
//! What is sent leaves this process in the root package; what is due, to whom, in which order and what follows from an
//! answer is decided here.

mod compose;
mod courier;
mod document;
mod error;
mod follow;
mod keep;
mod letters;
mod people;
mod replay;
mod secret;
mod subscriptions;
mod text;
mod webhooks;

pub use compose::compose_letters;
pub use courier::{Answered, Courier, CourierPolicy, Lease, Outgoing};
pub use document::event_document;
pub use error::NotifyError;
pub use follow::follow_events;
pub use keep::{Trimmed, trim_outbox};
pub use letters::{AddressedLetter, Postman, Sent};
pub use replay::{ReplayFrom, replay_delivery, replay_since, test_webhook};
pub use secret::SECRET_PREFIX;
pub use subscriptions::{Subscribing, subscribe, unsubscribe, unsubscribe_by_letter};
pub use text::letter_text;
pub use webhooks::{WebhookDraft, WebhookPatch, change_webhook, create_webhook, remove_webhook, rotate_webhook};
