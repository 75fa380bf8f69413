//! `shelfmark events`: what happens in a project, as it happens.

use std::time::Duration;

use anyhow::Context as _;
use futures::StreamExt as _;
use reqwest::{Method, Response};
use serde_json::Value;
use shelfmark_domain::notify::pattern::EventPattern;

use crate::cli::output::{field, instant, plain, print};
use crate::cli::people::session::Session;

/// How long to wait before a stream that broke off is taken up again.
const RETRY: Duration = Duration::from_secs(3);
/// A silence after which the connection counts as dead: several heartbeats of the server.
const SILENCE: Duration = Duration::from_secs(120);
/// The longest line of a stream, in bytes.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Shows what happens in the project
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark events --follow --kind 'release.*'")]
pub struct EventsArgs {
    /// Wait for what comes, and take the stream up again when it breaks off
    #[arg(long)]
    follow: bool,
    /// Begin after this sequence; with the first event that is kept when neither this nor --follow is given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    since: Option<i64>,
    /// Only these: release.created, release.*; may be given several times
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<EventPattern>,
}

/// `shelfmark events`
///
/// # Errors
/// What the server refused; with `--follow` not that a connection broke off.
pub async fn run(session: &Session, args: EventsArgs) -> anyhow::Result<()> {
    let EventsArgs { follow, since, kinds } = args;
    let mut last = since.or(if follow { None } else { Some(0) });
    let mut is_first = true;
    loop {
        let kinds = kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut address = session.at(&format!("/events?follow={follow}"))?;
        if !kinds.is_empty() {
            address.push_str(&format!("&kinds={}", crate::cli::api::segment(&kinds)));
        }
        if let Some(last) = last {
            address.push_str(&format!("&since={last}"));
        }
        let ended = match session.api.send(session.api.request(Method::GET, &address)).await {
            Ok(answer) => {
                is_first = false;
                read(session, answer, &mut last).await
            }
            Err(error) if is_first || error.status().is_some_and(|status| !status.is_server_error()) => {
                return Err(error.into());
            }
            Err(error) => Err(error.into()),
        };
        match ended {
            Ok(()) if !follow => return Ok(()),
            Err(error) if !follow || error.is::<std::io::Error>() => return Err(error),
            _ => tokio::time::sleep(RETRY).await,
        }
    }
}

/// Shows events until the stream ends.
async fn read(session: &Session, answer: Response, last: &mut Option<i64>) -> anyhow::Result<()> {
    let mut pieces = answer.bytes_stream();
    let mut text: Vec<u8> = Vec::new();
    while let Some(piece) = tokio::time::timeout(SILENCE, pieces.next()).await.context("the server fell silent")? {
        text.extend_from_slice(&piece.context("the stream broke off")?);
        let mut read = 0;
        while let Some(length) = memchr::memchr(b'\n', &text[read..]) {
            let line = String::from_utf8_lossy(&text[read..read + length]).into_owned();
            read += length + 1;
            take(session, &line, last)?;
        }
        text.drain(..read);
        anyhow::ensure!(text.len() <= LINE_BYTES_MAX, "the server sent a line without end");
    }
    Ok(())
}

/// Takes one line of a stream. Events are shown by their data; their ids are where to go on.
fn take(session: &Session, line: &str, last: &mut Option<i64>) -> anyhow::Result<()> {
    if let Some(id) = line.strip_prefix("id: ") {
        *last = id.trim().parse().ok().or(*last);
    }
    let Some(data) = line.strip_prefix("data: ") else { return Ok(()) };
    if session.is_json {
        return Ok(print(data)?);
    }
    let event: Value = serde_json::from_str(data).context("the server sent an event that is no JSON")?;
    let Some(kind) = event["type"].as_str() else { return Ok(print(&plain(&field(&event, "detail")))?) };
    let (sequence, at) = (field(&event, "data.sequence"), instant(&event, "timestamp"));
    let (subject, by) = (field(&event, "data.subject"), field(&event, "data.actor.name"));
    Ok(print(&plain(&format!("{sequence:>6}  {at}  {kind}  {subject}  by {by}")))?)
}
