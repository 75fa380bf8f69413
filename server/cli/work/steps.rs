//! `shelfmark work start`, `resolve`, `authorise`, `reject`, `reopen` and `close`: the steps of an item.

use serde_json::json;
use shelfmark_domain::name::WorkItemNumber;

use super::{at, item};
use crate::cli::people::session::Session;

/// Says that work on an item has begun.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work start W-7")]
pub struct StartArgs {
    /// Such as W-7
    item: WorkItemNumber,
}

/// Says that the work is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work resolve W-7")]
pub struct ResolveArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// How
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Says yes, for production, to exactly the versions that answer an item now.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work authorise W-7 --remark \"looks right on a phone too\"")]
pub struct AuthoriseArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// A remark; the reason where you say it in the requester's place
    #[arg(long, default_value = "", hide_default_value = true)]
    remark: String,
}

/// Says that an item will not be done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work reject W-7 --reason \"the brand has another blue\"")]
pub struct RejectArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// Why
    #[arg(long)]
    reason: String,
}

/// Takes an item up again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work reopen W-7 --reason \"the print version lacks it\"")]
pub struct ReopenArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// Why
    #[arg(long)]
    reason: String,
}

/// Closes an item that belongs to no release.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work close W-7 --reason \"nothing had to be released\"")]
pub struct CloseArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// Why
    #[arg(long)]
    reason: String,
}

async fn take(session: &Session, number: WorkItemNumber, step: &str, reason: &str) -> anyhow::Result<()> {
    let address = format!("{}/transitions", at(session, number)?);
    let answer = session.api.post(&address, &json!({ "transition": step, "reason": reason })).await?;
    session.show(&answer, item::said)
}

/// `shelfmark work start`
///
/// # Errors
/// What the server refused.
pub async fn start(session: &Session, args: StartArgs) -> anyhow::Result<()> {
    take(session, args.item, "start", "").await
}

/// `shelfmark work resolve`
///
/// # Errors
/// What the server refused.
pub async fn resolve(session: &Session, args: ResolveArgs) -> anyhow::Result<()> {
    take(session, args.item, "resolve", &args.reason).await
}

/// `shelfmark work authorise`
///
/// # Errors
/// What the server refused.
pub async fn authorise(session: &Session, args: AuthoriseArgs) -> anyhow::Result<()> {
    let address = format!("{}/authorisation", at(session, args.item)?);
    let answer = session.api.post(&address, &json!({ "remark": args.remark })).await?;
    session.show(&answer, item::said)
}

/// `shelfmark work reject`
///
/// # Errors
/// What the server refused.
pub async fn reject(session: &Session, args: RejectArgs) -> anyhow::Result<()> {
    take(session, args.item, "reject", &args.reason).await
}

/// `shelfmark work reopen`
///
/// # Errors
/// What the server refused.
pub async fn reopen(session: &Session, args: ReopenArgs) -> anyhow::Result<()> {
    take(session, args.item, "reopen", &args.reason).await
}

/// `shelfmark work close`
///
/// # Errors
/// What the server refused.
pub async fn close(session: &Session, args: CloseArgs) -> anyhow::Result<()> {
    take(session, args.item, "close", &args.reason).await
}
