//! The command line: one file per command or noun. Every command but `serve` speaks HTTP to a server and knows
//! nothing of where bytes and rows are. Exit codes: 0 done, 1 refused or failed, 2 wrong use.

mod api;
mod asset;
mod audit;
mod closing;
mod completions;
mod credentials;
mod diff;
mod environment;
mod get;
mod import;
mod login;
mod output;
mod problem;
mod project;
mod promote;
mod put;
mod release;
mod release_changes;
pub mod serve;
mod session;
mod store;
mod token;
mod user;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use credentials::ConnectionArgs;
use problem::WrongUse;
use session::Session;

const EXAMPLE: &str = "Example:
  shelfmark serve --data ./data --listen 127.0.0.1:8080 &
  export SHELFMARK_URL=http://127.0.0.1:8080 SHELFMARK_TOKEN=... SHELFMARK_PROJECT=site
  shelfmark project create site
  shelfmark import ./icons --message \"icons 1.8.3\" --prune
  shelfmark release new --title \"Icons 1.8.3\"
  shelfmark release add R-1 --latest
  shelfmark release build R-1
  shelfmark promote R-1.1 development";

/// Keeps every version of every asset, bundles versions into releases, and serves what an environment's release pins.
#[derive(Debug, Parser)]
#[command(name = "shelfmark", version, about, after_help = EXAMPLE, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(serve::ServeArgs),
    Login(login::LoginArgs),
    #[command(subcommand, after_help = "Example:\n  shelfmark project create site --title \"Our web site\"")]
    Project(project::ProjectCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark env set staging --visibility private")]
    Env(environment::EnvironmentCommand),
    #[command(
        subcommand,
        after_help = "Example:\n  shelfmark token create build-server --role editor --for-project site"
    )]
    Token(token::TokenCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark user create anna --title \"Anna Weber\"")]
    User(user::UserCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark member add anna --role editor")]
    Member(user::MemberCommand),
    Import(import::ImportArgs),
    Put(put::PutArgs),
    Get(get::GetArgs),
    Ls(asset::ListArgs),
    Log(asset::LogArgs),
    Revert(asset::RevertArgs),
    Mv(asset::MoveArgs),
    Rm(asset::RemoveArgs),
    Undelete(asset::UndeleteArgs),
    #[command(
        subcommand,
        after_help = "Examples:\n  shelfmark release new --title \"Spring campaign\"\n  shelfmark release add R-1 --latest\n  shelfmark release build R-1"
    )]
    Release(release::ReleaseCommand),
    #[command(
        subcommand,
        after_help = "Examples:\n  shelfmark work new --title \"A new logo\" --assignee ben\n  shelfmark put logo.svg --item W-1\n  shelfmark work resolve W-1"
    )]
    Work(work::WorkCommand),
    Promote(promote::PromoteArgs),
    Rollback(promote::RollbackArgs),
    History(promote::HistoryArgs),
    Diff(diff::DiffArgs),
    Notes(closing::SpanArgs),
    Export(closing::ExportArgs),
    #[command(subcommand, after_help = "Example:\n  shelfmark audit list --limit 20")]
    Audit(audit::AuditCommand),
    Gc(store::CollectArgs),
    Fsck(store::CheckArgs),
    Completions(completions::CompletionsArgs),
}

