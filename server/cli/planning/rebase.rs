//! `shelfmark release conflicts`, `rebase` and `resolve`: how a release stands to others and to what is served.

use serde_json::{Value, json};
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};

use crate::cli::api::segment;
use crate::cli::output::{Table, count, field, plain, print_json};
use crate::cli::people::session::Session;
use crate::cli::problem::WrongUse;
use crate::cli::release::diff::totals;

/// Lists what other open releases change too
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release conflicts R-12")]
pub struct ConflictsArgs {
    /// Such as R-12
    release: ReleaseNumber,
}

/// Shows what has gone live beside a release, and what of it the release would undo
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release rebase R-12")]
pub struct RebaseArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Against which environment; the final one when left out
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
}

/// Says which value holds where a release and others have changed the same key
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release resolve R-12 img/logo.svg --ours
  shelfmark release resolve R-12 img/logo.svg --keep-version 4
  shelfmark release resolve R-12 --all --theirs")]
#[command(group = clap::ArgGroup::new("keep").required(true))]
pub struct ResolveArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The keys, as `release rebase` lists them; those that start with - stand after --
    #[arg(value_name = "KEY", required_unless_present = "all")]
    keys: Vec<String>,
    /// Every conflict that is not resolved yet
    #[arg(long, conflicts_with = "keys")]
    all: bool,
    /// What the release says holds
    #[arg(long, group = "keep")]
    ours: bool,
    /// What is served holds; the release no longer changes it
    #[arg(long, group = "keep")]
    theirs: bool,
    /// This version of the asset holds
    #[arg(long, group = "keep", value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    keep_version: Option<i64>,
    /// Against which environment; the final one when left out
    #[arg(long, value_name = "ENV")]
    environment: Option<EnvironmentName>,
}

/// `shelfmark release conflicts`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn conflicts(session: &Session, args: ConflictsArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/conflicts", args.release))?;
    let conflicts = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(conflicts, "No other open release changes any of it.", |conflicts| {
        let mut table = Table::new(&["KEY", "OURS", "RELEASE", "STATE", "THEIRS", "SAME"]);
        for conflict in conflicts {
            let value = |name: &str| conflict.get(name).map(change).unwrap_or_default();
            let cell = |name: &str| plain(&field(conflict, name));
            table.row([cell("key"), value("ours"), cell("release"), cell("state"), value("theirs"), cell("same")]);
        }
        table.text()
    })
}

/// What a change does, short.
fn change(value: &Value) -> String {
    match field(value, "kind").as_str() {
        "pin" => format!("version {}", field(value, "version")),
        "parameter" => plain(&field(value, "parameter.value")),
        "access" => field(value, "visibility"),
        other => other.to_owned(),
    }
}

/// All conflicts of a release, and what stands around them.
async fn whole(
    session: &Session,
    release: ReleaseNumber,
    environment: Option<&EnvironmentName>,
) -> anyhow::Result<Value> {
    let only = environment.map(|name| format!("environment={}&", segment(name.as_str()))).unwrap_or_default();
    let address = session.at(&format!("/releases/{release}/rebase?{only}limit=1000"))?;
    let mut whole: Value = session.api.get(&address).await?;
    let mut items = Vec::new();
    let mut page = whole.clone();
    loop {
        items.extend(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
        let Some(cursor) = page.get("next_cursor").and_then(Value::as_str) else { break };
        page = session.api.get(&format!("{address}&cursor={}", segment(cursor))).await?;
    }
    whole["items"] = items.into();
    whole["next_cursor"] = Value::Null;
    Ok(whole)
}

/// `shelfmark release rebase`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn show(session: &Session, args: RebaseArgs) -> anyhow::Result<()> {
    let found = whole(session, args.release, args.environment.as_ref()).await?;
    if session.is_json {
        return Ok(print_json(&found)?);
    }
    session.show(&found, text)
}

fn text(found: &Value) -> String {
    let [release, environment, base, serves] =
        ["release", "environment", "base", "serves"].map(|name| field(found, name));
    let mut text = format!("{release} stands on {base}; {environment} serves {serves}.\n");
    let came_in = found.get("came_in").map(totals).unwrap_or_default();
    text.push_str(&format!("Came in: {came_in}\n"));
    let items = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if items.is_empty() {
        text.push_str("Nothing of it would be undone.");
        return text;
    }
    let mut table = Table::new(&["KEY", "WAS", "SERVED NOW", "RELEASE", "RESOLVED"]);
    for item in &items {
        let value = |name: &str| item.get(name).map(entry).unwrap_or_default();
        let kept = match item.get("kept_by").and_then(Value::as_str) {
            Some(by) => format!("ours, by {}", plain(by)),
            None => "no".to_owned(),
        };
        table.row([plain(&field(item, "key")), value("base"), value("theirs"), value("ours"), kept]);
    }
    let unresolved = found.get("unresolved").and_then(Value::as_u64).unwrap_or(0);
    text.push_str(&format!("{}\n{} to resolve.", table.text(), count(unresolved, "conflict")));
    text
}

/// What a manifest says about a key, short.
fn entry(value: &Value) -> String {
    match (value.get("version"), value.get("visibility"), value.get("value")) {
        (Some(version), _, _) => format!("version {version}"),
        (_, Some(visibility), _) => visibility.as_str().unwrap_or_default().to_owned(),
        (_, _, Some(value)) => plain(value.as_str().unwrap_or_default()),
        _ => "nothing".to_owned(),
    }
}

/// `shelfmark release resolve`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn resolve(session: &Session, args: ResolveArgs) -> anyhow::Result<()> {
    let found = whole(session, args.release, args.environment.as_ref()).await?;
    let items = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_meant = |item: &&Value| match args.all {
        true => item.get("kept_by").is_none_or(Value::is_null),
        false => args.keys.contains(&field(item, "key")),
    };
    let keep = match (args.ours, args.theirs) {
        (true, _) => "ours",
        (_, true) => "theirs",
        _ => "version",
    };
    let resolution = |item: &Value| json!({ "key": item["key"], "theirs_id": item["theirs_id"], "keep": keep, "version": args.keep_version });
    let resolutions: Vec<Value> = items.iter().filter(is_meant).map(resolution).collect();
    let unknown = args.keys.iter().find(|key| !items.iter().any(|item| field(item, "key") == **key));
    if let Some(key) = unknown {
        return Err(WrongUse(format!("{key} is no conflict of {}; see release rebase", args.release)).into());
    }
    if resolutions.is_empty() {
        return session.show(&found, |_| "There is nothing to resolve.".to_owned());
    }
    let mut body = json!({ "resolutions": resolutions });
    if let Some(environment) = &args.environment {
        body["environment"] = environment.as_str().into();
    }
    let address = session.at(&format!("/releases/{}/rebase/resolutions", args.release))?;
    let after = session.api.post(&address, &body).await?;
    session.show(&after, |after| {
        let left = after.get("unresolved").and_then(Value::as_u64).unwrap_or(0);
        let done = count(resolutions.len() as u64, "conflict");
        format!("{done} resolved; {left} left. Build {} to apply it.", args.release)
    })
}
