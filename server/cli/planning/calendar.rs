//! `shelfmark calendar`: the dates of all releases.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::time::Timestamp;

use crate::cli::api::segment;
use crate::cli::output::{Table, field, plain, print};
use crate::cli::people::session::Session;

/// Lists the releases that have a date, by that date
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark calendar --from 2026-03-01T00:00:00Z
  shelfmark calendar --ics > releases.ics
  shelfmark calendar --make-key")]
pub struct CalendarArgs {
    /// Dates at this instant or later
    #[arg(long, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// Dates before this instant
    #[arg(long, value_name = "INSTANT")]
    to: Option<Timestamp>,
    /// Write the calendar as an iCalendar file
    #[arg(long, conflicts_with_all = ["from", "to"])]
    ics: bool,
    /// Make the address to which calendar programs subscribe; an earlier one works no more
    #[arg(long, conflicts_with_all = ["from", "to", "ics"])]
    make_key: bool,
    /// Take that address away
    #[arg(long, conflicts_with_all = ["from", "to", "ics", "make_key"])]
    revoke_key: bool,
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, args: CalendarArgs) -> anyhow::Result<()> {
    let key = session.at("/calendar/key")?;
    if args.make_key {
        let made = session.api.send_for(session.api.request(Method::POST, &key)).await?;
        return session.show(&made, |made| format!("{}\nIt is shown this once.", field(made, "address")));
    }
    if args.revoke_key {
        session.api.send(session.api.request(Method::DELETE, &key)).await?;
        return session.show(&json!({ "revoked": true }), |_| "The calendar's address works no more.".to_owned());
    }
    if args.ics {
        let feed = session.api.send(session.api.request(Method::GET, &session.at("/calendar.ics")?)).await?;
        return Ok(print(feed.text().await?.trim_end())?);
    }
    let span = [("from", args.from), ("to", args.to)];
    let span = span.iter().filter_map(|(name, at)| at.map(|at| format!("&{name}={}", segment(&at.to_string()))));
    let query: String = span.collect();
    let address = session.at(&format!("/calendar?{}", query.trim_start_matches('&')))?;
    let planned = session.api.list(&address, 1_000, usize::MAX).await?;
    session.show_list(planned, "No release has a date there.", table)
}

fn table(planned: &[Value]) -> String {
    let mut table = Table::new(&["DATE", "UTC", "STATUS", "RELEASE", "STATE", "MANAGER", "TITLE"]);
    for release in planned {
        let cells = ["target.date", "target.at", "target.status", "release", "state", "manager", "title"];
        table.row(cells.map(|name| plain(&field(release, name))));
    }
    table.text()
}
