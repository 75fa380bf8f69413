//! `shelfmark waiver`: checks that are excused for a time.

use reqwest::Method;
use serde_json::json;
use shelfmark_domain::gate::CheckName;
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Grants, lists and revokes waivers of checks.
#[derive(Debug, clap::Subcommand)]
pub enum WaiverCommand {
    /// Excuses a check in an environment until an instant
    #[command(
        after_help = "Example:\n  shelfmark waiver grant production soak --release R-12 --until 2026-03-28T00:00:00Z --reason \"legal deadline\""
    )]
    Grant {
        /// Such as production
        #[arg(value_name = "ENV")]
        environment: EnvironmentName,
        /// The check, as the gate lists it
        check: CheckName,
        /// Only for this release; for every one when left out
        #[arg(long)]
        release: Option<ReleaseNumber>,
        /// When it ends
        #[arg(long, value_name = "INSTANT")]
        until: Timestamp,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lists the waivers, newest first
    #[command(after_help = "Example:\n  shelfmark waiver list")]
    List,
    /// Ends a waiver before its time
    #[command(after_help = "Example:\n  shelfmark waiver revoke 117")]
    Revoke {
        /// Its number, as `waiver list` shows it
        number: i64,
    },
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: WaiverCommand) -> anyhow::Result<()> {
    match command {
        WaiverCommand::Grant { environment, check, release, until, reason } => {
            let body = json!({ "environment": environment, "check": check, "release": release, "ends_at": until, "reason": reason });
            let waiver = session.api.post(&session.at("/waivers")?, &body).await?;
            session.show(&waiver, |waiver| format!("{check} is waived until {}.", instant(waiver, "ends_at")))
        }
        WaiverCommand::List => {
            let waivers = session.api.list(&session.at("/waivers")?, 1_000, usize::MAX).await?;
            session.show_list(waivers, "Nothing has ever been waived.", |waivers| {
                let mut table = Table::new(&["NUMBER", "ENV", "CHECK", "RELEASE", "BY", "UNTIL", "REVOKED", "REASON"]);
                for waiver in waivers {
                    let first = ["number", "environment", "check", "release", "by"].map(|name| field(waiver, name));
                    let times = [instant(waiver, "ends_at"), instant(waiver, "revoked_at"), field(waiver, "reason")];
                    table.row(first.into_iter().chain(times));
                }
                table.text()
            })
        }
        WaiverCommand::Revoke { number } => {
            let address = session.at(&format!("/waivers/{number}"))?;
            let waiver = session.api.send_for(session.api.request(Method::DELETE, &address)).await?;
            session.show(&waiver, |_| format!("Waiver {number} has ended."))
        }
    }
}