/// Does what a client command asks for and prints the outcome.
///
/// # Errors
/// What was refused or failed, as a sentence for a person; `WrongUse` when the command cannot be meant so.
pub async fn run(connection: ConnectionArgs, command: Command) -> anyhow::Result<()> {
    let command = match command {
        Command::Completions(args) => return completions::run(&args),
        Command::Login(args) => return login::run(args, connection).await,
        Command::Audit(audit::AuditCommand::Verify { pack: Some(pack) }) => {
            return closing::verify(&pack, connection.json);
        }
        other => other,
    };
    let session = Session::open(&connection)?;
    match command {
        Command::Project(command) => project::run(&session, command).await,
        Command::Env(command) => environment::run(&session, command).await,
        Command::Token(command) => token::run(&session, command).await,
        Command::User(command) => user::run(&session, command).await,
        Command::Member(command) => user::members(&session, command).await,
        Command::Import(args) => import::run(&session, args).await,
        Command::Put(args) => put::run(&session, args).await,
        Command::Get(args) => get::run(&session, args).await,
        Command::Ls(args) => asset::list(&session, args).await,
        Command::Log(args) => asset::log(&session, args).await,
        Command::Revert(args) => asset::revert(&session, args).await,
        Command::Mv(args) => asset::rename(&session, args).await,
        Command::Rm(args) => asset::remove(&session, args).await,
        Command::Undelete(args) => asset::undelete(&session, args).await,
        Command::Release(command) => release::run(&session, command).await,
        Command::Work(command) => work::run(&session, command).await,
        Command::Promote(args) => promote::promote(&session, args).await,
        Command::Rollback(args) => promote::roll_back(&session, args).await,
        Command::History(args) => promote::history(&session, args).await,
        Command::Diff(args) => diff::run(&session, args).await,
        Command::Notes(args) => closing::span(&session, args).await,
        Command::Export(args) => closing::export(&session, args).await,
        Command::Audit(command) => audit::run(&session, command).await,
        Command::Gc(args) => store::collect(&session, args).await,
        Command::Fsck(args) => store::check(&session, args).await,
        Command::Serve(_) | Command::Login(_) | Command::Completions(_) => {
            unreachable!("these need no session and were taken before")
        }
    }
}

/// Tells a person what went wrong and returns the exit code for it.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("shelfmark: {}", sentence(error));
    ExitCode::from(if error.is::<WrongUse>() { 2 } else { 1 })
}

/// The error with its causes, except below a failed request, whose sentence says all that helps.
fn sentence(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        parts.push(cause.to_string());
        if cause.is::<problem::RequestFailed>() {
            break;
        }
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn refused(line: &str) -> bool {
        Cli::try_parse_from(line.split_whitespace()).is_err()
    }

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_given_to_the_serve_script_take_the_place_of_its_own() {
        let line = "shelfmark serve --data ./data --listen 127.0.0.1:8080 --listen 0.0.0.0:80";
        let Command::Serve(args) = Cli::try_parse_from(line.split_whitespace()).unwrap().command else { panic!() };
        assert_eq!(args.listen, Some("0.0.0.0:80".parse().unwrap()));
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let nested: Vec<_> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
            assert!(command.get_about().is_some(), "{path} says nothing about itself");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{path} shows no example");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} does not explain {}", argument.get_id());
            }
            nested.into_iter().for_each(|command| check(command, &path));
        }
        check(&Cli::command(), "");
    }

    #[test]
    fn the_main_job_is_understood() {
        for line in [
            "shelfmark serve --data ./data --listen 127.0.0.1:8080",
            "shelfmark project create site",
            "shelfmark import ./icons --message icons --prune",
            "shelfmark release new --title Icons",
            "shelfmark release add R-1 --latest",
            "shelfmark release build R-1",
            "shelfmark promote R-1.1 production",
            "shelfmark rollback production --reason blue",
            "shelfmark --json --project site ls",
            "shelfmark ls img/ --json --project site",
        ] {
            assert!(!refused(line), "{line}");
        }
    }

    #[test]
    fn wrong_values_are_refused_before_anything_is_sent() {
        for line in [
            "shelfmark promote R-1 production",
            "shelfmark promote R-1.1 Production",
            "shelfmark revert a.svg 0",
            "shelfmark release build 12",
            "shelfmark import",
            "shelfmark import . --batch-bytes 0",
            "shelfmark rm ../a",
            "shelfmark fsck --sample 101",
            "shelfmark env create x --visibility hidden",
            "shelfmark unknown",
        ] {
            assert!(refused(line), "{line}");
        }
    }
}
