//! `shelfmark release close` and `shelfmark release rework`.

use serde_json::{Value, json};
use shelfmark_domain::name::ReleaseNumber;

use crate::cli::output::{field, plain};
use crate::cli::people::session::Session;
use crate::cli::problem::WrongUse;

/// Closes a release with a review; its items are closed, and its staging environment opens again
///
/// A lesson becomes a point of the checklist. `--step`, `--kinds` and `--paths` belong to the lessons in their order;
/// where there is only one of them it belongs to all.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  shelfmark release close R-12 --review \"On time.\" --lesson \"Seen on a telephone?\" --step production --paths img"
)]
pub struct CloseArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// What went well and what did not
    #[arg(long, value_name = "TEXT")]
    review: String,
    /// What later releases have to confirm; may be given several times
    #[arg(long, value_name = "TEXT")]
    lesson: Vec<String>,
    /// The environment before whose promotion a lesson is asked, or close
    #[arg(long, value_name = "STEP", requires = "lesson")]
    step: Vec<String>,
    /// Only releases of these kinds are asked: regular, hotfix; separated by commas
    #[arg(long, value_name = "KINDS", requires = "lesson")]
    kinds: Vec<String>,
    /// Only releases that change something in these folders are asked; separated by commas
    #[arg(long, value_name = "FOLDERS", requires = "lesson")]
    paths: Vec<String>,
}

/// Lets a release that was rolled back take changes again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark release rework R-12 --reason \"a smaller banner\"")]
pub struct ReworkArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Closes a release.
///
/// # Errors
/// `WrongUse` for options that don't fit the lessons; what the server refused.
pub async fn close(session: &Session, args: CloseArgs) -> anyhow::Result<()> {
    let body = json!({ "review": args.review, "lessons": lessons(&args)? });
    let address = session.at(&format!("/releases/{}/close", args.release))?;
    let release = session.api.post(&address, &body).await?;
    let count = args.lesson.len();
    session.show(&release, |release| {
        let learnt = match count {
            0 => String::new(),
            1 => ", with a lesson for the checklist".to_owned(),
            more => format!(", with {more} lessons for the checklist"),
        };
        format!("{} is {}{learnt}.", field(release, "number"), plain(&field(release, "state")))
    })
}

fn lessons(args: &CloseArgs) -> Result<Vec<Value>, WrongUse> {
    let mut lessons = Vec::new();
    for (at, text) in args.lesson.iter().enumerate() {
        let step = one("--step", &args.step, at, args.lesson.len())?;
        let step = step.ok_or_else(|| WrongUse("a lesson needs a --step: an environment, or close".to_owned()))?;
        let list = |text: Option<&String>| -> Vec<String> {
            text.map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()).unwrap_or_default()
        };
        let kinds = list(one("--kinds", &args.kinds, at, args.lesson.len())?);
        let paths = list(one("--paths", &args.paths, at, args.lesson.len())?);
        lessons.push(json!({ "text": text, "step": step, "selector": { "kinds": kinds, "paths": paths } }));
    }
    Ok(lessons)
}

/// The value that belongs to a lesson.
fn one<'a>(option: &str, values: &'a [String], at: usize, lessons: usize) -> Result<Option<&'a String>, WrongUse> {
    match values.len() {
        0 => Ok(None),
        1 => Ok(values.first()),
        count if count == lessons => Ok(values.get(at)),
        count => Err(WrongUse(format!(
            "there are {lessons} lessons and {count} times {option}; give it once, or once a lesson"
        ))),
    }
}

/// Reworks a release.
///
/// # Errors
/// What the server refused.
pub async fn rework(session: &Session, args: ReworkArgs) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{}/rework", args.release))?;
    let release = session.api.post(&address, &json!({ "reason": args.reason })).await?;
    session.show(&release, |release| {
        format!("{} is a {} again and takes changes.", field(release, "number"), field(release, "state"))
    })
}
