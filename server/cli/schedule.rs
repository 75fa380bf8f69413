//! `shelfmark schedule`: promotions for an instant to come.

use serde_json::{Value, json};
use shelfmark_domain::name::{BuildName, EnvironmentName};

use super::output::{Table, field, instant, plain};
use crate::cli::people::session::Session;

/// Lists, shows and cancels scheduled promotions; `promote --at` makes them.
#[derive(Debug, clap::Subcommand)]
pub enum ScheduleCommand {
    /// Lists scheduled promotions, newest first
    #[command(after_help = "Example:\n  shelfmark schedule list production --state pending")]
    List {
        /// Such as production; all environments when left out
        #[arg(value_name = "ENV")]
        environment: Option<EnvironmentName>,
        /// pending, done, lapsed, failed or cancelled
        #[arg(long)]
        state: Option<String>,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Shows a scheduled promotion, and what stands in its way
    #[command(after_help = "Example:\n  shelfmark schedule show production 217")]
    Show {
        /// Such as production
        #[arg(value_name = "ENV")]
        environment: EnvironmentName,
        /// Its number
        number: i64,
    },
    /// Takes a scheduled promotion back
    #[command(after_help = "Example:\n  shelfmark schedule cancel production 217 --reason \"moved to Monday\"")]
    Cancel {
        /// Such as production
        #[arg(value_name = "ENV")]
        environment: EnvironmentName,
        /// Its number
        number: i64,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// When a promotion is to happen.
#[derive(Debug, clap::Args)]
pub struct When {
    /// Not now but then: 2026-03-27T17:00 with --zone, or with an offset of its own
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The time zone of --at and --deadline, such as Europe/Berlin
    #[arg(long, requires = "at")]
    zone: Option<String>,
    /// When it lapses if it could not be done until then
    #[arg(long, value_name = "TIME", requires = "at")]
    deadline: Option<String>,
}

impl When {
    /// Whether it is not now.
    pub fn is_later(&self) -> bool {
        self.at.is_some()
    }
}

/// Schedules a promotion.
///
/// # Errors
/// What the server refused.
pub async fn schedule(
    session: &Session,
    (build, environment): (BuildName, EnvironmentName),
    when: When,
    reason: Option<String>,
) -> anyhow::Result<()> {
    let mut body = json!({ "build": build, "at": when.at, "zone": when.zone, "deadline": when.deadline });
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    let address = session.at(&format!("/environments/{environment}/schedules"))?;
    let made = session.api.post(&address, &body).await?;
    session.show(&made, sentence)
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: ScheduleCommand) -> anyhow::Result<()> {
    match command {
        ScheduleCommand::List { environment, state, limit } => {
            let place = environment.map(|name| format!("/environments/{name}")).unwrap_or_default();
            let state = state.map(|state| format!("?state={}", super::api::segment(&state))).unwrap_or_default();
            let address = session.at(&format!("{place}/schedules{state}"))?;
            let schedules = session.api.list(&address, 1_000, limit).await?;
            session.show_list(schedules, "Nothing is scheduled.", table)
        }
        ScheduleCommand::Show { environment, number } => {
            let address = session.at(&format!("/environments/{environment}/schedules/{number}"))?;
            let found: Value = session.api.get(&address).await?;
            session.show(&found, sentence)
        }
        ScheduleCommand::Cancel { environment, number, reason } => {
            let address = session.at(&format!("/environments/{environment}/schedules/{number}/cancel"))?;
            let cancelled = session.api.post(&address, &json!({ "reason": reason })).await?;
            session.show(&cancelled, sentence)
        }
    }
}

fn table(schedules: &[Value]) -> String {
    let mut table = Table::new(&["NUMBER", "STATE", "AT", "BUILD", "ENVIRONMENT", "BY", "REASON"]);
    for schedule in schedules {
        let first = [field(schedule, "number"), field(schedule, "state"), instant(schedule, "at")];
        let rest = ["build", "environment", "by", "reason"].map(|name| field(schedule, name));
        table.row(first.into_iter().chain(rest));
    }
    table.text()
}

fn sentence(schedule: &Value) -> String {
    let [number, build, environment, state] =
        ["number", "build", "environment", "state"].map(|name| field(schedule, name));
    let (at, deadline) = (instant(schedule, "at"), instant(schedule, "deadline"));
    let mut text = match state.as_str() {
        "pending" => format!("Schedule {number}: {build} goes to {environment} at {at}, at the latest at {deadline}."),
        "done" => format!(
            "Schedule {number} is done: {environment} serves {build} since revision {}.",
            field(schedule, "deployment")
        ),
        _ => {
            let (by, why) = (plain(&field(schedule, "ended_by")), plain(&field(schedule, "ended_why")));
            format!("Schedule {number} ({build} to {environment} at {at}) is {state}, by {by}: {why}")
        }
    };
    let refusal = schedule.get("refusal").and_then(Value::as_array).into_iter().flatten();
    for check in refusal.filter(|_| state == "pending") {
        let [name, reason, remedy] = ["name", "reason", "remedy"].map(|name| plain(&field(check, name)));
        text.push_str(&format!("\n  {name}: {reason}; {remedy}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_sentence_with_what_stands_in_its_way() {
        let mut schedule = json!({ "number": 7, "build": "R-1.1", "environment": "production", "state": "pending",
            "at": "2026-03-27T16:00:00.000000Z", "deadline": "2026-03-27T17:00:00.000000Z",
            "refusal": [{ "name": "stop", "reason": "Ada has stopped production", "remedy": "lift the stop" }] });
        let said = sentence(&schedule);
        assert!(
            said.starts_with("Schedule 7: R-1.1 goes to production at 2026-03-27 16:00:00Z, at the latest"),
            "{said}"
        );
        assert!(said.ends_with("\n  stop: Ada has stopped production; lift the stop"), "{said}");
        schedule["state"] = "lapsed".into();
        schedule["ended_by"] = "scheduler".into();
        schedule["ended_why"] = "its deadline has passed".into();
        assert!(sentence(&schedule).ends_with("is lapsed, by scheduler: its deadline has passed"));
    }
}
