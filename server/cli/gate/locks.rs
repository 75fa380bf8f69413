//! `shelfmark env stop`, `reopen`, `lift-hold`, `locks`.

use reqwest::Method;
use serde_json::json;
use shelfmark_domain::gate::Class;
use shelfmark_domain::name::EnvironmentName;

use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Stops an environment: nothing passes until someone opens it again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark env stop production --reason \"the shop is down\"")]
pub struct StopArgs {
    /// Such as production
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// Why
    #[arg(long)]
    reason: String,
    /// What it binds: regular, hotfix, rollback, break_glass; may be repeated; regular and hotfix when left out
    #[arg(long = "class", value_parser = class)]
    classes: Vec<Class>,
}

fn class(text: &str) -> Result<Class, String> {
    Class::parse(text).ok_or_else(|| "write regular, hotfix, rollback or break_glass".to_owned())
}

/// `shelfmark env stop`
///
/// # Errors
/// What the server refused.
pub async fn stop(session: &Session, args: StopArgs) -> anyhow::Result<()> {
    let StopArgs { environment, reason, classes } = args;
    let mut body = json!({ "reason": reason });
    if !classes.is_empty() {
        body["classes"] = json!(classes);
    }
    let lock = session.api.post(&session.at(&format!("/environments/{environment}/stop"))?, &body).await?;
    session.show(&lock, |_| format!("{environment} is stopped."))
}

/// `shelfmark env reopen` and `lift-hold`
///
/// # Errors
/// What the server refused.
pub async fn lift(session: &Session, environment: EnvironmentName, verb: &str, reason: String) -> anyhow::Result<()> {
    let address = session.at(&format!("/environments/{environment}/{verb}"))?;
    session.api.send(session.api.request(Method::POST, &address).json(&json!({ "reason": reason }))).await?;
    let lifted = json!({ "environment": environment });
    session.show(&lifted, |_| match verb {
        "reopen" => format!("{environment} is open again."),
        _ => format!("The hold of {environment} is lifted: schedules and automations go on."),
    })
}

/// `shelfmark env locks`
///
/// # Errors
/// What the server refused.
pub async fn list(session: &Session, environment: EnvironmentName) -> anyhow::Result<()> {
    let address = session.at(&format!("/environments/{environment}/locks"))?;
    let locks = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(locks, &format!("Nothing has ever locked {environment}."), |locks| {
        let mut table = Table::new(&["KIND", "BUILD", "SINCE", "BY", "UNTIL", "ENDED", "REASON"]);
        for lock in locks {
            let times = [instant(lock, "until"), instant(lock, "ended_at"), field(lock, "reason")];
            let first = [field(lock, "kind"), field(lock, "build"), instant(lock, "since"), field(lock, "by")];
            table.row(first.into_iter().chain(times));
        }
        table.text()
    })
}
