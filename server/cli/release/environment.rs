//! `shelfmark env`: the named places that serve one build at a time.

use clap::ValueEnum;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use shelfmark_domain::name::EnvironmentName;

use crate::cli::gate::locks::{self, StopArgs};
use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Who may fetch without credentials.
#[derive(Clone, Copy, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VisibilityChoice {
    /// Anyone
    Public,
    /// Only who may read the project
    Private,
}

/// Makes, lists and changes environments.
#[derive(Debug, clap::Subcommand)]
pub enum EnvironmentCommand {
    /// Lists the environments in their order, and what each serves
    #[command(after_help = "Example:\n  shelfmark env list")]
    List,
    /// Makes an environment
    #[command(after_help = "Example:\n  shelfmark env create preview --position 2 --visibility private")]
    Create {
        /// Its name in addresses: a-z, 0-9 and -
        name: EnvironmentName,
        #[command(flatten)]
        settings: Settings,
    },
    /// Changes an environment's place in the order or who may see it
    #[command(after_help = "Example:\n  shelfmark env set production --visibility public")]
    Set {
        /// Such as production
        name: EnvironmentName,
        #[command(flatten)]
        settings: Settings,
    },
    Stop(StopArgs),
    /// Opens a stopped environment again
    #[command(after_help = "Example:\n  shelfmark env reopen production --reason \"the shop is back\"")]
    Reopen {
        /// Such as production
        name: EnvironmentName,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lifts the hold that a rollback has put: schedules and automations go on
    #[command(after_help = "Example:\n  shelfmark env lift-hold production --reason \"the cause is mended\"")]
    LiftHold {
        /// Such as production
        name: EnvironmentName,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Lists what locks an environment, and what has locked it
    #[command(after_help = "Example:\n  shelfmark env locks staging")]
    Locks {
        /// Such as staging
        name: EnvironmentName,
    },
}

/// What can be said about an environment.
#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Its place in the order, counted from 1
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    position: Option<i64>,
    /// Who may fetch from it without credentials
    #[arg(long)]
    visibility: Option<VisibilityChoice>,
}

impl Settings {
    fn write_to(&self, body: &mut Value) {
        if let Some(position) = self.position {
            body["position"] = position.into();
        }
        if let Some(visibility) = self.visibility {
            body["visibility"] = json!(visibility);
        }
    }
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: EnvironmentCommand) -> anyhow::Result<()> {
    let (method, address, mut body, settings) = match command {
        EnvironmentCommand::List => {
            let items = session.api.list(&session.at("/environments")?, 1_000, usize::MAX).await?;
            return session.show_list(items, "The project has no environment.", table);
        }
        EnvironmentCommand::Stop(args) => return locks::stop(session, args).await,
        EnvironmentCommand::Reopen { name, reason } => return locks::lift(session, name, "reopen", reason).await,
        EnvironmentCommand::LiftHold { name, reason } => return locks::lift(session, name, "lift-hold", reason).await,
        EnvironmentCommand::Locks { name } => return locks::list(session, name).await,
        EnvironmentCommand::Create { name, settings } => {
            (Method::POST, session.at("/environments")?, json!({ "name": name }), settings)
        }
        EnvironmentCommand::Set { name, settings } => {
            (Method::PATCH, session.at(&format!("/environments/{name}"))?, json!({}), settings)
        }
    };
    settings.write_to(&mut body);
    let environment = session.api.send_json(method, &address, &body).await?;
    session.show(&environment, |environment| table(std::slice::from_ref(environment)))
}

/// Environments with what they serve.
pub fn table(environments: &[Value]) -> String {
    let mut table = Table::new(&["ENVIRONMENT", "POSITION", "VISIBILITY", "BUILD", "REVISION", "DEPLOYED"]);
    for environment in environments {
        let cells = ["name", "position", "visibility", "build", "revision"].map(|name| field(environment, name));
        table.row(cells.into_iter().chain([instant(environment, "deployed_at")]));
    }
    table.text()
}
