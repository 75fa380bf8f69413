//! `shelfmark gate`: what the gate would say.

use serde_json::Value;
use shelfmark_domain::gate::Class;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;

use crate::cli::output::{field, plain};
use crate::cli::people::session::Session;

/// Says whether an environment would take a build, and what stands in the way. Nothing moves.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark gate R-12.3 production --at 2026-03-27T17:00:00+01:00")]
pub struct GateArgs {
    /// Such as
    build: BuildName,
    /// Such as production
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// When; now when left out
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    /// regular, hotfix, rollback or break_glass; that of the release when left out
    #[arg(long, value_parser = class)]
    class: Option<Class>,
}

fn class(text: &str) -> Result<Class, String> {
    Class::parse(text).ok_or_else(|| "write regular, hotfix, rollback or break_glass".to_owned())
}

/// `shelfmark gate`
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, args: GateArgs) -> anyhow::Result<()> {
    let GateArgs { build, environment, at, class } = args;
    let mut address = session.at(&format!("/environments/{environment}/gate?build={build}"))?;
    if let Some(at) = at {
        address.push_str(&format!("&at={at}"));
    }
    if let Some(class) = class {
        address.push_str(&format!("&class={}", class.as_str()));
    }
    let answer: Value = session.api.get(&address).await?;
    session.show(&answer, |answer| {
        let (environment, build) = (field(answer, "environment"), field(answer, "build"));
        let passes = answer["passes"].as_bool() == Some(true);
        let verb = if passes { "takes" } else { "does not take" };
        format!("{environment} {verb} {build}.\n{}", checks(&answer["checks"]))
    })
}

/// A line a check.
pub fn checks(checks: &Value) -> String {
    let lines = checks.as_array().into_iter().flatten().map(|check| {
        let (name, reason) = (field(check, "name"), plain(&field(check, "reason")));
        match field(check, "outcome").as_str() {
            "pass" => format!("  pass    {name}: {reason}"),
            "waived" => {
                format!(
                    "  waived  {name}: {reason} (by {}: {})",
                    plain(&field(check, "by")),
                    plain(&field(check, "why"))
                )
            }
            _ => format!("  FAIL    {name}: {reason}\n          {}", plain(&field(check, "remedy"))),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_check_is_a_line_and_a_failing_one_says_what_to_do() {
        let said = checks(&json!([
            { "name": "state", "outcome": "pass", "reason": "release R-1 is draft" },
            { "name": "soak", "outcome": "fail", "reason": "staging has served it for 1 of 60 minutes", "remedy": "wait" },
            { "name": "window", "outcome": "waived", "reason": "closed", "by": "Ada", "why": "fair", "until": null },
        ]));
        let expected = "  pass    state: release R-1 is draft\n  FAIL    soak: staging has served it for 1 of 60 minutes\n          wait\n  waived  window: closed (by Ada: fair)";
        assert_eq!(said, expected);
    }
}
