//! `shelfmark work new`, `set`, `assign`, `comment` and `move`: what is said of an item, and where it stands.

use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::name::{UserName, WorkItemNumber};

use super::super::output::{field, plain};
use super::super::problem::WrongUse;
use super::at;
use crate::cli::people::session::Session;

/// What can be said of a work item.
#[derive(Debug, clap::Args)]
struct SaidArgs {
    /// What it is about
    #[arg(long, value_parser = ["request", "change", "fix", "incident"])]
    kind: Option<String>,
    /// What is wanted, and why
    #[arg(long)]
    description: Option<String>,
    /// How much it matters
    #[arg(long, value_parser = ["low", "normal", "high", "urgent"])]
    priority: Option<String>,
    /// The day by which it should be done, such as 2026-03-01
    #[arg(long, value_name = "DAY")]
    due: Option<Date>,
    /// A label; may be repeated, and replaces all former ones
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// The address of another system's page about it
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// What users will notice
    #[arg(long)]
    impact: Option<String>,
    /// What the notes of its release say
    #[arg(long, value_name = "TEXT")]
    release_note: Option<String>,
}

impl SaidArgs {
    fn into_body(self) -> Value {
        let mut body = json!({});
        let texts = [
            ("kind", self.kind),
            ("description", self.description),
            ("priority", self.priority),
            ("due_on", self.due.map(|day| day.to_string())),
            ("link", self.link),
            ("impact", self.impact),
            ("release_note", self.release_note),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                body[name] = text.into();
            }
        }
        if !self.label.is_empty() {
            body["labels"] = self.label.into();
        }
        body
    }
}

/// Enters a work item.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  shelfmark work new --title \"A new logo\" --requester anna --assignee ben --due 2026-03-01"
)]
pub struct NewArgs {
    /// What people call it
    #[arg(long)]
    title: String,
    /// Who wants it; you when left out
    #[arg(long, value_name = "PERSON")]
    requester: Option<UserName>,
    /// Who works on it
    #[arg(long, value_name = "PERSON")]
    assignee: Option<UserName>,
    #[command(flatten)]
    said: SaidArgs,
}

/// Changes what is said of a work item.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work set W-7 --priority high --impact \"The logo is blue everywhere\"")]
pub struct SetArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// What people call it
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    said: SaidArgs,
}

/// Says who works on an item.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work assign W-7 ben")]
pub struct AssignArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// Who works on it; nobody when left out
    #[arg(value_name = "PERSON")]
    assignee: Option<UserName>,
}

/// Comments on a work item.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work comment W-7 \"@anna, is this the right blue?\"")]
pub struct CommentArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// What to say; @anna calls Anna
    text: String,
    /// Gives your comment of this number another text
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    edit: Option<u64>,
}

/// Puts a work item before or after another one of its status on the board.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark work move W-7 --before W-3")]
pub struct MoveArgs {
    /// Such as W-7
    item: WorkItemNumber,
    /// The item that comes right after it
    #[arg(long, value_name = "W-N", required_unless_present = "after", conflicts_with = "after")]
    before: Option<WorkItemNumber>,
    /// The item that comes right before it
    #[arg(long, value_name = "W-N")]
    after: Option<WorkItemNumber>,
}

/// `shelfmark work new`
///
/// # Errors
/// What the server refused.
pub async fn new(session: &Session, args: NewArgs) -> anyhow::Result<()> {
    let mut body = args.said.into_body();
    body["title"] = args.title.into();
    body["requester"] = json!(args.requester);
    body["assignee"] = json!(args.assignee);
    let item = session.api.post(&session.at("/work-items")?, &body).await?;
    session.show(&item, |item| field(item, "number"))
}

/// `shelfmark work set`
///
/// # Errors
/// `WrongUse` when there is nothing to change; what the server refused.
pub async fn set(session: &Session, args: SetArgs) -> anyhow::Result<()> {
    let mut body = args.said.into_body();
    if let Some(title) = args.title {
        body["title"] = title.into();
    }
    if body == json!({}) {
        return Err(WrongUse("there is nothing to change; give --title, --priority or the like".to_owned()).into());
    }
    let item = session.api.send_json(Method::PATCH, &at(session, args.item)?, &body).await?;
    session.show(&item, said)
}

/// `shelfmark work assign`
///
/// # Errors
/// What the server refused.
pub async fn assign(session: &Session, args: AssignArgs) -> anyhow::Result<()> {
    let body = json!({ "assignee": args.assignee });
    let item = session.api.send_json(Method::PATCH, &at(session, args.item)?, &body).await?;
    session.show(&item, said)
}

/// `shelfmark work comment`
///
/// # Errors
/// What the server refused.
pub async fn comment(session: &Session, args: CommentArgs) -> anyhow::Result<()> {
    let comments = format!("{}/comments", at(session, args.item)?);
    let (method, address) = match args.edit {
        None => (Method::POST, comments),
        Some(number) => (Method::PATCH, format!("{comments}/{number}")),
    };
    let comment = session.api.send_json(method, &address, &json!({ "text": args.text })).await?;
    session.show(&comment, |comment| format!("{} has comment {}.", args.item, field(comment, "number")))
}

/// `shelfmark work move`
///
/// # Errors
/// What the server refused.
pub async fn reorder(session: &Session, args: MoveArgs) -> anyhow::Result<()> {
    let (side, other) = if args.before.is_some() { ("before", args.before) } else { ("after", args.after) };
    let address = format!("{}/position", at(session, args.item)?);
    session.api.send(session.api.request(Method::PUT, &address).json(&json!({ side: other }))).await?;
    session.show(&json!({ "item": args.item, side: other }), |answer| {
        format!("{} is right {side} {}.", args.item, field(answer, side))
    })
}

/// An item in one sentence.
pub fn said(item: &Value) -> String {
    let [number, status, assignee] = ["number", "status", "assignee"].map(|name| field(item, name));
    format!("{number} is {status}, assigned to {assignee}: {}", plain(&field(item, "title")))
}
