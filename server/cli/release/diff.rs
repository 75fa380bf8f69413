//! `shelfmark diff`: what differs between two builds, environments or the library.

use serde_json::{Value, json};
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};

use crate::cli::api::segment;
use crate::cli::output::{Table, bytes, count, field, plain, print, print_json, size};
use crate::cli::people::session::Session;

/// How many differences a page has.
const PAGE: usize = 1_000;

/// Shows what differs between two sides.
///
/// A side is a build, a release's latest build, an environment (staging), what it served at an instant
/// (staging@2026-03-01T17:00:00Z), `latest` for the library as it is now, or `empty`. An environment of such a name is written environment:latest.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  shelfmark diff production R-12.3\n  shelfmark diff production@2026-03-01T17:00:00Z production --by-folder"
)]
pub struct DiffArgs {
    /// What it was: a side
    from: String,
    /// What it is or would be: a side
    to: String,
    /// Only the totals
    #[arg(long)]
    totals: bool,
    /// Sums by folder
    #[arg(long, conflicts_with = "totals")]
    by_folder: bool,
    /// How deep folders are told apart: 1 for those at the top
    #[arg(long, value_name = "N", requires = "by_folder")]
    depth: Option<u32>,
}

/// Prints all differences, then the totals.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, args: DiffArgs) -> anyhow::Result<()> {
    let [from, to] = [&args.from, &args.to].map(|text| segment(&side(text)));
    if args.by_folder {
        return by_folder(session, &from, &to, args.depth).await;
    }
    let address = session.at(&format!("/compare?from={from}&to={to}&limit={PAGE}"))?;
    let mut whole: Value = session.api.get(&address).await?;
    let mut cursor = next(&whole);
    let mut items = take_items(&mut whole);
    while let Some(from) = cursor.filter(|_| !args.totals) {
        let mut page: Value = session.api.get(&format!("{address}&cursor={}", segment(&from))).await?;
        cursor = next(&page);
        items.extend(take_items(&mut page));
    }
    if args.totals {
        items.clear();
    }
    if session.is_json {
        whole["items"] = Value::Array(items);
        whole["next_cursor"] = Value::Null;
        return Ok(print_json(&whole)?);
    }
    let mut lines: Vec<String> = items.iter().map(line).collect();
    lines.push(totals(&whole));
    Ok(print(&lines.join("\n"))?)
}

async fn by_folder(session: &Session, from: &str, to: &str, depth: Option<u32>) -> anyhow::Result<()> {
    let depth = depth.map(|depth| format!("&depth={depth}")).unwrap_or_default();
    let address = session.at(&format!("/compare/folders?from={from}&to={to}{depth}&limit={PAGE}"))?;
    let mut whole: Value = session.api.get(&address).await?;
    let (mut cursor, mut folders) = (next(&whole), take_items(&mut whole));
    while let Some(from) = cursor {
        let mut page: Value = session.api.get(&format!("{address}&cursor={}", segment(&from))).await?;
        cursor = next(&page);
        folders.extend(take_items(&mut page));
    }
    if session.is_json {
        whole["items"] = Value::Array(folders);
        whole["next_cursor"] = Value::Null;
        return Ok(print_json(&whole)?);
    }
    let mut table = Table::new(&["FOLDER", "ADDED", "CHANGED", "REMOVED", "MOVED", "BEFORE", "AFTER"]);
    for folder in &folders {
        let name = Some(field(folder, "folder")).filter(|name| !name.is_empty()).unwrap_or_else(|| "/".to_owned());
        let counts = ["added", "changed", "removed", "moved"].map(|name| field(folder, name));
        let sums = [("files_before", "bytes_before"), ("files_after", "bytes_after")].map(|(files, bytes)| {
            let files = folder.get(files).and_then(Value::as_u64).unwrap_or(0);
            format!("{}, {}", count(files, "file"), size(folder, bytes))
        });
        table.row([name].into_iter().chain(counts).chain(sums));
    }
    let lines = if folders.is_empty() { totals(&whole) } else { format!("{}\n{}", table.text(), totals(&whole)) };
    Ok(print(&lines)?)
}

/// Writes a side as the API reads it. What is neither known nor an environment's name goes as it is: the server says
/// what is wrong with it.
fn side(text: &str) -> String {
    if let Ok(release) = text.parse::<ReleaseNumber>() {
        return format!("release:{release}");
    }
    let name = text.split_once('@').map_or(text, |(name, _)| name);
    let is_environment = !matches!(text, "latest" | "empty") && name.parse::<EnvironmentName>().is_ok();
    if is_environment { format!("environment:{text}") } else { text.to_owned() }
}

fn next(page: &Value) -> Option<String> {
    page.get("next_cursor").and_then(Value::as_str).map(str::to_owned)
}

fn take_items(page: &mut Value) -> Vec<Value> {
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn line(item: &Value) -> String {
    let name = |field_name| plain(&field(item, field_name));
    let key = name("key");
    match field(item, "change").as_str() {
        "added" => format!("+ {key}"),
        "removed" => format!("- {key}"),
        "moved" => format!("> {} -> {key}", name("from_path")),
        _ => format!("~ {key}"),
    }
}

/// The sums of a comparison as a sentence.
pub fn totals(compared: &Value) -> String {
    let empty = json!({});
    let totals = compared.get("totals").unwrap_or(&empty);
    let [added, changed, removed, moved, before, after] =
        ["added", "changed", "removed", "moved", "bytes_before", "bytes_after"]
            .map(|name| totals.get(name).and_then(Value::as_u64).unwrap_or(0));
    if added + changed + removed + moved == 0 {
        return "No difference.".to_owned();
    }
    let all = count(added + changed + removed + moved, "difference");
    let sizes = format!("{} before, {} after", bytes(before), bytes(after));
    format!("{all}: {added} added, {changed} changed, {removed} removed, {moved} moved; {sizes}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_written_as_the_api_reads_them() {
        assert_eq!(side("staging@2026-03-01T17:00:00Z"), "environment:staging@2026-03-01T17:00:00Z");
        let sides = ["staging", "R-12.3", "R-12", "latest", "empty", "environment:latest"].map(side);
        assert_eq!(sides, ["environment:staging", "R-12.3", "release:R-12", "latest", "empty", "environment:latest"]);
    }

    #[test]
    fn each_difference_is_a_line_and_all_are_a_sentence() {
        assert_eq!(line(&json!({ "key": "a", "change": "added" })), "+ a");
        assert_eq!(line(&json!({ "key": "b", "change": "moved", "from_path": "a" })), "> a -> b");
        let totals_of = json!({ "totals": { "added": 1, "changed": 0, "removed": 2, "moved": 0,
            "bytes_before": 10, "bytes_after": 2_000 } });
        let text = "3 differences: 1 added, 0 changed, 2 removed, 0 moved; 10 B before, 2.0 kB after.";
        assert_eq!(totals(&totals_of), text);
        assert_eq!(totals(&json!({})), "No difference.");
    }
}
