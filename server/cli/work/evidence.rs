//! `shelfmark work evidence`: what tests of an item came to.

use serde_json::{Value, json};
use shelfmark_domain::name::{BuildName, WorkItemNumber};

use super::super::output::{Table, field, instant};
use super::at;
use super::versions::PathAt;
use crate::cli::people::session::Session;

/// Files what a test of a work item came to; without --test lists what has been filed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  shelfmark work evidence W-7 --test \"sharp on a phone\" --pass --build R-12.3 --file tests/phone.png
  shelfmark work evidence W-7")]
pub struct EvidenceArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// The test case
    #[arg(long, value_name = "CASE")]
    test: Option<String>,
    /// It came out as it should
    #[arg(long, requires = "test", conflicts_with = "fail")]
    pass: bool,
    /// It did not
    #[arg(long, requires = "test")]
    fail: bool,
    /// What should happen
    #[arg(long, default_value = "", hide_default_value = true, requires = "test")]
    expected: String,
    /// What happened
    #[arg(long, default_value = "", hide_default_value = true, requires = "test")]
    actual: String,
    /// The build that was tested
    #[arg(long, requires = "test")]
    build: Option<BuildName>,
    /// An asset that shows it, at its latest version or at version N; may be repeated
    #[arg(long, value_name = "PATH[@N]", requires = "test")]
    file: Vec<PathAt>,
}

/// Does what the arguments say.
///
/// # Errors
/// `WrongUse` when a test came to nothing; what the server refused.
pub async fn run(session: &Session, args: EvidenceArgs) -> anyhow::Result<()> {
    let address = format!("{}/evidence", at(session, args.item)?);
    let Some(test_case) = args.test else {
        let evidence = session.api.list(&address, 1_000, usize::MAX).await?;
        return session.show_list(evidence, "Nothing has been tested.", table);
    };
    if args.pass == args.fail {
        let detail = "say whether the test came out as it should: --pass or --fail";
        return Err(super::super::problem::WrongUse(detail.to_owned()).into());
    }
    let outcome = if args.pass { "pass" } else { "fail" };
    let files: Vec<Value> = args.file.iter().map(PathAt::to_json).collect();
    let body = json!({ "test_case": test_case, "expected": args.expected, "actual": args.actual, "outcome": outcome,
        "build": args.build, "files": files });
    let evidence = session.api.post(&address, &body).await?;
    session.show(&evidence, |evidence| table(std::slice::from_ref(evidence)))
}

fn table(evidence: &[Value]) -> String {
    let mut table = Table::new(&["NO", "OUTCOME", "BUILD", "VOID", "TESTED", "BY", "FILES", "TEST CASE"]);
    for one in evidence {
        let files = one.get("files").and_then(Value::as_array).map_or(0, Vec::len);
        let cells = ["number", "outcome", "build", "void"].map(|name| field(one, name));
        let rest = [instant(one, "at"), field(one, "tested_by"), files.to_string(), field(one, "test_case")];
        table.row(cells.into_iter().chain(rest));
    }
    table.text()
}
