//! `shelfmark release missing`: what a release's build lacks, and adding it.

use serde_json::{Value, json};
use shelfmark_domain::name::ReleaseNumber;

use crate::cli::api::segment;
use crate::cli::output::{Table, count, field, print_json};
use crate::cli::people::session::Session;

/// Lists what the assets of a release's latest build refer to and the build lacks
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release missing R-12
  shelfmark release missing R-12 --since environment:production --add")]
pub struct MissingArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Look only at what differs from this, environment:NAME, or empty for everything; the build's base when
    /// left out
    #[arg(long)]
    since: Option<String>,
    /// Add to the release what the library has for it, at the latest versions; then build it again
    #[arg(long)]
    add: bool,
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, args: MissingArgs) -> anyhow::Result<()> {
    let number = args.release;
    let release: Value = session.api.get(&session.at(&format!("/releases/{number}"))?).await?;
    let build = field(&release, "latest_build");
    if build == "-" {
        anyhow::bail!("{number} has no build yet; build it first: shelfmark release build {number}");
    }
    let since = args.since.map(|since| format!("?since={}", segment(&since))).unwrap_or_default();
    let address = session.at(&format!("/builds/{build}/missing{since}"))?;
    let missing = session.api.list(&address, 1_000, usize::MAX).await?;
    if !args.add {
        return session.show_list(missing, &format!("{build} lacks nothing."), table);
    }
    let changes = changes(&missing);
    let added = match changes.is_empty() {
        true => json!({ "added": 0 }),
        false => {
            let address = session.at(&format!("/releases/{number}/changes"))?;
            session.api.post(&address, &json!({ "add": changes })).await?
        }
    };
    if session.is_json {
        return Ok(print_json(&json!({ "items": missing, "next_cursor": null, "added": changes.len() }))?);
    }
    let lacking: Vec<Value> = missing.iter().filter(|one| one["available"].is_null()).cloned().collect();
    session.show(&added, |_| {
        let mut text = format!("Added {} to {number}.", count(changes.len() as u64, "asset"));
        if !changes.is_empty() {
            text.push_str(" Build it again: what was added may need more.");
        }
        if !lacking.is_empty() {
            text.push_str(&format!("\nThe library has nothing for {}:\n", count(lacking.len() as u64, "reference")));
            text.push_str(&table(&lacking));
        }
        text
    })
}

/// The changes that add what is available, each asset once.
fn changes(missing: &[Value]) -> Vec<Value> {
    let mut assets: Vec<&Value> = missing.iter().filter_map(|one| one["available"].get("asset")).collect();
    assets.sort_by_key(|asset| asset.to_string());
    assets.dedup();
    assets.into_iter().map(|asset| json!({ "kind": "asset", "asset": asset })).collect()
}

fn table(missing: &[Value]) -> String {
    let mut table = Table::new(&["MISSING", "FROM", "REFERENCE", "HOW", "IN LIBRARY"]);
    for one in missing {
        let library = match one["available"].is_null() {
            true => "-".to_owned(),
            false => format!("{}@{}", field(one, "available.path"), field(one, "available.version")),
        };
        let cells = ["path", "from", "reference", "how"].map(|name| field(one, name));
        table.row(cells.into_iter().chain([library]));
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_available_asset_is_added_once() {
        let of = |asset: Value| json!({ "path": "a", "available": asset });
        let there = |id: &str| of(json!({ "asset": id, "path": "a", "version": 2 }));
        let missing = [there("x"), of(Value::Null), there("y"), there("x")];
        let added = [json!({ "kind": "asset", "asset": "x" }), json!({ "kind": "asset", "asset": "y" })];
        assert_eq!(changes(&missing), added);
        assert!(table(&missing).contains("a@2"));
    }
}
