//! `shelfmark audit`: who changed what when, and whether the record is whole.

use serde_json::Value;

use super::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Lists and verifies the audit trail.
#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// Lists what was changed: in the project, or everywhere when none is named
    #[command(after_help = "Example:\n  shelfmark audit list --limit 20")]
    List {
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Of all projects, even where one is named
        #[arg(long)]
        all_projects: bool,
    },
    /// Recomputes the chain of hashes from the first entry to the last, or checks an evidence pack without a server
    #[command(after_help = "Examples:\n  shelfmark audit verify\n  shelfmark audit verify --pack R-12.zip")]
    Verify {
        /// An evidence pack, as `shelfmark export` writes it; the server's trail when left out
        #[arg(long, value_name = "FILE")]
        pack: Option<std::path::PathBuf>,
    },
}

/// Does what the command says.
///
/// # Errors
/// What the server refused; a broken chain.
pub async fn run(session: &Session, command: AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::List { limit, all_projects } => {
            let project = if all_projects { None } else { session.project_if_named()? };
            let address = project.map_or_else(|| "/audit".to_owned(), |name| format!("/audit?project={name}"));
            let entries = session.api.list(&address, 1_000, limit).await?;
            session.show_list(entries, "There is no entry.", table)
        }
        AuditCommand::Verify { .. } => {
            let answer: Value = session.api.get("/audit/verify").await?;
            session.show(&answer, |answer| {
                let entries = answer.get("entries").and_then(Value::as_u64).unwrap_or(0);
                let entries = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
                format!("The audit trail is whole: {entries}, head {}.", field(answer, "head"))
            })
        }
    }
}

fn table(entries: &[Value]) -> String {
    let mut table = Table::new(&["ENTRY", "AT", "WHO", "ACTION", "PROJECT", "SUBJECT", "MESSAGE"]);
    for entry in entries {
        let who = match field(entry, "actor_name") {
            name if name == "-" => field(entry, "actor"),
            name => name,
        };
        let rest = ["action", "project", "subject", "message"].map(|name| field(entry, name));
        table.row([field(entry, "sequence"), instant(entry, "at"), who].into_iter().chain(rest));
    }
    table.text()
}
