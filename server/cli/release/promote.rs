//! `shelfmark promote`, `rollback`, `history`: what an environment serves, and has served.

use serde_json::{Value, json};
use shelfmark_domain::name::{BuildName, EnvironmentName};

use crate::cli::api::segment;
use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;
use crate::cli::schedule::{self, When};

/// Makes a build what an environment serves.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  shelfmark promote R-12.3 staging --reason \"for the review\"\n  shelfmark promote R-12.3 production --at 2026-03-27T17:00 --zone Europe/Berlin"
)]
pub struct PromoteArgs {
    /// Such as
    build: BuildName,
    /// Such as production
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// Pass soak, approvals and windows all the same. It takes an administrator and --reason, and a review afterwards
    #[arg(long, requires = "reason")]
    break_glass: bool,
    /// Only if the environment is still at this revision
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(i64).range(0..))]
    #[arg(conflicts_with = "at")]
    expect: Option<i64>,
    #[command(flatten)]
    when: When,
}

/// Makes an environment serve again what it served before.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark rollback production --reason \"wrong blue\"")]
pub struct RollbackArgs {
    /// Such as production
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// A build that it served earlier; the one before the present when left out
    #[arg(long, value_name = "BUILD")]
    to: Option<BuildName>,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
}

/// Shows what an environment has served, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark history production")]
pub struct HistoryArgs {
    /// Such as production
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// `shelfmark promote`
///
/// # Errors
/// What the server refused; the environment is unchanged then.
pub async fn promote(session: &Session, args: PromoteArgs) -> anyhow::Result<()> {
    if args.when.is_later() {
        return schedule::schedule(session, (args.build, args.environment), args.when, args.reason).await;
    }
    let mut body = json!({ "build": args.build, "break_glass": args.break_glass });
    if let Some(reason) = args.reason {
        body["reason"] = reason.into();
    }
    let address = session.at(&format!("/environments/{}/promote", args.environment))?;
    let mut request = session.api.request(reqwest::Method::POST, &address).json(&body);
    if let Some(revision) = args.expect {
        request = request.header("If-Match", format!("\"{revision}\""));
    }
    let deployment: Value = session.api.send_for(request).await?;
    session.show(&deployment, sentence)
}

/// `shelfmark rollback`
///
/// # Errors
/// What the server refused; the environment is unchanged then.
pub async fn roll_back(session: &Session, args: RollbackArgs) -> anyhow::Result<()> {
    let mut body = json!({ "dry_run": args.dry_run });
    if let Some(build) = args.to {
        body["to"] = json!(build);
    }
    if let Some(reason) = args.reason {
        body["reason"] = reason.into();
    }
    let address = session.at(&format!("/environments/{}/rollback", args.environment))?;
    let deployment = session.api.post(&address, &body).await?;
    if session.is_json || field(&deployment, "outcome") != "dry_run" {
        return session.show(&deployment, sentence);
    }
    let from = segment(&format!("environment:{}", args.environment));
    let to = segment(&field(&deployment, "build"));
    let compared: Value = session.api.get(&session.at(&format!("/compare?from={from}&to={to}&limit=1"))?).await?;
    session.show(&deployment, |deployment| format!("{}\n{}", sentence(deployment), super::diff::totals(&compared)))
}

/// `shelfmark history`
///
/// # Errors
/// What the server refused.
pub async fn history(session: &Session, args: HistoryArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/environments/{}/deployments", args.environment))?;
    let deployments = session.api.list(&address, 1_000, args.limit).await?;
    let empty = format!("Nothing has been promoted to {} yet.", args.environment);
    session.show_list(deployments, &empty, |deployments| {
        let mut table = Table::new(&["REVISION", "AT", "KIND", "BUILD", "REPLACED", "BY", "REASON"]);
        for deployment in deployments {
            let rest = ["kind", "build", "replaced", "actor", "reason"].map(|name| field(deployment, name));
            table.row([field(deployment, "revision"), instant(deployment, "at")].into_iter().chain(rest));
        }
        table.text()
    })
}

fn sentence(deployment: &Value) -> String {
    let [environment, build, revision, replaced] =
        ["environment", "build", "revision", "replaced"].map(|name| field(deployment, name));
    let after = if replaced == "-" { String::new() } else { format!(" instead of {replaced}") };
    match field(deployment, "outcome").as_str() {
        "already_served" => format!("{environment} serves {build} already; nothing changed."),
        "dry_run" => format!("{environment} would serve {build}{after}; nothing changed."),
        _ => format!("{environment} serves {build}{after} (revision {revision})."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_a_sentence() {
        let deployment = |outcome| json!({ "environment": "production", "build": "R-2.1", "revision": 7, "replaced": "R-1.1", "outcome": outcome });
        assert_eq!(sentence(&deployment("promoted")), "production serves R-2.1 instead of R-1.1 (revision 7).");
        assert_eq!(sentence(&deployment("already_served")), "production serves R-2.1 already; nothing changed.");
        let first = json!({ "environment": "staging", "build": "R-1.1", "revision": 1, "outcome": "promoted" });
        assert_eq!(sentence(&first), "staging serves R-1.1 (revision 1).");
    }
}
