//! `shelfmark release repin`, `clone`, `split` and `cancel`: releases out of releases.

use serde_json::{Value, json};
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::path::FolderPath;

use crate::cli::api::segment;
use crate::cli::output::{Table, count, field, plain, size};
use crate::cli::people::session::Session;
use crate::cli::problem::WrongUse;

/// Pins the changes of a draft at the newest versions of their assets
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release repin R-12 --dry-run
  shelfmark release repin R-12 img/logo.svg")]
pub struct RepinArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The keys of the changes, as `release show` lists them; all when left out. Those that start with - stand after --
    #[arg(value_name = "KEY")]
    keys: Vec<String>,
    /// The changes of all paths in a folder
    #[arg(long, conflicts_with = "keys")]
    folder: Option<FolderPath>,
    /// Only show which versions would change
    #[arg(long, conflicts_with = "keys")]
    dry_run: bool,
}

/// Makes a draft with the changes of a release as they are, whatever became of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release clone R-12 --title \"Spring campaign, again\"")]
pub struct CloneArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// What people call the copy; the same when left out
    #[arg(long)]
    title: Option<String>,
}

/// Makes a draft of some changes of another draft, which has them no more
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release split R-12 --title \"Spring campaign, part 2\" img/hero.jpg
  shelfmark release split R-12 --title \"Icons\" --folder icons/")]
pub struct SplitArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// What people call the new release
    #[arg(long)]
    title: String,
    /// The keys of the changes, as `release show` lists them; those that start with - stand after --
    #[arg(value_name = "KEY", required_unless_present = "folder")]
    keys: Vec<String>,
    /// The changes of all paths in a folder
    #[arg(long, conflicts_with = "keys")]
    folder: Option<FolderPath>,
}

/// Gives a draft up
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release cancel R-12 --reason \"the campaign is off\"")]
pub struct CancelArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Why
    #[arg(long)]
    reason: Option<String>,
}

/// The selection as the API reads it; nothing for everything.
fn selection(keys: Vec<String>, folder: Option<FolderPath>) -> Value {
    match folder {
        Some(folder) => json!({ "folder": folder }),
        None if keys.is_empty() => json!({}),
        None => json!({ "keys": keys }),
    }
}

/// `shelfmark release repin`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn repin(session: &Session, args: RepinArgs) -> anyhow::Result<()> {
    let RepinArgs { release, keys, folder, dry_run } = args;
    let address = session.at(&format!("/releases/{release}/repin"))?;
    if dry_run {
        let only = folder.map(|folder| format!("?folder={}", segment(folder.as_str()))).unwrap_or_default();
        let outdated = session.api.list(&format!("{address}{only}"), 1_000, usize::MAX).await?;
        return session.show_list(outdated, "Everything is at its newest version.", outdated_table);
    }
    let done = session.api.post(&address, &selection(keys, folder)).await?;
    session.show(&done, |done| {
        let repinned = done.get("repinned").and_then(Value::as_u64).unwrap_or(0);
        format!("{} of {release} pinned at the newest version.", count(repinned, "change"))
    })
}

/// `shelfmark release clone`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn copy(session: &Session, args: CloneArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/clone", args.release))?;
    let made = session.api.post(&address, &json!({ "title": args.title })).await?;
    session.show(&made, |made| field(made, "number"))
}

/// `shelfmark release split`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn split(session: &Session, args: SplitArgs) -> anyhow::Result<()> {
    let SplitArgs { release, title, keys, folder } = args;
    let mut body = selection(keys, folder);
    if body.get("keys").or(body.get("folder")).is_none() {
        return Err(WrongUse("say which changes: name keys or a folder".into()).into());
    }
    body["title"] = title.into();
    let made = session.api.post(&session.at(&format!("/releases/{release}/split"))?, &body).await?;
    session.show(&made, |made| field(made, "number"))
}

/// `shelfmark release cancel`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn cancel(session: &Session, args: CancelArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/cancel", args.release))?;
    let cancelled = session.api.post(&address, &json!({ "reason": args.reason.unwrap_or_default() })).await?;
    session.show(&cancelled, |cancelled| format!("{} is cancelled.", field(cancelled, "number")))
}

fn outdated_table(lines: &[Value]) -> String {
    let mut table = Table::new(&["KEY", "PINNED", "SIZE", "NEWEST", "SIZE"]);
    for line in lines {
        let part = |name: &str| line.get(name).map_or_else(|| "-".to_owned(), |part| size(part, "size_bytes"));
        let version = |name| field(line, name);
        let key = plain(&field(line, "key"));
        table.row([key, version("pinned.version"), part("pinned"), version("newest.version"), part("newest")]);
    }
    table.text()
}
