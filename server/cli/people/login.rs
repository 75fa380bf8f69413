//! `shelfmark login`: tries a token and keeps it for later commands.

use std::io::{IsTerminal, stdin};

use anyhow::Context;
use serde_json::Value;

use super::credentials::{self, Connection, ConnectionArgs, Credentials};
use crate::cli::api::Api;
use crate::cli::output::{field, print, print_json};
use crate::cli::problem::WrongUse;

/// Tries a token and keeps it, with the server and project, in a file that only you can read.
///
/// The token comes from --token, SHELFMARK_TOKEN, or a line of standard input.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark login --url http://127.0.0.1:8080 --project site < token.txt")]
pub struct LoginArgs {}

/// Asks the server who the token belongs to, then stores it.
///
/// # Errors
/// When the server refuses the token or the file cannot be written; nothing is stored then.
pub async fn run(_args: LoginArgs, connection: ConnectionArgs) -> anyhow::Result<()> {
    let is_json = connection.json;
    let file = credentials::file().context("there is no place for credentials; set HOME or XDG_CONFIG_HOME")?;
    let stored = credentials::load(&file).unwrap_or_default(); // a damaged file is what login replaces
    let known_url = stored.map(|file| Credentials { url: file.url, ..Credentials::default() });
    let said_token = connection.token.clone().filter(|token| !token.is_empty());
    let Connection { url, project, .. } = Connection::resolve(&connection, known_url)?;
    let token = match said_token {
        Some(token) => token,
        None => read_token()?,
    };
    let me: Value = Api::new(&url, Some(&token))?.get("/me").await?;
    credentials::store(&file, &Credentials { url: url.clone(), token, project })?;
    if is_json {
        return Ok(print_json(&me)?);
    }
    Ok(print(&format!("You are {} at {url}; stored in {}.", field(&me, "name"), file.display()))?)
}

fn read_token() -> anyhow::Result<String> {
    if stdin().is_terminal() {
        eprint!("Token: ");
    }
    let mut line = String::new();
    stdin().read_line(&mut line).context("standard input cannot be read")?;
    match line.trim() {
        "" => Err(WrongUse("no token was given; give --token or a line of standard input".to_owned()).into()),
        token => Ok(token.to_owned()),
    }
}
