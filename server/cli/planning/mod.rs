//! Planning on the command line: `shelfmark release plan`, `agree`, `repin` and the like, `calendar`, `saved-search`.

pub mod calendar;
mod dates;
mod derive;
mod rebase;
pub mod searches;

pub use dates::{AgreeArgs, PlanArgs};
pub use derive::{CancelArgs, CloneArgs, RepinArgs, SplitArgs};
pub use rebase::{ConflictsArgs, RebaseArgs, ResolveArgs};

use crate::cli::people::session::Session;

/// What can be done with the plan of a release.
#[derive(Debug, clap::Subcommand)]
pub enum PlanCommand {
    Plan(PlanArgs),
    Agree(AgreeArgs),
    Repin(RepinArgs),
    Clone(CloneArgs),
    Split(SplitArgs),
    Cancel(CancelArgs),
    Conflicts(ConflictsArgs),
    Rebase(RebaseArgs),
    Resolve(ResolveArgs),
}

/// Does what the command says.
///
/// # Errors
/// What the server refused.
pub async fn run(session: &Session, command: PlanCommand) -> anyhow::Result<()> {
    match command {
        PlanCommand::Plan(args) => dates::plan(session, args).await,
        PlanCommand::Agree(args) => dates::agree(session, args).await,
        PlanCommand::Repin(args) => derive::repin(session, args).await,
        PlanCommand::Clone(args) => derive::copy(session, args).await,
        PlanCommand::Split(args) => derive::split(session, args).await,
        PlanCommand::Cancel(args) => derive::cancel(session, args).await,
        PlanCommand::Conflicts(args) => rebase::conflicts(session, args).await,
        PlanCommand::Rebase(args) => rebase::show(session, args).await,
        PlanCommand::Resolve(args) => rebase::resolve(session, args).await,
    }
}
