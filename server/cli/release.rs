//! `shelfmark release`: plans of what is served, and their builds.

pub(super) mod changes;
pub(super) mod diff;
pub(super) mod environment;
pub(super) mod missing;
pub(super) mod promote;

use serde_json::{Value, json};
use shelfmark_domain::name::{ReleaseNumber, UserName};

use super::closing;
use super::gate::build::{self, ApproveArgs, RejectArgs, ReportArgs};
use super::gate::checklist::{self, ConfirmArgs};
use super::gate::freeze::{self, FreezeArgs, UnfreezeArgs};
use super::output::{Table, count, field, instant, plain, print_json, size};
use super::planning::{self, PlanCommand};
use super::work;
use crate::cli::people::session::Session;
use changes::{AddArgs, RemoveArgs};
use missing::MissingArgs;

/// Plans, fills and builds releases.
#[derive(Debug, clap::Subcommand)]
pub enum ReleaseCommand {
    /// Makes a release
    #[command(after_help = "Example:\n  shelfmark release new --title \"Spring campaign\"")]
    New {
        /// What people call it
        #[arg(long)]
        title: String,
        /// What it is about
        #[arg(long)]
        description: Option<String>,
        /// It is urgent: policies and windows may let it pass where they keep regular releases out
        #[arg(long)]
        hotfix: bool,
        /// Who is responsible for it
        #[arg(long, value_name = "PERSON")]
        manager: Option<UserName>,
    },
    /// Lists the releases, newest first
    #[command(after_help = "Example:\n  shelfmark release list")]
    List {
        /// At most this many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Shows a release, its changes and its builds
    #[command(after_help = "Example:\n  shelfmark release show R-12")]
    Show {
        /// Such as R-12
        release: ReleaseNumber,
    },
    Add(AddArgs),
    Remove(RemoveArgs),
    Notes(closing::NotesArgs),
    Close(closing::CloseArgs),
    Rework(closing::ReworkArgs),
    Incidents(closing::IncidentsArgs),
    Cause(closing::CauseArgs),
    /// Lists the work items that a release is about
    #[command(after_help = "Example:\n  shelfmark release items R-12")]
    Items {
        /// Such as R-12
        release: ReleaseNumber,
    },
    /// Applies the changes to a base and keeps the outcome for ever
    #[command(after_help = "Example:\n  shelfmark release build R-12 --base environment:production")]
    Build {
        /// Such as R-12
        release: ReleaseNumber,
        /// environment:NAME or empty; what the final environment serves when left out
        #[arg(long)]
        base: Option<String>,
    },
    Freeze(FreezeArgs),
    Unfreeze(UnfreezeArgs),
    Approve(ApproveArgs),
    Reject(RejectArgs),
    /// Lists what was decided about a release's builds
    #[command(after_help = "Example:\n  shelfmark release approvals R-12")]
    Approvals {
        /// Such as R-12
        release: ReleaseNumber,
    },
    Report(ReportArgs),
    /// Lists what outside systems have reported on a release's builds
    #[command(after_help = "Example:\n  shelfmark release reports R-12")]
    Reports {
        /// Such as R-12
        release: ReleaseNumber,
    },
    /// Shows what a release has to confirm
    #[command(after_help = "Example:\n  shelfmark release checklist R-12")]
    Checklist {
        /// Such as R-12
        release: ReleaseNumber,
    },
    Confirm(ConfirmArgs),
    #[command(flatten)]
    Planning(PlanCommand),
    /// Lists a release's builds
    #[command(after_help = "Example:\n  shelfmark release builds R-12")]
    Builds {
        /// Such as R-12
        release: ReleaseNumber,
    },
    Missing(MissingArgs),
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: ReleaseCommand) -> anyhow::Result<()> {
    match command {
        ReleaseCommand::New { title, description, hotfix, manager } => {
            let kind = if hotfix { "hotfix" } else { "regular" };
            let description = description.unwrap_or_default();
            let body = json!({ "title": title, "description": description, "kind": kind, "manager": manager });
            let release = session.api.post(&session.at("/releases")?, &body).await?;
            session.show(&release, |release| field(release, "number"))
        }
        ReleaseCommand::List { limit } => {
            let address = session.at("/releases")?;
            let releases = session.api.list(&address, 1_000, limit.unwrap_or(usize::MAX)).await?;
            session.show_list(releases, "The project has no release.", release_table)
        }
        ReleaseCommand::Notes(args) => closing::notes(session, args).await,
        ReleaseCommand::Close(args) => closing::close(session, args).await,
        ReleaseCommand::Rework(args) => closing::rework(session, args).await,
        ReleaseCommand::Incidents(args) => closing::incidents(session, args).await,
        ReleaseCommand::Cause(args) => closing::name_cause(session, args).await,
        ReleaseCommand::Show { release } => show(session, release).await,
        ReleaseCommand::Add(args) => changes::add(session, args).await,
        ReleaseCommand::Remove(args) => changes::remove(session, args).await,
        ReleaseCommand::Items { release } => {
            let items =
                session.api.list(&session.at(&format!("/releases/{release}/items"))?, 1_000, usize::MAX).await?;
            session.show_list(items, "The release is about no work item.", work::table)
        }
        ReleaseCommand::Build { release, base } => {
            let body = base.map_or_else(|| json!({}), |base| json!({ "base": base }));
            let address = session.at(&format!("/releases/{release}/builds"))?;
            let build = session.api.post(&address, &body).await?;
            session.show(&build, built)
        }
        ReleaseCommand::Freeze(args) => freeze::freeze(session, args).await,
        ReleaseCommand::Unfreeze(args) => freeze::unfreeze(session, args).await,
        ReleaseCommand::Approve(args) => build::approve(session, args).await,
        ReleaseCommand::Reject(args) => build::reject(session, args).await,
        ReleaseCommand::Approvals { release } => build::approvals(session, release).await,
        ReleaseCommand::Report(args) => build::report(session, args).await,
        ReleaseCommand::Reports { release } => build::reports(session, release).await,
        ReleaseCommand::Checklist { release } => checklist::of_release(session, release).await,
        ReleaseCommand::Confirm(args) => checklist::confirm(session, args).await,
        ReleaseCommand::Missing(args) => missing::run(session, args).await,
        ReleaseCommand::Planning(command) => planning::run(session, command).await,
        ReleaseCommand::Builds { release } => {
            let builds = builds(session, release).await?;
            session.show_list(builds, "The release has no build.", build_table)
        }
    }
}

async fn show(session: &Session, number: ReleaseNumber) -> anyhow::Result<()> {
    let address = session.at(&format!("/releases/{number}"))?;
    let release: Value = session.api.get(&address).await?;
    let changes = session.api.list(&format!("{address}/changes"), 1_000, usize::MAX).await?;
    let builds = builds(session, number).await?;
    if session.is_json {
        let mut whole = release;
        whole["lines"] = changes.into(); // the release itself has their number as `changes`
        whole["builds"] = builds.into();
        return Ok(print_json(&whole)?);
    }
    session.show(&release, |release| {
        let title = plain(&field(release, "title"));
        let state = field(release, "state");
        let (by, at) = (plain(&field(release, "created_by")), instant(release, "created_at"));
        let mut text = format!("{number}: {title} ({state}), by {by}, {at}\n");
        if release.get("target").is_some_and(Value::is_object) {
            let [date, utc, status] = ["target.date", "target.at", "target.status"].map(|name| field(release, name));
            text.push_str(&format!("{status} for {date} ({utc})\n"));
        }
        let conflicts = release.get("conflicts").and_then(Value::as_u64).unwrap_or(0);
        if conflicts > 0 {
            let keys = count(conflicts, "key");
            text.push_str(&format!("other open releases change {keys} of it too: see release conflicts {number}\n"));
        }
        text.push_str(&format!("\n{}\n", count(changes.len() as u64, "change")));
        if !changes.is_empty() {
            text.push_str(&format!("{}\n", changes::table(&changes)));
        }
        text.push_str(&format!("\n{}\n", count(builds.len() as u64, "build")));
        if !builds.is_empty() {
            text.push_str(&build_table(&builds));
        }
        text.trim_end().to_owned()
    })
}

async fn builds(session: &Session, release: ReleaseNumber) -> anyhow::Result<Vec<Value>> {
    let address = session.at(&format!("/releases/{release}/builds"))?;
    Ok(session.api.list(&address, 1_000, usize::MAX).await?)
}

fn built(build: &Value) -> String {
    let entries = build.get("entries").and_then(Value::as_u64).unwrap_or(0);
    let entries = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
    let base = match build.get("base").and_then(Value::as_str) {
        Some(base) => format!("on {base}"),
        None => "on nothing".to_owned(),
    };
    format!("{}: {entries}, {}, {base}", field(build, "name"), size(build, "size_bytes"))
}

fn release_table(releases: &[Value]) -> String {
    let mut table = Table::new(&["RELEASE", "STATE", "DATE", "CHANGES", "LATEST BUILD", "CREATED", "TITLE"]);
    for release in releases {
        let cells = ["number", "state", "target.date", "changes", "latest_build"].map(|name| field(release, name));
        table.row(cells.into_iter().chain([instant(release, "created_at"), field(release, "title")]));
    }
    table.text()
}

fn build_table(builds: &[Value]) -> String {
    let mut table = Table::new(&["BUILD", "BASE", "ENTRIES", "SIZE", "CREATED", "BY"]);
    for build in builds {
        let cells = ["name", "base", "entries"].map(|name| field(build, name));
        let rest = [size(build, "size_bytes"), instant(build, "created_at"), field(build, "created_by")];
        table.row(cells.into_iter().chain(rest));
    }
    table.text()
}
