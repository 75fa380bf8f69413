//! `shelfmark work`: the register of requests, changes, fixes and incidents.

mod evidence;
mod item;
mod list;
mod show;
mod steps;
mod versions;

use shelfmark_domain::name::WorkItemNumber;

use crate::cli::people::session::Session;

pub use list::table;

/// Enters work items, works on them, tests and authorises what answers them.
#[derive(Debug, clap::Subcommand)]
pub enum WorkCommand {
    New(item::NewArgs),
    Set(item::SetArgs),
    List(list::ListArgs),
    Export(list::ExportArgs),
    /// Shows a work item, its comments and the versions that answer it
    #[command(after_help = "Example:\n  shelfmark work show W-7")]
    Show {
        /// Such as W-7
        item: WorkItemNumber,
    },
    Assign(item::AssignArgs),
    Start(steps::StartArgs),
    Resolve(steps::ResolveArgs),
    Authorise(steps::AuthoriseArgs),
    Reject(steps::RejectArgs),
    Reopen(steps::ReopenArgs),
    Close(steps::CloseArgs),
    Comment(item::CommentArgs),
    Attach(versions::AttachArgs),
    Detach(versions::DetachArgs),
    Evidence(evidence::EvidenceArgs),
    /// Lists everything that happened to a work item, newest first
    #[command(after_help = "Example:\n  shelfmark work history W-7")]
    History {
        /// Such as W-7
        item: WorkItemNumber,
    },
    /// Follows what answers a work item into releases, builds and environments
    #[command(after_help = "Example:\n  shelfmark work trace W-7")]
    Trace {
        /// Such as W-7
        item: WorkItemNumber,
    },
    Move(item::MoveArgs),
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: WorkCommand) -> anyhow::Result<()> {
    match command {
        WorkCommand::New(args) => item::new(session, args).await,
        WorkCommand::Set(args) => item::set(session, args).await,
        WorkCommand::List(args) => list::list(session, args).await,
        WorkCommand::Export(args) => list::export(session, args).await,
        WorkCommand::Show { item } => show::show(session, item).await,
        WorkCommand::Assign(args) => item::assign(session, args).await,
        WorkCommand::Start(args) => steps::start(session, args).await,
        WorkCommand::Resolve(args) => steps::resolve(session, args).await,
        WorkCommand::Authorise(args) => steps::authorise(session, args).await,
        WorkCommand::Reject(args) => steps::reject(session, args).await,
        WorkCommand::Reopen(args) => steps::reopen(session, args).await,
        WorkCommand::Close(args) => steps::close(session, args).await,
        WorkCommand::Comment(args) => item::comment(session, args).await,
        WorkCommand::Attach(args) => versions::attach(session, args).await,
        WorkCommand::Detach(args) => versions::detach(session, args).await,
        WorkCommand::Evidence(args) => evidence::run(session, args).await,
        WorkCommand::History { item } => show::history(session, item).await,
        WorkCommand::Trace { item } => show::trace(session, item).await,
        WorkCommand::Move(args) => item::reorder(session, args).await,
    }
}

/// The address of a work item.
///
/// # Errors
/// When no project is named.
fn at(session: &Session, item: WorkItemNumber) -> anyhow::Result<String> {
    session.at(&format!("/work-items/{item}"))
}
