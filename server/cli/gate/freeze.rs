//! `shelfmark release freeze` and `unfreeze`.

use serde_json::json;
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::cli::output::field;
use crate::cli::people::session::Session;

/// Freezes a release on a build that staging serves: no more changes, and nothing else on staging
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release freeze R-12 --reason \"acceptance test\"")]
pub struct FreezeArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The release's newest build when left out
    #[arg(long)]
    build: Option<BuildName>,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// When it is expected to end
    #[arg(long, value_name = "INSTANT")]
    until: Option<Timestamp>,
}

/// Lets a frozen release take changes again, and staging other builds
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release unfreeze R-12 --reason \"a picture has to change\"")]
pub struct UnfreezeArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Why
    #[arg(long)]
    reason: String,
}

/// `shelfmark release freeze`
///
/// # Errors
/// What the server refused.
pub async fn freeze(session: &Session, args: FreezeArgs) -> anyhow::Result<()> {
    let FreezeArgs { release, build, reason, until } = args;
    let body = json!({ "build": build, "reason": reason, "until": until });
    let frozen = session.api.post(&session.at(&format!("/releases/{release}/freeze"))?, &body).await?;
    session.show(&frozen, |frozen| format!("{} is {}.", field(frozen, "number"), field(frozen, "state")))
}

/// `shelfmark release unfreeze`
///
/// # Errors
/// What the server refused.
pub async fn unfreeze(session: &Session, args: UnfreezeArgs) -> anyhow::Result<()> {
    let UnfreezeArgs { release, reason } = args;
    let address = session.at(&format!("/releases/{release}/unfreeze"))?;
    let thawed = session.api.post(&address, &json!({ "reason": reason })).await?;
    session.show(&thawed, |thawed| format!("{} is {}.", field(thawed, "number"), field(thawed, "state")))
}
