//! `shelfmark verify`: what verifying a deployment has come to.

use std::time::Duration;

use serde_json::{Value, json};
use shelfmark_domain::name::EnvironmentName;

use super::output::{field, plain};
use crate::cli::people::session::Session;

/// How often it is asked whether a verification has ended.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Shows the verification of what an environment serves, or begins it anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark verify production --again --wait")]
pub struct VerifyArgs {
    /// Such as production
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// Of this deployment, as history lists them; the last one when left out
    #[arg(long, value_name = "N")]
    revision: Option<i64>,
    /// Verify once more
    #[arg(long)]
    again: bool,
    /// Wait until it has ended; the exit code is 1 unless it has passed
    #[arg(long)]
    wait: bool,
}

/// `shelfmark verify`
///
/// # Errors
/// What the server refused; with `--wait` also that the verification has not passed.
pub async fn run(session: &Session, args: VerifyArgs) -> anyhow::Result<()> {
    let environment = session.at(&format!("/environments/{}", args.environment))?;
    let revision = match args.revision {
        Some(revision) => revision.to_string(),
        None => {
            let last = session.api.list(&format!("{environment}/deployments"), 1, 1).await?;
            let last = last.first().map(|deployment| field(deployment, "revision"));
            last.ok_or_else(|| anyhow::anyhow!("nothing has been promoted to {} yet", args.environment))?
        }
    };
    let address = format!("{environment}/deployments/{revision}/verification");
    let mut found: Value = match args.again {
        true => session.api.post(&address, &json!({})).await?,
        false => session.api.get(&address).await?,
    };
    while args.wait && ["pending", "rolling_back"].contains(&field(&found, "state").as_str()) {
        tokio::time::sleep(ASK_EVERY).await;
        found = session.api.get(&address).await?;
    }
    session.show(&found, text)?;
    let state = field(&found, "state");
    if args.wait && state != "passed" {
        anyhow::bail!("the verification of deployment {revision} of {} is {state}", args.environment);
    }
    Ok(())
}

fn text(verification: &Value) -> String {
    let [environment, build, revision, state] =
        ["environment", "build", "revision", "state"].map(|name| field(verification, name));
    let mut text = format!("Deployment {revision} of {environment} ({build}): {state}");
    let rolled_back = field(verification, "rolled_back");
    if rolled_back != "-" {
        text.push_str(&format!(", by revision {rolled_back}"));
    }
    for item in verification.get("items").and_then(Value::as_array).into_iter().flatten() {
        let [name, outcome, reason] = ["name", "outcome", "reason"].map(|name| plain(&field(item, name)));
        text.push_str(&format!("\n  {outcome:<7}  {name}: {reason}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_a_line() {
        let found = json!({ "environment": "production", "build": "R-1.1", "revision": 3, "state": "rolled_back",
            "rolled_back": 4, "items": [{ "name": "contents", "outcome": "passed", "reason": "2 were read back" }] });
        let lines =
            "Deployment 3 of production (R-1.1): rolled_back, by revision 4\n  passed   contents: 2 were read back";
        assert_eq!(text(&found), lines);
    }
}
