//! Commands about the library's assets: `ls`, `log`, `revert`, `mv`, `rm`, `undelete`.

pub(super) mod get;
pub(super) mod put;

use anyhow::bail;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shelfmark_domain::path::AssetPath;

use super::api::{segment, segments};
use super::output::{Table, count, field, instant, plain, print, print_json_of, size};
use super::problem::{RequestFailed, is_status};
use crate::cli::people::session::Session;

/// How many assets a page of the list has.
const PAGE: usize = 10_000;

/// Lists assets by path.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark ls img/")]
pub struct ListArgs {
    /// Only paths that start so
    prefix: Option<String>,
    /// Those that were removed instead
    #[arg(long)]
    deleted: bool,
    /// At most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Shows an asset's versions, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark log img/logo.svg")]
pub struct LogArgs {
    /// Where the asset is found, or was before it was removed
    path: AssetPath,
}

/// Makes an earlier version the latest again, as a new version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark revert img/logo.svg 3 --message \"the old blue\"")]
pub struct RevertArgs {
    /// Where the asset is found
    path: AssetPath,
    /// The number of the version to return to
    #[arg(value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    version: i64,
    /// Why
    #[arg(long, short)]
    message: Option<String>,
}

/// Moves an asset or a whole folder; the history stays with the assets.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark mv img/logo.svg brand/\n  shelfmark mv img/ pictures/")]
pub struct MoveArgs {
    /// A path, or a folder ending in /
    from: String,
    /// The new path; a folder ending in / keeps the file's name
    to: String,
    /// Why
    #[arg(long, short)]
    message: Option<String>,
}

/// Removes assets; their versions stay and `undelete` brings them back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark rm img/old.svg")]
pub struct RemoveArgs {
    /// Where the assets are found
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<AssetPath>,
    /// Why
    #[arg(long, short)]
    message: Option<String>,
}

/// Brings back the asset that was last removed from a path.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark undelete img/old.svg")]
pub struct UndeleteArgs {
    /// Where it was
    path: AssetPath,
    /// Bring it back at another path
    #[arg(long, value_name = "PATH")]
    to: Option<AssetPath>,
}

/// `shelfmark ls`
///
/// # Errors
/// What the server refused.
pub async fn list(session: &Session, args: ListArgs) -> anyhow::Result<()> {
    let prefix = args.prefix.map(|text| format!("&prefix={}", segment(&text))).unwrap_or_default();
    let address = session.at(&format!("/assets?deleted={}{prefix}", args.deleted))?;
    let mut assets = session.api.list(&address, PAGE, args.limit.unwrap_or(usize::MAX)).await?;
    assets.retain(|asset| is_deleted(asset) == args.deleted);
    session.show_list(assets, "There is no such asset.", |assets| {
        let (when, at) = if args.deleted { ("DELETED", "deleted_at") } else { ("MODIFIED", "modified_at") };
        let mut table = Table::new(&["VERSION", "SIZE", when, "PATH"]);
        for asset in assets {
            table.row([field(asset, "version"), size(asset, "size_bytes"), instant(asset, at), field(asset, "path")]);
        }
        table.text()
    })
}

/// `shelfmark log`
///
/// # Errors
/// What the server refused.
pub async fn log(session: &Session, args: LogArgs) -> anyhow::Result<()> {
    let asset = match live(session, &args.path).await {
        Err(error) if is_status(&error, StatusCode::NOT_FOUND) => {
            last_deleted(session, &args.path).await?.ok_or(error)?
        }
        other => other?,
    };
    let address = session.at(&format!("/assets/{}/versions", field(&asset, "id")))?;
    let versions = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(versions, "The asset has no version.", |versions| {
        let mut table = Table::new(&["VERSION", "AT", "AUTHOR", "SIZE", "CONTENT", "MESSAGE"]);
        for version in versions {
            let content = field(version, "content").chars().take(12).collect();
            table.row([
                field(version, "number"),
                instant(version, "at"),
                field(version, "author"),
                size(version, "size_bytes"),
                content,
                reason(version),
            ]);
        }
        table.text()
    })
}

/// `shelfmark revert`
///
/// # Errors
/// What the server refused.
pub async fn revert(session: &Session, args: RevertArgs) -> anyhow::Result<()> {
    let asset = live(session, &args.path).await?;
    let address = session.at(&format!("/assets/{}/revert", field(&asset, "id")))?;
    let body = with_message(json!({ "version": args.version }), args.message);
    let answer = session.api.post(&address, &body).await?;
    session.show(&answer, |answer| match field(answer, "outcome").as_str() {
        "unchanged" => format!("{} is already as in version {}; nothing changed.", args.path, args.version),
        _ => {
            format!("{} is as in version {}, now version {}.", args.path, args.version, field(answer, "asset.version"))
        }
    })
}

/// `shelfmark mv`
///
/// # Errors
/// What the server refused.
pub async fn rename(session: &Session, args: MoveArgs) -> anyhow::Result<()> {
    let to = match args.from.rsplit('/').next() {
        Some(name) if !name.is_empty() && (args.to.ends_with('/') || args.to.is_empty()) => {
            format!("{}{name}", if args.to == "/" { "" } else { &args.to })
        }
        _ => args.to.clone(),
    };
    let body = with_message(json!({ "from": args.from, "to": to }), args.message);
    let answer = session.api.post(&session.at("/assets/move")?, &body).await?;
    session.show(&answer, |answer| {
        let moved = answer.get("moved").and_then(Value::as_u64).unwrap_or(0);
        format!("Moved {} from {} to {}.", count(moved, "asset"), plain(&args.from), plain(&to))
    })
}

/// `shelfmark rm`
///
/// # Errors
/// What the server refused; the paths before it are removed.
pub async fn remove(session: &Session, args: RemoveArgs) -> anyhow::Result<()> {
    let mut answers: Vec<Value> = Vec::new();
    for path in &args.paths {
        let address = session.at(&format!("/files/{}", segments(path.as_str())))?;
        let mut request = session.api.request(Method::DELETE, &address);
        if let Some(message) = &args.message {
            request = request.header("X-Message", segment(message));
        }
        answers.push(session.api.send_for(request).await?);
        if !session.is_json {
            print(&format!("{path} is removed; its versions stay."))?;
        }
    }
    if session.is_json { print_json_of(answers) } else { Ok(()) }
}

/// `shelfmark undelete`
///
/// # Errors
/// When nothing was removed from the path; what the server refused.
pub async fn undelete(session: &Session, args: UndeleteArgs) -> anyhow::Result<()> {
    let Some(asset) = last_deleted(session, &args.path).await? else {
        bail!("nothing was removed from {}; `shelfmark ls --deleted` lists what was removed", args.path);
    };
    let address = session.at(&format!("/assets/{}/undelete", field(&asset, "id")))?;
    let body = args.to.map_or_else(|| json!({}), |to| json!({ "to": to }));
    let asset = session.api.post(&address, &body).await?;
    session.show(&asset, |asset| format!("{} is back at version {}.", field(asset, "path"), field(asset, "version")))
}

/// The asset that is at the path now.
///
/// # Errors
/// `RequestFailed`, with the status 404 when there is none.
pub async fn live(session: &Session, path: &AssetPath) -> anyhow::Result<Value> {
    let address = session.at(&format!("/assets/by-path?path={}", segment(path.as_str())))?;
    Ok(session.api.get(&address).await?)
}

async fn last_deleted(session: &Session, path: &AssetPath) -> anyhow::Result<Option<Value>> {
    let address = session.at(&format!("/assets?deleted=true&prefix={}", segment(path.as_str())))?;
    let found: Result<Vec<Value>, RequestFailed> = session.api.list(&address, PAGE, usize::MAX).await;
    let here = found?.into_iter().filter(|asset| is_deleted(asset) && field(asset, "path") == path.as_str());
    Ok(here.max_by_key(|asset| field(asset, "deleted_at"))) // RFC 3339 in UTC sorts as text
}

fn is_deleted(asset: &Value) -> bool {
    asset.get("deleted_at").is_some_and(|at| !at.is_null())
}

fn reason(version: &Value) -> String {
    match version.get("reverted_from").and_then(Value::as_i64) {
        Some(number) => format!("{} (as version {number})", field(version, "message")),
        None => field(version, "message"),
    }
}

fn with_message(mut body: Value, message: Option<String>) -> Value {
    if let Some(message) = message {
        body["message"] = message.into();
    }
    body
}
