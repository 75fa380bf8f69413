//! `shelfmark webhook test`, `deliveries`, `replay`: what was sent, and sending it again.

use std::time::Duration;

use serde_json::{Value, json};
use shelfmark_domain::time::Timestamp;

use super::webhook::address;
use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;
use crate::cli::problem::WrongUse;

/// How often and how long a test's outcome is asked for.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ASK_TIMES: u32 = 120;

/// Sends an event to try a webhook out, and says what the receiver answered
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark webhook test 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct TestArgs {
    /// Its id
    webhook: String,
}

/// Lists what was sent to a webhook, or the tries of one event
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark webhook deliveries 01890a5d-ac96-774b-bcce-b302099a8057 --state dead")]
pub struct DeliveriesArgs {
    /// Its id
    webhook: String,
    /// Every try of this event
    sequence: Option<i64>,
    /// Only these: pending, delivered or dead
    #[arg(long, value_parser = ["pending", "delivered", "dead"])]
    state: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// Delivers one event again, or everything from somewhere on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  shelfmark webhook replay 01890a5d-ac96-774b-bcce-b302099a8057 --sequence 812\n  shelfmark webhook replay 01890a5d-ac96-774b-bcce-b302099a8057 --at 2026-03-01T08:00:00Z"
)]
pub struct ReplayArgs {
    /// Its id
    webhook: String,
    /// Only this event
    #[arg(long, group = "what", required_unless_present_any = ["since", "at"])]
    sequence: Option<i64>,
    /// Everything from this event on
    #[arg(long, group = "what", value_name = "SEQUENCE")]
    since: Option<i64>,
    /// Everything from this instant on
    #[arg(long, group = "what", value_name = "INSTANT")]
    at: Option<Timestamp>,
}

/// `shelfmark webhook test`
///
/// # Errors
/// What the server refused; that the receiver did not take the event.
pub async fn test(session: &Session, args: TestArgs) -> anyhow::Result<()> {
    let queued = session.api.post(&address(session, &args.webhook, "/test")?, &json!({})).await?;
    let delivery = address(session, &args.webhook, &format!("/deliveries/{}", field(&queued, "sequence")))?;
    for _ in 0..ASK_TIMES {
        let shown: Value = session.api.get(&delivery).await?;
        let attempt = &shown["attempts"][0];
        match shown["state"].as_str() {
            Some("delivered") => {
                return session.show(&shown, |_| format!("The receiver took it: status {}.", field(attempt, "status")));
            }
            Some("dead") => {
                let (status, answer) = (field(attempt, "status"), field(attempt, "answer"));
                anyhow::bail!("the receiver did not take it: status {status}, {answer:?}");
            }
            _ => tokio::time::sleep(ASK_EVERY).await,
        }
    }
    anyhow::bail!("it has not been sent yet; shelfmark webhook deliveries tells when it was")
}

/// `shelfmark webhook deliveries`
///
/// # Errors
/// What the server refused.
pub async fn list(session: &Session, args: DeliveriesArgs) -> anyhow::Result<()> {
    let DeliveriesArgs { webhook, sequence, state, limit } = args;
    if let Some(sequence) = sequence {
        let delivery: Value = session.api.get(&address(session, &webhook, &format!("/deliveries/{sequence}"))?).await?;
        return session.show(&delivery, attempts);
    }
    if limit == 0 {
        return Err(WrongUse("--limit 0 shows nothing; give at least 1".to_owned()).into());
    }
    let state = state.map(|state| format!("?state={state}")).unwrap_or_default();
    let list = address(session, &webhook, &format!("/deliveries{state}"))?;
    let deliveries = session.api.list(&list, limit.min(1_000), limit).await?;
    session.show_list(deliveries, "Nothing has been sent yet.", |deliveries| {
        let mut table = Table::new(&["SEQUENCE", "KIND", "STATE", "TRIES", "LAST"]);
        for delivery in deliveries {
            let cells = ["sequence", "kind", "state", "tries"].map(|name| field(delivery, name));
            table.row(cells.into_iter().chain([instant(delivery, "at")]));
        }
        table.text()
    })
}

fn attempts(delivery: &Value) -> String {
    let mut table = Table::new(&["TRY", "AT", "STATUS", "MS", "ANSWER"]);
    for attempt in delivery["attempts"].as_array().into_iter().flatten() {
        let (number, status) = (field(attempt, "number"), field(attempt, "status"));
        let answer: String = field(attempt, "answer").chars().take(80).collect();
        table.row([number, instant(attempt, "at"), status, field(attempt, "duration_ms"), answer]);
    }
    format!("Event {} is {}.\n{}", field(delivery, "sequence"), field(delivery, "state"), table.text())
}

/// `shelfmark webhook replay`
///
/// # Errors
/// What the server refused.
pub async fn replay(session: &Session, args: ReplayArgs) -> anyhow::Result<()> {
    let ReplayArgs { webhook, sequence, since, at } = args;
    let queued = match sequence {
        Some(sequence) => {
            let replay = address(session, &webhook, &format!("/deliveries/{sequence}/replay"))?;
            session.api.post(&replay, &json!({})).await?
        }
        None => {
            let mut body = json!({});
            if let Some(since) = since {
                body["since"] = since.into();
            }
            if let Some(at) = at {
                body["at"] = json!(at);
            }
            session.api.post(&address(session, &webhook, "/replay")?, &body).await?
        }
    };
    let only = if sequence.is_some() { "" } else { " and what came after it" };
    session.show(&queued, |queued| format!("Event {}{only} will be sent again.", field(queued, "sequence")))
}
