//! `shelfmark subscribe`, `unsubscribe`, `subscriptions`: mail to oneself.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::notify::interest::Interest;

use crate::cli::api::segment;
use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Sends you mail about what happens in the project from now on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  shelfmark subscribe mentions assigned\n  shelfmark subscribe 'release.*' --when daily --time 07:30 --zone Europe/Berlin"
)]
pub struct SubscribeArgs {
    /// mentions, assigned, release.created, release.*, or * for all
    #[arg(required = true, value_name = "KIND")]
    kinds: Vec<Interest>,
    /// One mail an event, or what has gathered
    #[arg(long, value_enum, default_value = "at-once")]
    when: WhenChoice,
    /// For daily: the time of the day
    #[arg(long, value_name = "HH:MM")]
    time: Option<String>,
    /// For daily: the time zone, such as Europe/Berlin
    #[arg(long)]
    zone: Option<String>,
}

/// When mail is sent.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WhenChoice {
    AtOnce,
    Hourly,
    Daily,
}

/// Ends subscriptions of yours
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark unsubscribe 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct UnsubscribeArgs {
    /// Ids that `shelfmark subscriptions` shows
    #[arg(required = true, value_name = "SUBSCRIPTION")]
    subscriptions: Vec<String>,
}

/// Lists what you have subscribed to, in all projects
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark subscriptions")]
pub struct SubscriptionsArgs {}

/// `shelfmark subscribe`
///
/// # Errors
/// What the server refused.
pub async fn subscribe(session: &Session, args: SubscribeArgs) -> anyhow::Result<()> {
    let SubscribeArgs { kinds, when, time, zone } = args;
    let when = match when {
        WhenChoice::AtOnce => "at_once",
        WhenChoice::Hourly => "hourly",
        WhenChoice::Daily => "daily",
    };
    let body = json!({ "kinds": kinds, "when": when, "time": time, "zone": zone });
    let subscription = session.api.post(&session.at("/subscriptions")?, &body).await?;
    session.show(&subscription, |subscription| {
        let off =
            if subscription["mail_is_on"] == false { " No server for mail is set yet: nothing is sent." } else { "" };
        format!("You are subscribed as {}.{off}", field(subscription, "id"))
    })
}

/// `shelfmark unsubscribe`
///
/// # Errors
/// What the server refused; subscriptions before that one are ended.
pub async fn unsubscribe(session: &Session, args: UnsubscribeArgs) -> anyhow::Result<()> {
    for id in &args.subscriptions {
        let address = format!("/me/subscriptions/{}", segment(id));
        session.api.send(session.api.request(Method::DELETE, &address)).await?;
    }
    session.show(&json!({ "removed": args.subscriptions }), |_| "You get no more of that.".to_owned())
}

/// `shelfmark subscriptions`
///
/// # Errors
/// What the server refused.
pub async fn list(session: &Session, _: SubscriptionsArgs) -> anyhow::Result<()> {
    let subscriptions = session.api.list("/me/subscriptions", 1_000, usize::MAX).await?;
    session.show_list(subscriptions, "You have subscribed to nothing.", |subscriptions| {
        let mut table = Table::new(&["ID", "PROJECT", "KINDS", "WHEN", "TIME", "ZONE", "SINCE"]);
        for subscription in subscriptions {
            let kinds = subscription["kinds"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut cells = vec![field(subscription, "id"), field(subscription, "project")];
            cells.push(kinds.collect::<Vec<_>>().join(" "));
            cells.extend(["when", "time", "zone"].map(|name| field(subscription, name)));
            cells.push(instant(subscription, "created_at"));
            table.row(cells);
        }
        table.text()
    })
}
