//! `shelfmark policy`: what has to hold before an environment serves another build.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::EnvironmentName;

use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Shows and sets policies.
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Shows the policy of an environment, or of the whole project
    #[command(after_help = "Example:\n  shelfmark policy show production")]
    Show {
        /// Such as production; the whole project when left out
        #[arg(value_name = "ENV")]
        environment: Option<EnvironmentName>,
    },
    /// Sets the policy of an environment, or of the whole project, from a JSON file
    #[command(
        after_help = "Example:\n  echo '{\"order\": true, \"approvals\": [{\"count\": 1, \"role\": \"release_manager\", \"exclude_author\": true}]}' \\\n    | shelfmark policy set production --file - --message \"four eyes\""
    )]
    Set {
        /// Such as production; the whole project when left out
        #[arg(value_name = "ENV")]
        environment: Option<EnvironmentName>,
        /// The policy as JSON; - for standard input
        #[arg(long)]
        file: PathBuf,
        /// Why
        #[arg(long)]
        message: Option<String>,
    },
    /// Lists the revisions of a policy, newest first
    #[command(after_help = "Example:\n  shelfmark policy history production")]
    History {
        /// Such as production; the whole project when left out
        #[arg(value_name = "ENV")]
        environment: Option<EnvironmentName>,
    },
}

fn address(session: &Session, environment: Option<&EnvironmentName>) -> anyhow::Result<String> {
    match environment {
        None => session.at("/policy"),
        Some(name) => session.at(&format!("/environments/{name}/policy")),
    }
}

/// Does what the command says.
///
/// # Errors
/// What the server refused; a file that can't be read or is no JSON.
pub async fn run(session: &Session, command: PolicyCommand) -> anyhow::Result<()> {
    match command {
        PolicyCommand::Show { environment } => {
            let policy: Value = session.api.get(&address(session, environment.as_ref())?).await?;
            session.show(&policy, |view| serde_json::to_string_pretty(&view["policy"]).unwrap_or_default())
        }
        PolicyCommand::Set { environment, file, message } => {
            let policy = read(&file)?;
            let body = json!({ "policy": policy, "message": message.unwrap_or_default() });
            let address = address(session, environment.as_ref())?;
            let set = session.api.send_json(Method::PUT, &address, &body).await?;
            session.show(&set, |set| format!("The policy is at revision {}.", field(set, "revision")))
        }
        PolicyCommand::History { environment } => {
            let address = format!("{}/revisions", address(session, environment.as_ref())?);
            let revisions = session.api.list(&address, 1_000, usize::MAX).await?;
            session.show_list(revisions, "No policy was ever set.", |revisions| {
                let mut table = Table::new(&["REVISION", "AT", "BY", "MESSAGE"]);
                for revision in revisions {
                    let rest = ["by", "message"].map(|name| field(revision, name));
                    table.row([field(revision, "revision"), instant(revision, "at")].into_iter().chain(rest));
                }
                table.text()
            })
        }
    }
}

fn read(file: &std::path::Path) -> anyhow::Result<Value> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input can't be read")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?
    };
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}
