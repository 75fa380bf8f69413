//! `shelfmark release plan` and `agree`: the date of a release.

use serde_json::{Value, json};
use shelfmark_domain::name::ReleaseNumber;

use crate::cli::output::{Table, field, plain};
use crate::cli::people::session::Session;

/// Proposes a date for a release; without one, shows what was proposed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark release plan R-12 --propose 2026-03-27T17:00 --zone Europe/Berlin
  shelfmark release plan R-12")]
pub struct PlanArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Local date and time in the zone, or with an offset that the zone has then
    #[arg(long, value_name = "DATE")]
    propose: Option<String>,
    /// IANA time zone in which people mean the date
    #[arg(long, value_name = "ZONE", requires = "propose")]
    zone: Option<String>,
    /// Why this date
    #[arg(long, requires = "propose")]
    remark: Option<String>,
}

/// Agrees to the date that someone else has proposed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release agree R-12 2 --remark \"fits us\"")]
pub struct AgreeArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The newest proposal's number, as `release plan` shows it
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    proposal: i64,
    /// What to say about it
    #[arg(long)]
    remark: Option<String>,
}

/// `shelfmark release plan`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn plan(session: &Session, args: PlanArgs) -> anyhow::Result<()> {
    let PlanArgs { release, propose, zone, remark } = args;
    let address = session.at(&format!("/releases/{release}/dates"))?;
    let Some(date) = propose else {
        let dates = session.api.list(&address, 1_000, usize::MAX).await?;
        return session.show_list(dates, "No date has been proposed.", table);
    };
    let body = json!({ "date": date, "zone": zone, "remark": remark.unwrap_or_default() });
    let proposed = session.api.post(&address, &body).await?;
    session.show(&proposed, |proposed| {
        let (number, date, at) = (field(proposed, "number"), field(proposed, "date"), field(proposed, "at"));
        let is_reopened = proposed.get("reopens").and_then(Value::as_bool).unwrap_or(false);
        let reopened = if is_reopened { " What had been agreed is open again." } else { "" };
        format!("Proposal {number} for {release}: {date} ({at}). Someone else has to agree to it.{reopened}")
    })
}

/// `shelfmark release agree`
///
/// # Errors
/// What the server refused; nothing is changed then.
pub async fn agree(session: &Session, args: AgreeArgs) -> anyhow::Result<()> {
    let AgreeArgs { release, proposal, remark } = args;
    let address = session.at(&format!("/releases/{release}/dates/{proposal}/agree"))?;
    let agreed = session.api.post(&address, &json!({ "remark": remark.unwrap_or_default() })).await?;
    session
        .show(&agreed, |agreed| format!("{release} is agreed for {} ({}).", field(agreed, "date"), field(agreed, "at")))
}

fn table(dates: &[Value]) -> String {
    let mut table = Table::new(&["PROPOSAL", "STATUS", "DATE", "UTC", "BY", "AGREED BY", "REMARK"]);
    for date in dates {
        let cells = ["number", "status", "date", "at", "proposed_by", "agreed_by", "remark"];
        table.row(cells.map(|name| plain(&field(date, name))));
    }
    table.text()
}
