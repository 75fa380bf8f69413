//! The library as the server knows it: its state, its contents by path, and which contents it has.

use std::borrow::Cow;
use std::collections::HashSet;

use futures::StreamExt;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::{Value, json};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::path::FolderPath;

use super::super::api::segment;
use super::super::problem::RequestFailed;
use super::comparison::Comparison;
use crate::cli::people::session::Session;

/// How many contents one lookup may name.
const LOOKUP_MAX: usize = 10_000;

/// Which library, in which state. The time of creation tells a project from a later one of the same name, such as
/// that of a server that was set up anew: its revisions start again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProjectState {
    pub created_at: String,
    pub asset_revision: i64,
}

/// What is below a folder of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    pub state: ProjectState,
    /// Path and content of each live asset, sorted by path.
    pub contents: Vec<(String, ContentId)>,
}

/// The state of the project's library now.
///
/// # Errors
/// `RequestFailed`.
pub async fn project_state(session: &Session) -> anyhow::Result<ProjectState> {
    Ok(session.api.get(&session.at("")?).await?)
}

/// The library's revision before and after one of our batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Step {
    pub previous_asset_revision: i64,
    pub asset_revision: i64,
}

/// The revision to which our batches have led, when nobody else has changed anything since `from`.
pub fn led_to(from: i64, mut steps: Vec<Step>) -> Option<i64> {
    steps.sort_unstable(); // they were answered in any order
    steps.iter().try_fold(from, |at, step| (step.previous_asset_revision == at).then_some(step.asset_revision))
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    content: ContentId,
}

/// Reads what is below the folder. The state is read before, so that a change in between makes the state look
/// older than the contents are, never newer.
///
/// # Errors
/// `RequestFailed`.
pub async fn fetch(session: &Session, to: &FolderPath, state: &ProjectState) -> anyhow::Result<Library> {
    let prefix = if to.is_root() { String::new() } else { format!("?prefix={}", segment(&format!("{to}/"))) };
    let request = session.api.request(Method::GET, &session.at(&format!("/assets{prefix}"))?);
    let answer = session.api.send(request.header(ACCEPT, "application/x-ndjson")).await?;
    let broken = |error| RequestFailed::from_transport(session.api.url(), error);
    let not_ours = |_| RequestFailed::NotOurs { url: session.api.url().to_owned() };
    let mut contents: Vec<(String, ContentId)> = Vec::new();
    let mut pending: Vec<u8> = Vec::new();
    let mut stream = answer.bytes_stream();
    while let Some(piece) = stream.next().await {
        pending.extend_from_slice(&piece.map_err(broken)?);
        let Some(end) = pending.iter().rposition(|&byte| byte == b'\n') else { continue };
        read_lines(&pending[..end], &mut contents).map_err(not_ours)?;
        pending.drain(..=end);
    }
    read_lines(&pending, &mut contents).map_err(not_ours)?;
    contents.retain(|(path, _)| to.contains(path));
    contents.sort_unstable();
    Ok(Library { state: state.clone(), contents })
}

fn read_lines(text: &[u8], contents: &mut Vec<(String, ContentId)>) -> serde_json::Result<()> {
    for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let Line { path, content } = serde_json::from_slice(line)?;
        contents.push((path.into_owned(), content));
    }
    Ok(())
}

/// Those of the contents to send that the project has in some version.
///
/// # Errors
/// `RequestFailed`.
pub async fn known_contents(
    session: &Session,
    comparison: &Comparison<'_>,
    library: &Library,
) -> anyhow::Result<HashSet<ContentId>> {
    let wanted: HashSet<ContentId> = comparison.to_put().map(|file| file.content).collect();
    let listed: HashSet<ContentId> = library.contents.iter().map(|(_, content)| *content).collect();
    let mut known: HashSet<ContentId> = wanted.intersection(&listed).copied().collect();
    let unlisted: Vec<ContentId> = wanted.difference(&listed).copied().collect();
    let address = session.at("/contents/lookup")?;
    for some in unlisted.chunks(LOOKUP_MAX) {
        let answer: Value = session.api.post(&address, &json!({ "contents": some })).await?;
        let found = answer.get("known").cloned().unwrap_or_default();
        let found: Vec<ContentId> = serde_json::from_value(found)?;
        known.extend(found);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_on_unless_someone_else_went_between() {
        let step = |previous_asset_revision, asset_revision| Step { previous_asset_revision, asset_revision };
        assert_eq!(led_to(4, vec![step(7, 9), step(4, 7), step(7, 7)]), Some(9));
        assert_eq!(led_to(4, Vec::new()), Some(4));
        assert_eq!(led_to(4, vec![step(5, 7)]), None, "before ours");
        assert_eq!(led_to(4, vec![step(4, 6), step(7, 9)]), None, "between ours");
    }

    #[test]
    fn lines_are_read_with_escapes_and_unknown_fields() {
        let content = ContentId::of(b"x");
        let text = format!(
            "{{\"path\":\"a\\\"b\",\"version\":1,\"content\":\"{content}\",\"size_bytes\":1}}\n\n{{\"path\":\"c\",\"content\":\"{content}\"}}"
        );
        let mut contents = Vec::new();
        read_lines(text.as_bytes(), &mut contents).unwrap();
        assert_eq!(contents, [("a\"b".to_owned(), content), ("c".to_owned(), content)]);
        assert!(read_lines(b"<html>", &mut contents).is_err());
    }
}
