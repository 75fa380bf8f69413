//! Telling others of events: delivering to webhooks, sending mail, and forgetting what nobody needs any more.

mod housekeeping;
mod mail;
mod message;
mod webhooks;

pub use housekeeping::trim_every_hour;
pub use mail::Mailer;
pub use webhooks::WebhookSender;

use std::time::Duration;

use tokio::sync::watch;

/// How long a job waits for an event before it looks for what has become due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits until something has happened, or may be due.
async fn wait_for_work(heard: &mut watch::Receiver<i64>) {
    let changed = tokio::time::timeout(LOOK_EVERY, heard.changed()).await;
    if let Ok(Err(_)) = changed {
        tokio::time::sleep(LOOK_EVERY).await; // the catalog is gone, and soon this job too
    }
}
