//! `shelfmark checklist` and `release checklist`, `release confirm`.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::path::FolderPath;

use crate::cli::output::{Table, field, instant, plain};
use crate::cli::people::session::Session;

/// Lists, adds and retires the points that releases have to confirm.
#[derive(Debug, clap::Subcommand)]
pub enum ChecklistCommand {
    /// Lists the points
    #[command(after_help = "Example:\n  shelfmark checklist list")]
    List,
    /// Adds a point
    #[command(
        after_help = "Example:\n  shelfmark checklist add \"the favicon is seen in dark mode\" --step production --path img"
    )]
    Add {
        /// What has to be confirmed
        text: String,
        /// The environment before whose promotion it is asked, or close
        #[arg(long)]
        step: String,
        /// Only of releases that change something in this folder; may be repeated
        #[arg(long = "path", value_name = "FOLDER")]
        paths: Vec<FolderPath>,
        /// Only of hotfixes, or only of regular releases
        #[arg(long, value_parser = ["regular", "hotfix"])]
        kind: Option<String>,
    },
    /// Asks a point no more
    #[command(after_help = "Example:\n  shelfmark checklist retire 4")]
    Retire {
        /// Its number
        number: i64,
    },
}

/// Confirms a point of the checklist for a release
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release confirm R-12 4 --remark \"seen on two phones\"")]
pub struct ConfirmArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// The point's number
    point: i64,
    /// What you did
    #[arg(long, default_value = "", hide_default_value = true)]
    remark: String,
    /// It does not apply to this release; --remark says why
    #[arg(long)]
    not_applicable: bool,
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: ChecklistCommand) -> anyhow::Result<()> {
    match command {
        ChecklistCommand::List => {
            let points = session.api.list(&session.at("/checklist")?, 1_000, usize::MAX).await?;
            session.show_list(points, "The checklist is empty.", |points| {
                let mut table = Table::new(&["NUMBER", "STEP", "LESSON OF", "BY", "RETIRED", "TEXT"]);
                for point in points {
                    let first = ["number", "step", "origin", "by"].map(|name| field(point, name));
                    table.row(first.into_iter().chain([instant(point, "retired_at"), field(point, "text")]));
                }
                table.text()
            })
        }
        ChecklistCommand::Add { text, step, paths, kind } => {
            let selector = json!({ "paths": paths, "kinds": kind.into_iter().collect::<Vec<_>>() });
            let body = json!({ "text": text, "step": step, "selector": selector });
            let point = session.api.post(&session.at("/checklist")?, &body).await?;
            session.show(&point, |point| format!("Point {} is there.", field(point, "number")))
        }
        ChecklistCommand::Retire { number } => {
            let request = session.api.request(Method::DELETE, &session.at(&format!("/checklist/{number}"))?);
            let point: Value = session.api.send_for(request).await?;
            session.show(&point, |_| format!("Point {number} is asked no more."))
        }
    }
}

/// `shelfmark release checklist`
///
/// # Errors
/// What the server refused.
pub async fn of_release(session: &Session, release: ReleaseNumber) -> anyhow::Result<()> {
    let list: Value = session.api.get(&session.at(&format!("/releases/{release}/checklist"))?).await?;
    session.show(&list, |list| {
        let mut table = Table::new(&["POINT", "STEP", "ANSWER", "BY", "TEXT"]);
        for item in list["items"].as_array().into_iter().flatten() {
            let point = ["number", "step"].map(|name| field(&item["point"], name));
            let answer = ["answer", "by"].map(|name| field(&item["answer"], name));
            table.row(point.into_iter().chain(answer).chain([plain(&field(&item["point"], "text"))]));
        }
        format!("{}\n{} still open.", table.text().trim_end(), field(list, "open"))
    })
}

/// `shelfmark release confirm`
///
/// # Errors
/// What the server refused.
pub async fn confirm(session: &Session, args: ConfirmArgs) -> anyhow::Result<()> {
    let ConfirmArgs { release, point, remark, not_applicable } = args;
    let answer = if not_applicable { "not_applicable" } else { "confirmed" };
    let address = session.at(&format!("/releases/{release}/checklist/{point}"))?;
    let body = json!({ "answer": answer, "remark": remark });
    let answer = session.api.send_json(Method::PUT, &address, &body).await?;
    session.show(&answer, |answer| format!("Point {point}: {}.", field(answer, "answer")))
}
