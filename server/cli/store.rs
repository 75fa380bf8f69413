//! `shelfmark gc` and `fsck`: the store's health.

use anyhow::bail;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use super::output::{bytes, field, plain};
use super::problem::RequestFailed;
use crate::cli::people::session::Session;

/// Frees bytes that no version, build or running upload needs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark gc --dry-run")]
pub struct CollectArgs {
    /// Only say what would be freed
    #[arg(long)]
    dry_run: bool,
}

/// Reads stored bytes back, compares them with their names, and says what is damaged and where it is used.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark fsck --sample 10")]
pub struct CheckArgs {
    /// Read only about this share of the store
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    sample: Option<u8>,
}

/// `shelfmark gc`
///
/// # Errors
/// What the server refused.
pub async fn collect(session: &Session, args: CollectArgs) -> anyhow::Result<()> {
    let freed = session.api.post("/store/gc", &json!({ "dry_run": args.dry_run })).await?;
    session.show(&freed, |freed| {
        let verb = if args.dry_run { "Would free" } else { "Freed" };
        let [packs, chunks, objects] = ["packs", "chunks", "objects"].map(|name| field(freed, name));
        let size = bytes(freed.get("bytes").and_then(Value::as_u64).unwrap_or(0));
        let rewritten = freed.get("compacted").and_then(Value::as_array).map_or(0, Vec::len);
        let copied = bytes(freed.get("copied_bytes").and_then(Value::as_u64).unwrap_or(0));
        format!(
            "{verb} {size}: packs {packs}, chunks {chunks}, objects {objects}. Compacted packs: {rewritten}, {copied} copied."
        )
    })
}

/// `shelfmark fsck`
///
/// # Errors
/// When something is damaged; what the server refused; an answer without an end.
pub async fn check(session: &Session, args: CheckArgs) -> anyhow::Result<()> {
    let body = args.sample.map_or_else(|| json!({}), |percent| json!({ "sample_percent": percent }));
    let answer = session.api.send(session.api.request(Method::POST, "/store/fsck").json(&body)).await?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("checking {bar:30} {pos}/{len} packs, {msg}")?);
    let mut stream = answer.bytes_stream();
    let mut pending: Vec<u8> = Vec::new();
    let mut done: Option<Value> = None;
    while let Some(piece) = stream.next().await {
        pending.extend(piece.map_err(|error| RequestFailed::from_transport(session.api.url(), error))?);
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            done = event(&bar, &line)?.or(done);
        }
    }
    done = event(&bar, &pending)?.or(done);
    bar.finish_and_clear();
    let Some(done) = done else { bail!("the check ended before it was complete; run it again") };
    session.show(&done, report)?;
    match done.get("damaged").and_then(Value::as_array).map_or(0, Vec::len) {
        0 => Ok(()),
        damaged => bail!("{damaged} damaged; put the same files again, or restore the store from a backup"),
    }
}

/// Shows a line of progress; returns the last event.
fn event(bar: &ProgressBar, line: &[u8]) -> anyhow::Result<Option<Value>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let event: Value = serde_json::from_slice(line)?;
    if field(&event, "event") == "done" {
        return Ok(Some(event));
    }
    let number = |name| event.get(name).and_then(Value::as_u64).unwrap_or(0);
    bar.set_length(number("packs"));
    bar.set_position(number("checked_packs"));
    bar.set_message(bytes(number("checked_bytes")));
    Ok(None)
}

fn report(done: &Value) -> String {
    let damaged = done.get("damaged").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> = damaged.iter().map(damage).collect();
    let size = bytes(done.get("checked_bytes").and_then(Value::as_u64).unwrap_or(0));
    let verdict =
        if damaged.is_empty() { "nothing is damaged".to_owned() } else { format!("{} damaged", damaged.len()) };
    lines.push(format!("Checked {} chunks, {size}: {verdict}.", field(done, "checked_chunks")));
    lines.join("\n")
}

fn damage(found: &Value) -> String {
    let mut text = format!("{}: {}", field(found, "content"), plain(&field(found, "reason")));
    let list = |name: &str| found.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for version in list("versions") {
        let [project, path, number] = ["project", "path", "version"].map(|name| plain(&field(&version, name)));
        text.push_str(&format!("\n  {project}: {path} version {number}"));
    }
    for name in ["releases", "environments"] {
        let used: Vec<String> =
            list(name).iter().map(|item| item.as_str().map_or_else(|| item.to_string(), plain)).collect();
        if !used.is_empty() {
            text.push_str(&format!("\n  {name}: {}", used.join(", ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_names_what_it_touches() {
        let done = json!({ "event": "done", "checked_chunks": 9, "checked_bytes": 1_000, "damaged": [{
            "content": "ab", "reason": "bytes differ from their name", "releases": ["R-1.1"], "environments": [],
            "versions": [{ "project": "site", "path": "a.svg", "version": 2 }] }] });
        let text = "ab: bytes differ from their name\n  site: a.svg version 2\n  releases: R-1.1\n\
                    Checked 9 chunks, 1.0 kB: 1 damaged.";
        assert_eq!(report(&done), text);
    }

    #[test]
    fn progress_is_not_the_end() {
        let bar = ProgressBar::hidden();
        assert_eq!(event(&bar, b"{\"event\":\"progress\",\"checked_packs\":1,\"packs\":2}\n").unwrap(), None);
        assert!(event(&bar, b"{\"event\":\"done\",\"damaged\":[]}").unwrap().is_some());
        assert!(event(&bar, b"{").is_err());
    }
}
