//! `shelfmark release incidents` and `shelfmark release cause`.

use reqwest::Method;
use serde_json::json;
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber, WorkItemNumber};

use crate::cli::output::{Table, field};
use crate::cli::people::session::Session;

/// Lists the incidents that a release is about or that one of its deployments caused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release incidents R-12")]
pub struct IncidentsArgs {
    /// Such as R-12
    release: ReleaseNumber,
}

/// Names the deployment that caused an incident
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release cause W-7 production 12")]
pub struct CauseArgs {
    /// The incident, such as W-7
    item: WorkItemNumber,
    /// Where the deployment was made
    environment: EnvironmentName,
    /// Its number, as `shelfmark history` shows it
    deployment: i64,
}

/// Lists incidents.
///
/// # Errors
/// What the server refused.
pub async fn incidents(session: &Session, args: IncidentsArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/incidents", args.release))?;
    let items = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(items, "The release has no incident.", |items| {
        let mut table = Table::new(&["INCIDENT", "STATUS", "CAUSED IN", "DEPLOYMENT", "BUILD", "TITLE"]);
        for item in items {
            let names = ["item", "status", "cause.environment", "cause.deployment", "cause.build", "title"];
            table.row(names.map(|name| field(item, name)));
        }
        table.text()
    })
}

/// Names a cause.
///
/// # Errors
/// What the server refused.
pub async fn name_cause(session: &Session, args: CauseArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/work-items/{}/cause", args.item))?;
    let body = json!({ "environment": args.environment, "deployment": args.deployment });
    let cause = session.api.send_json(Method::PUT, &address, &body).await?;
    session.show(&cause, |cause| {
        let (build, environment) = (field(cause, "build"), field(cause, "environment"));
        format!("{} was caused by deployment {} of {environment}, {build}.", args.item, field(cause, "deployment"))
    })
}
