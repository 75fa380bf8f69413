//! `shelfmark work list` and `export`: the wanted items.

use std::path::PathBuf;

use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::{ReleaseNumber, UserName};

use super::super::api::segment;
use super::super::output::{self, Table, field};
use super::super::problem::WrongUse;
use crate::cli::asset::get::{copy, write_file};
use crate::cli::people::session::Session;

/// Which items are wanted.
#[derive(Debug, clap::Args)]
struct FilterArgs {
    /// One status, or several with commas between them
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// What they are about
    #[arg(long, value_parser = ["request", "change", "fix", "incident"])]
    kind: Option<String>,
    /// How much they matter
    #[arg(long, value_parser = ["low", "normal", "high", "urgent"])]
    priority: Option<String>,
    /// Who works on them
    #[arg(long, value_name = "PERSON")]
    assignee: Option<UserName>,
    /// Who wants them
    #[arg(long, value_name = "PERSON")]
    requester: Option<UserName>,
    /// A label that they have
    #[arg(long)]
    label: Option<String>,
    /// The release that is about them
    #[arg(long, value_name = "R-N")]
    release: Option<ReleaseNumber>,
    /// Due earlier than this day, such as 2026-03-01
    #[arg(long, value_name = "DAY")]
    due_before: Option<Date>,
    /// Words that title or description have
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
}

impl FilterArgs {
    fn into_query(self) -> String {
        let words = (!self.words.is_empty()).then(|| self.words.join(" "));
        let parts = [
            ("status", self.status),
            ("kind", self.kind),
            ("priority", self.priority),
            ("assignee", self.assignee.map(|name| name.to_string())),
            ("requester", self.requester.map(|name| name.to_string())),
            ("label", self.label),
            ("release", self.release.map(|number| number.to_string())),
            ("due_before", self.due_before.map(|day| day.to_string())),
            ("q", words),
        ];
        let said = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(&value?))));
        said.collect::<Vec<_>>().join("&")
    }
}

/// Lists work items, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark work list --status open,in_progress --assignee ben
  shelfmark work list --status open --board
  shelfmark work list logo")]
pub struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// In the order of the board; needs one --status
    #[arg(long, requires = "status")]
    board: bool,
    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Writes work items as CSV, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work export --status closed --output closed.csv")]
pub struct ExportArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Where to write; standard output when left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `shelfmark work list`
///
/// # Errors
/// What the server refused.
pub async fn list(session: &Session, args: ListArgs) -> anyhow::Result<()> {
    let order = if args.board { "order=board&" } else { "" };
    let address = session.at(&format!("/work-items?{order}{}", args.filter.into_query()))?;
    let items = session.api.list(address.trim_end_matches(['?', '&']), 1_000, args.limit.unwrap_or(usize::MAX)).await?;
    session.show_list(items, "There is no such work item.", table)
}

/// `shelfmark work export`
///
/// # Errors
/// `WrongUse` for JSON of what is CSV; what the server refused; a file that can't be written.
pub async fn export(session: &Session, args: ExportArgs) -> anyhow::Result<()> {
    if session.is_json && args.output.is_none() {
        let detail = "the export is CSV and needs a place to go beside the JSON; give --output FILE";
        return Err(WrongUse(detail.to_owned()).into());
    }
    let address = session.at(&format!("/work-items.csv?{}", args.filter.into_query()))?;
    let request = session.api.request(Method::GET, address.trim_end_matches('?'));
    let answer = session.api.send(request).await?;
    let Some(file) = args.output else {
        return copy(session, answer, &mut std::io::stdout().lock()).await.map(|_| ());
    };
    let bytes = write_file(session, answer, &file).await?;
    let shown = json!({ "file": file, "bytes": bytes });
    session.show(&shown, |_| format!("The work items are in {} ({}).", file.display(), output::bytes(bytes)))
}

/// Work items as people see them.
pub fn table(items: &[Value]) -> String {
    let mut table = Table::new(&["ITEM", "KIND", "STATUS", "PRIORITY", "ASSIGNEE", "DUE", "RELEASE", "TITLE"]);
    for item in items {
        let names = ["number", "kind", "status", "priority", "assignee", "due_on", "release", "title"];
        table.row(names.map(|name| field(item, name)));
    }
    table.text()
}
