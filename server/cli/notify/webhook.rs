//! `shelfmark webhook`: where a project's events are sent.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::notify::pattern::EventPattern;

use super::webhook_log::{self, DeliveriesArgs, ReplayArgs, TestArgs};
use crate::cli::api::segment;
use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Sends a project's events to other programs.
#[derive(Debug, clap::Subcommand)]
pub enum WebhookCommand {
    /// Adds a webhook for what happens from now on, and shows its secret, once
    #[command(
        after_help = "Example:\n  shelfmark webhook create https://example.org/hook --kind 'release.*' --kind environment.promoted"
    )]
    Create {
        /// Where events are sent: an address that begins with https:// or http://
        #[arg(value_name = "ADDRESS")]
        receiver: String,
        /// Which: release.created, release.*, or * for all; may be given several times
        #[arg(long = "kind", value_name = "KIND", default_value = "*")]
        kinds: Vec<EventPattern>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
    },
    /// Lists the project's webhooks
    #[command(after_help = "Example:\n  shelfmark webhook list")]
    List,
    /// Shows a webhook
    #[command(after_help = "Example:\n  shelfmark webhook show 01890a5d-ac96-774b-bcce-b302099a8057")]
    Show {
        /// Its id
        webhook: String,
    },
    /// Changes a webhook; what isn't given stays
    #[command(after_help = "Example:\n  shelfmark webhook set 01890a5d-ac96-774b-bcce-b302099a8057 --enabled true")]
    Set(SetArgs),
    /// Removes a webhook with its log
    #[command(after_help = "Example:\n  shelfmark webhook rm 01890a5d-ac96-774b-bcce-b302099a8057")]
    Rm {
        /// Its id
        webhook: String,
    },
    /// Gives a webhook another secret and shows it, once; the one before signs too for a time
    #[command(
        after_help = "Example:\n  shelfmark webhook rotate 01890a5d-ac96-774b-bcce-b302099a8057 --grace-hours 48"
    )]
    Rotate {
        /// Its id
        webhook: String,
        /// For so long both secrets sign
        #[arg(long, value_name = "HOURS", default_value_t = 24.0)]
        grace_hours: f64,
    },
    Test(TestArgs),
    Deliveries(DeliveriesArgs),
    Replay(ReplayArgs),
}

/// What to change of a webhook.
#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// Its id
    webhook: String,
    /// Where events are sent
    #[arg(long, value_name = "ADDRESS")]
    receiver: Option<String>,
    /// Which: release.created, release.*, or * for all; may be given several times
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<EventPattern>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Whether events are sent
    #[arg(long)]
    enabled: Option<bool>,
}

/// The address of a webhook below the API.
pub(super) fn address(session: &Session, webhook: &str, rest: &str) -> anyhow::Result<String> {
    session.at(&format!("/webhooks/{}{rest}", segment(webhook)))
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: WebhookCommand) -> anyhow::Result<()> {
    match command {
        WebhookCommand::Create { receiver, kinds, description } => {
            let body = json!({ "url": receiver, "kinds": kinds, "description": description.unwrap_or_default() });
            let webhook = session.api.post(&session.at("/webhooks")?, &body).await?;
            session.show(&webhook, with_secret)
        }
        WebhookCommand::List => {
            let webhooks = session.api.list(&session.at("/webhooks")?, 1_000, usize::MAX).await?;
            session.show_list(webhooks, "The project has no webhooks.", table)
        }
        WebhookCommand::Show { webhook } => {
            let webhook: Value = session.api.get(&address(session, &webhook, "")?).await?;
            session.show(&webhook, |webhook| table(std::slice::from_ref(webhook)))
        }
        WebhookCommand::Set(args) => set(session, args).await,
        WebhookCommand::Rm { webhook } => {
            session.api.send(session.api.request(Method::DELETE, &address(session, &webhook, "")?)).await?;
            session.show(&json!({ "id": webhook }), |_| format!("The webhook {webhook} is removed."))
        }
        WebhookCommand::Rotate { webhook, grace_hours } => {
            let body = json!({ "grace_hours": grace_hours });
            let webhook = session.api.post(&address(session, &webhook, "/rotate")?, &body).await?;
            session.show(&webhook, with_secret)
        }
        WebhookCommand::Test(args) => webhook_log::test(session, args).await,
        WebhookCommand::Deliveries(args) => webhook_log::list(session, args).await,
        WebhookCommand::Replay(args) => webhook_log::replay(session, args).await,
    }
}

async fn set(session: &Session, args: SetArgs) -> anyhow::Result<()> {
    let SetArgs { webhook, receiver, kinds, description, enabled } = args;
    let mut change = json!({});
    if let Some(receiver) = receiver {
        change["url"] = receiver.into();
    }
    if !kinds.is_empty() {
        change["kinds"] = json!(kinds);
    }
    if let Some(description) = description {
        change["description"] = description.into();
    }
    if let Some(enabled) = enabled {
        change["enabled"] = enabled.into();
    }
    let webhook = session.api.send_json(Method::PATCH, &address(session, &webhook, "")?, &change).await?;
    session.show(&webhook, |webhook| table(std::slice::from_ref(webhook)))
}

fn with_secret(webhook: &Value) -> String {
    let (id, secret) = (field(webhook, "id"), field(webhook, "secret"));
    format!("The webhook {id} is there. Its secret, shown only now:\n\n  {secret}\n")
}

fn table(webhooks: &[Value]) -> String {
    let mut table = Table::new(&["ID", "URL", "KINDS", "ENABLED", "SINCE", "DESCRIPTION", "DISABLED BECAUSE"]);
    for webhook in webhooks {
        let kinds = webhook["kinds"].as_array().into_iter().flatten().filter_map(Value::as_str);
        table.row([
            field(webhook, "id"),
            field(webhook, "url"),
            kinds.collect::<Vec<_>>().join(" "),
            field(webhook, "enabled"),
            instant(webhook, "created_at"),
            field(webhook, "description"),
            field(webhook, "disabled_reason"),
        ]);
    }
    table.text()
}
