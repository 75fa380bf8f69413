//! `shelfmark saved-search`: named filters over the assets.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::filter::Pattern;
use shelfmark_domain::name::SearchName;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::time::Timestamp;

use crate::cli::output::{Table, field, plain, size};
use crate::cli::people::session::Session;

/// Saves, lists, shows and removes searches over the assets.
#[derive(Debug, clap::Subcommand)]
pub enum SearchCommand {
    /// Saves a search, or gives one that is there another filter
    #[command(
        after_help = "Example:\n  shelfmark saved-search save spring-icons --folder icons/ --name \"*.svg\" --tag spring"
    )]
    Save {
        /// What to call it
        search: SearchName,
        #[command(flatten)]
        filter: FilterArgs,
    },
    /// Lists the saved searches
    #[command(after_help = "Example:\n  shelfmark saved-search list")]
    List,
    /// Lists what a saved search finds now
    #[command(after_help = "Example:\n  shelfmark saved-search show spring-icons")]
    Show {
        /// Which
        search: SearchName,
    },
    /// Removes a saved search
    #[command(after_help = "Example:\n  shelfmark saved-search rm spring-icons")]
    Rm {
        /// Which
        search: SearchName,
    },
}

/// Which assets; all that is said must hold.
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    /// Below this folder
    #[arg(long)]
    folder: Option<FolderPath>,
    /// The file's name; * stands for anything
    #[arg(long, value_name = "PATTERN")]
    name: Option<Pattern>,
    /// Such as image/*
    #[arg(long, value_name = "PATTERN")]
    media_type: Option<Pattern>,
    /// A tag that it has; may be repeated
    #[arg(long)]
    tag: Vec<String>,
    /// The latest version was made at this instant or later
    #[arg(long, value_name = "INSTANT")]
    changed_since: Option<Timestamp>,
    /// Who made the latest version
    #[arg(long, value_name = "NAME")]
    made_by: Option<String>,
}

impl FilterArgs {
    fn body(&self) -> Value {
        let said = json!({ "folder": self.folder, "name": self.name, "media_type": self.media_type,
            "changed_since": self.changed_since, "made_by": self.made_by });
        let mut body = json!({ "tags": self.tag });
        for (name, value) in said.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            body[name] = value.clone();
        }
        body
    }
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: SearchCommand) -> anyhow::Result<()> {
    let address = session.at("/saved-searches")?;
    match command {
        SearchCommand::Save { search, filter } => {
            let known = session.api.list(&address, 1_000, usize::MAX).await?;
            let is_known = known.iter().any(|known| field(known, "name") == search.as_str());
            let saved = if is_known {
                let body = json!({ "filter": filter.body() });
                session.api.send_json(Method::PUT, &format!("{address}/{search}"), &body).await?
            } else {
                session.api.post(&address, &json!({ "name": search, "filter": filter.body() })).await?
            };
            session.show(&saved, |_| format!("{search} is saved."))
        }
        SearchCommand::List => {
            let searches = session.api.list(&address, 1_000, usize::MAX).await?;
            session.show_list(searches, "No search is saved.", search_table)
        }
        SearchCommand::Show { search } => {
            let found = session.api.list(&format!("{address}/{search}/assets"), 1_000, usize::MAX).await?;
            session.show_list(found, "It finds nothing now.", found_table)
        }
        SearchCommand::Rm { search } => {
            session.api.send(session.api.request(Method::DELETE, &format!("{address}/{search}"))).await?;
            session.show(&json!({ "name": search }), |_| format!("{search} is removed."))
        }
    }
}

fn search_table(searches: &[Value]) -> String {
    let mut table = Table::new(&["SEARCH", "FILTER", "BY"]);
    for search in searches {
        table.row(["name", "filter", "created_by"].map(|name| plain(&field(search, name))));
    }
    table.text()
}

fn found_table(assets: &[Value]) -> String {
    let mut table = Table::new(&["PATH", "VERSION", "SIZE", "TYPE"]);
    for asset in assets {
        let cell = |name| plain(&field(asset, name));
        table.row([cell("path"), cell("version"), size(asset, "size_bytes"), cell("media_type")]);
    }
    table.text()
}
