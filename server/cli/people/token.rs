//! `shelfmark token`: what machines sign in with.

use clap::ValueEnum;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use shelfmark_domain::name::{EnvironmentName, ProjectName, UserName};
use shelfmark_domain::time::Timestamp;

use super::session::Session;
use crate::cli::api::segment;
use crate::cli::output::{Table, field, instant, plain};

/// What a token may do. Each role includes the ones before it.
#[derive(Clone, Copy, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleChoice {
    /// Reads everything
    Viewer,
    /// Uploads and edits assets
    Editor,
    /// Plans and builds releases, promotes and rolls back
    #[value(alias = "release_manager")]
    ReleaseManager,
    /// Changes projects and environments, makes and revokes tokens, keeps the store
    Administrator,
}

/// Makes, lists and revokes tokens.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Makes a token and prints it, this once
    #[command(after_help = "Example:\n  shelfmark token create build-server --role editor --for-project site")]
    Create(CreateArgs),
    /// Lists the tokens, without what they are
    #[command(after_help = "Example:\n  shelfmark token list")]
    List,
    /// Ends a token
    #[command(after_help = "Example:\n  shelfmark token revoke 0197c1f0-7a50-7d3e-9a56-0f4f4d1f3a10")]
    Revoke {
        /// The token's id, as `token list` shows it
        id: String,
    },
}

/// A token to make.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// What it is for
    name: String,
    /// The person it speaks for; a machine's own when left out
    #[arg(long)]
    user: Option<UserName>,
    /// What it may do
    #[arg(long)]
    role: RoleChoice,
    /// Only in this project; everywhere when left out
    #[arg(long, value_name = "PROJECT")]
    for_project: Option<ProjectName>,
    /// Only for this environment of the project
    #[arg(long, value_name = "ENV", requires = "for_project")]
    for_environment: Option<EnvironmentName>,
    /// When it ends, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<Timestamp>,
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(args) => {
            let token = session.api.post("/tokens", &body(&args)).await?;
            session.show(&token, |token| field(token, "token"))?;
            if !session.is_json {
                eprintln!("Keep it: it is not shown again. To end it: shelfmark token revoke {}", field(&token, "id"));
            }
            Ok(())
        }
        TokenCommand::List => {
            let tokens = session.api.list("/tokens", 1_000, usize::MAX).await?;
            session.show_list(tokens, "There is no token.", table)
        }
        TokenCommand::Revoke { id } => {
            let address = format!("/tokens/{}", segment(&id));
            let answer = session.api.send(session.api.request(Method::DELETE, &address)).await?;
            let ended = answer.json().await.unwrap_or_else(|_| json!({ "id": id })); // an answer without a body
            session.show(&ended, |_| format!("Token {} is revoked.", plain(&id)))
        }
    }
}

fn body(args: &CreateArgs) -> Value {
    let mut body = json!({ "name": args.name, "role": args.role });
    let optional = [
        ("user", args.user.as_ref().map(ToString::to_string)),
        ("project", args.for_project.as_ref().map(ToString::to_string)),
        ("environment", args.for_environment.as_ref().map(ToString::to_string)),
        ("expires_at", args.expires_at.map(|at| at.to_string())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    body
}

fn table(tokens: &[Value]) -> String {
    let mut table = Table::new(&["ID", "NAME", "USER", "ROLE", "PROJECT", "ENVIRONMENT", "EXPIRES", "CREATED"]);
    for token in tokens {
        let cells = ["id", "name", "user", "role", "project", "environment"].map(|name| field(token, name));
        table.row(cells.into_iter().chain([instant(token, "expires_at"), instant(token, "created_at")]));
    }
    table.text()
}
