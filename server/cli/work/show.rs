//! `shelfmark work show`, `history` and `trace`: an item with all that belongs to it.

use serde_json::{Value, json};
use shelfmark_domain::name::WorkItemNumber;

use super::super::output::{Table, count, field, instant, plain, print_json};
use super::at;
use crate::cli::people::session::Session;

/// `shelfmark work show`
///
/// # Errors
/// What the server refused.
pub async fn show(session: &Session, number: WorkItemNumber) -> anyhow::Result<()> {
    let address = at(session, number)?;
    let item: Value = session.api.get(&address).await?;
    let versions = session.api.list(&format!("{address}/versions"), 1_000, usize::MAX).await?;
    let comments = session.api.list(&format!("{address}/comments"), 1_000, usize::MAX).await?;
    if session.is_json {
        let mut whole = item;
        whole["versions"] = versions.into();
        whole["comments"] = comments.into();
        return Ok(print_json(&whole)?);
    }
    session.show(&item, |item| text(item, &versions, &comments))
}

fn text(item: &Value, versions: &[Value], comments: &[Value]) -> String {
    let line = |name: &str| plain(&field(item, name));
    let mut text = format!("{} {}: {}\n", line("number"), line("kind"), line("title"));
    let labels = item.get("labels").and_then(Value::as_array).map(|labels| {
        let labels = labels.iter().filter_map(Value::as_str).map(plain);
        labels.collect::<Vec<_>>().join(", ")
    });
    let facts = [
        ("status", line("status")),
        ("priority", line("priority")),
        ("requester", line("requester_name")),
        ("assignee", line("assignee")),
        ("due", line("due_on")),
        ("labels", labels.unwrap_or_default()),
        ("link", line("link")),
        ("release", line("release")),
        ("impact", line("impact")),
        ("note", line("release_note")),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty() && value != "-") {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    let description = field(item, "description");
    if !description.is_empty() {
        let lines = description.lines().map(plain).collect::<Vec<_>>().join("\n");
        text.push_str(&format!("\n{lines}\n"));
    }
    text.push_str(&format!("\n{}\n", count(versions.len() as u64, "version")));
    for version in versions {
        text.push_str(&format!("  {}@{}\n", plain(&field(version, "path")), field(version, "version")));
    }
    for comment in comments {
        let said = field(comment, "text").lines().map(plain).collect::<Vec<_>>().join("\n    ");
        let (author, at) = (plain(&field(comment, "author")), instant(comment, "at"));
        text.push_str(&format!("\n[{}] {author}, {at}\n    {said}\n", field(comment, "number")));
    }
    text.trim_end().to_owned()
}

/// `shelfmark work history`
///
/// # Errors
/// What the server refused.
pub async fn history(session: &Session, number: WorkItemNumber) -> anyhow::Result<()> {
    let address = format!("{}/history", at(session, number)?);
    let entries = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(entries, "Nothing has happened.", |entries| {
        let mut table = Table::new(&["AT", "WHO", "WHAT", "WHY", "DETAILS"]);
        for entry in entries {
            let what = field(entry, "action");
            let what = what.strip_prefix("work_item.").unwrap_or(&what).to_owned();
            let rest = [field(entry, "actor_name"), what, field(entry, "message"), field(entry, "details")];
            table.row([instant(entry, "at")].into_iter().chain(rest));
        }
        table.text()
    })
}

/// `shelfmark work trace`
///
/// # Errors
/// What the server refused.
pub async fn trace(session: &Session, number: WorkItemNumber) -> anyhow::Result<()> {
    let address = format!("{}/trace", at(session, number)?);
    let versions = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(versions, "No version answers the item.", |versions| {
        let mut table = Table::new(&["PATH", "VERSION", "BUILD", "ENVIRONMENT", "HOW", "LIVE SINCE"]);
        for version in versions {
            let start = [field(version, "path"), field(version, "version")];
            let nothing = json!({});
            let builds = list(version, "builds");
            for build in if builds.is_empty() { std::slice::from_ref(&nothing) } else { builds } {
                let deployments = list(build, "deployments");
                for one in if deployments.is_empty() { std::slice::from_ref(&nothing) } else { deployments } {
                    let rest =
                        [field(build, "build"), field(one, "environment"), field(one, "kind"), instant(one, "at")];
                    table.row(start.iter().cloned().chain(rest));
                }
            }
        }
        table.text()
    })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
