//! `shelfmark release approve`, `reject`, `approvals`, `report`, `reports`: what people and outside systems say of builds.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};

use crate::cli::output::{Table, field, instant};
use crate::cli::people::session::Session;

/// Approves a build for an environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release approve R-12 --for production --reason \"looked at on staging\"")]
pub struct ApproveArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The environment that may serve it
    #[arg(long = "for", value_name = "ENV")]
    environment: EnvironmentName,
    /// The release's newest build when left out
    #[arg(long)]
    build: Option<BuildName>,
    /// What you looked at
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

/// Rejects a build for an environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release reject R-12 --for production --reason \"the logo is blurred\"")]
pub struct RejectArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The environment that must not serve it
    #[arg(long = "for", value_name = "ENV")]
    environment: EnvironmentName,
    /// The release's newest build when left out
    #[arg(long)]
    build: Option<BuildName>,
    /// What is wrong
    #[arg(long)]
    reason: String,
}

/// What an outside check came to.
#[derive(Clone, Copy, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StateChoice {
    /// It is under way
    Running,
    /// It is fine
    Passed,
    /// It is not
    Failed,
}

/// Reports what an outside check came to, as build servers do
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  shelfmark release report R-12 ci/visual passed --link https://ci.example.org/runs/7"
)]
pub struct ReportArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The name by which a policy asks for it
    name: String,
    /// What it came to
    state: StateChoice,
    /// The release's newest build when left out
    #[arg(long)]
    build: Option<BuildName>,
    /// In a sentence
    #[arg(long, default_value = "", hide_default_value = true)]
    summary: String,
    /// Where a person can read more
    #[arg(long, default_value = "", hide_default_value = true)]
    link: String,
}

/// `shelfmark release approve`
///
/// # Errors
/// What the server refused.
pub async fn approve(session: &Session, args: ApproveArgs) -> anyhow::Result<()> {
    let ApproveArgs { release, environment, build, reason } = args;
    decide(
        session,
        release,
        json!({ "environment": environment, "build": build, "decision": "approved", "reason": reason }),
    )
    .await
}

/// `shelfmark release reject`
///
/// # Errors
/// What the server refused.
pub async fn reject(session: &Session, args: RejectArgs) -> anyhow::Result<()> {
    let RejectArgs { release, environment, build, reason } = args;
    decide(
        session,
        release,
        json!({ "environment": environment, "build": build, "decision": "rejected", "reason": reason }),
    )
    .await
}

async fn decide(session: &Session, release: ReleaseNumber, body: Value) -> anyhow::Result<()> {
    let made = session.api.post(&session.at(&format!("/releases/{release}/approvals"))?, &body).await?;
    session.show(&made, |made| {
        let [build, decision, environment] = ["build", "decision", "environment"].map(|name| field(made, name));
        format!("{build} is {decision} for {environment}.")
    })
}

/// `shelfmark release approvals`
///
/// # Errors
/// What the server refused.
pub async fn approvals(session: &Session, release: ReleaseNumber) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{release}/approvals"))?;
    let approvals = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(approvals, "Nobody has said anything yet.", |approvals| {
        let mut table = Table::new(&["AT", "BUILD", "FOR", "DECISION", "BY", "ROLE", "VOID", "REASON"]);
        for approval in approvals {
            let rest = ["build", "environment", "decision", "by", "role", "void", "reason"];
            table.row([instant(approval, "at")].into_iter().chain(rest.map(|name| field(approval, name))));
        }
        table.text()
    })
}

/// `shelfmark release report`
///
/// # Errors
/// What the server refused.
pub async fn report(session: &Session, args: ReportArgs) -> anyhow::Result<()> {
    let ReportArgs { release, name, state, build, summary, link } = args;
    let body = json!({ "name": name, "state": state, "build": build, "summary": summary, "link": link });
    let made = session.api.post(&session.at(&format!("/releases/{release}/checks"))?, &body).await?;
    session.show(&made, |made| {
        let [build, name, state] = ["build", "name", "state"].map(|name| field(made, name));
        format!("{build}: {name} {state}.")
    })
}

/// `shelfmark release reports`
///
/// # Errors
/// What the server refused.
pub async fn reports(session: &Session, release: ReleaseNumber) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{release}/checks"))?;
    let reports = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(reports, "Nothing has been reported yet.", |reports| {
        let mut table = Table::new(&["AT", "BUILD", "NAME", "STATE", "BY", "VOID", "SUMMARY", "LINK"]);
        for report in reports {
            let rest = ["build", "name", "state", "by", "void", "summary", "link"];
            table.row([instant(report, "at")].into_iter().chain(rest.map(|name| field(report, name))));
        }
        table.text()
    })
}
