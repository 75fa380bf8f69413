//! What a client command works with: a server, perhaps a project, and how to show the outcome.

use serde_json::Value;
use shelfmark_domain::name::ProjectName;

use super::credentials::{self, Connection, ConnectionArgs};
use crate::cli::api::Api;
use crate::cli::output;
use crate::cli::problem::WrongUse;

/// A command's connection and its way of showing.
pub struct Session {
    pub api: Api,
    project: Option<String>,
    pub is_json: bool,
}

impl Session {
    /// Combines flags, environment and stored credentials. Nothing is sent.
    ///
    /// # Errors
    /// `WrongUse` when no server is named; damaged credentials.
    pub fn open(args: &ConnectionArgs) -> anyhow::Result<Self> {
        let stored = match credentials::file() {
            Some(file) => credentials::load(&file)?,
            None => None,
        };
        let connection = Connection::resolve(args, stored)?;
        let api = Api::new(&connection.url, connection.token.as_deref())?;
        Ok(Self { api, project: connection.project, is_json: args.json })
    }

    /// The project to work in.
    ///
    /// # Errors
    /// `WrongUse` when none is named or its name is none.
    pub fn project(&self) -> anyhow::Result<ProjectName> {
        let Some(name) = &self.project else {
            return Err(WrongUse("no project is named; give --project or set SHELFMARK_PROJECT".to_owned()).into());
        };
        name.parse().map_err(|invalid| WrongUse(format!("{invalid}")).into())
    }

    /// The project to work in, where one is named.
    ///
    /// # Errors
    /// `WrongUse` when its name is none.
    pub fn project_if_named(&self) -> anyhow::Result<Option<ProjectName>> {
        self.project.is_some().then(|| self.project()).transpose()
    }

    /// An address below the project.
    ///
    /// # Errors
    /// As `project`.
    pub fn at(&self, address: &str) -> anyhow::Result<String> {
        Ok(format!("/projects/{}{address}", self.project()?))
    }

    /// Prints the answer as JSON, or what `text` makes of it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn show(&self, answer: &Value, text: impl FnOnce(&Value) -> String) -> anyhow::Result<()> {
        if self.is_json {
            output::print_json(answer)?
        } else {
            output::print(&text(answer))?
        }
        Ok(())
    }

    /// Prints a list as JSON or as what `text` makes of its items; `empty` where it has none.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn show_list(
        &self,
        items: Vec<Value>,
        empty: &str,
        text: impl FnOnce(&[Value]) -> String,
    ) -> anyhow::Result<()> {
        if self.is_json {
            output::print_json(&serde_json::json!({ "items": items, "next_cursor": null }))?;
        } else if items.is_empty() {
            output::print(empty)?;
        } else {
            output::print(&text(&items))?;
        }
        Ok(())
    }
}
