//! The command line: one file per command or noun. Every command but `serve` speaks HTTP to a server and knows
//! nothing of where bytes and rows are. Exit codes: 0 done, 1 refused or failed, 2 wrong use.

mod api;
mod asset;
mod audit;
mod closing;
mod completions;
mod gate;
mod import;
mod notify;
mod output;
mod people;
mod planning;
mod problem;
mod project;
mod references;
mod release;
mod schedule;
pub mod serve;
mod store;
mod verify;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use people::credentials::ConnectionArgs;
use people::session::Session;
use problem::WrongUse;

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
    Login(people::login::LoginArgs),
    #[command(subcommand, after_help = "Example:\n  shelfmark project create site --title \"Our web site\"")]
    Project(project::ProjectCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark env set staging --visibility private")]
    Env(release::environment::EnvironmentCommand),
    #[command(
        subcommand,
        after_help = "Example:\n  shelfmark token create build-server --role editor --for-project site"
    )]
    Token(people::token::TokenCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark user create anna --title \"Anna Weber\"")]
    User(people::user::UserCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark member add anna --role editor")]
    Member(people::user::MemberCommand),
    Import(import::ImportArgs),
    Put(asset::put::PutArgs),
    Get(asset::get::GetArgs),
    Ls(asset::ListArgs),
    Log(asset::LogArgs),
    Revert(asset::RevertArgs),
    Mv(asset::MoveArgs),
    Rm(asset::RemoveArgs),
    Undelete(asset::UndeleteArgs),
    References(references::ReferencesArgs),
    Declare(references::DeclareArgs),
    Impact(references::ImpactArgs),
    #[command(
        subcommand,
        after_help = "Examples:\n  shelfmark release new --title \"Spring campaign\"\n  shelfmark release add R-1 --latest\n  shelfmark release build R-1"
    )]
    Release(release::ReleaseCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark policy show production")]
    Policy(gate::policy::PolicyCommand),
    Gate(gate::preview::GateArgs),
    #[command(subcommand, after_help = "Example:\n  shelfmark waiver list")]
    Waiver(gate::waiver::WaiverCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark checklist add \"the favicon is seen\" --step production")]
    Checklist(gate::checklist::ChecklistCommand),
    #[command(subcommand, after_help = "Example:\n  shelfmark review list --owed")]
    Review(gate::review::ReviewCommand),
    Calendar(planning::calendar::CalendarArgs),
    #[command(
        subcommand,
        after_help = "Example:\n  shelfmark saved-search save spring-icons --folder icons/ --tag spring"
    )]
    SavedSearch(planning::searches::SearchCommand),
    #[command(
        subcommand,
        after_help = "Examples:\n  shelfmark work new --title \"A new logo\" --assignee ben\n  shelfmark put logo.svg --item W-1\n  shelfmark work resolve W-1"
    )]
    Work(work::WorkCommand),
    Promote(release::promote::PromoteArgs),
    Rollback(release::promote::RollbackArgs),
    #[command(subcommand, after_help = "Example:\n  shelfmark schedule list production")]
    Schedule(schedule::ScheduleCommand),
    Verify(verify::VerifyArgs),
    History(release::promote::HistoryArgs),
    Diff(release::diff::DiffArgs),
    Notes(closing::SpanArgs),
    Export(closing::ExportArgs),
    #[command(subcommand, after_help = "Example:\n  shelfmark audit list --limit 20")]
    Audit(audit::AuditCommand),
    #[command(
        subcommand,
        after_help = "Example:\n  shelfmark webhook create https://example.org/hook --kind 'release.*'"
    )]
    Webhook(notify::webhook::WebhookCommand),
    Events(notify::events::EventsArgs),
    Subscribe(notify::subscription::SubscribeArgs),
    Unsubscribe(notify::subscription::UnsubscribeArgs),
    Subscriptions(notify::subscription::SubscriptionsArgs),
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
        Command::Login(args) => return people::login::run(args, connection).await,
        Command::Audit(audit::AuditCommand::Verify { pack: Some(pack) }) => {
            return closing::verify(&pack, connection.json);
        }
        other => other,
    };
    let session = Session::open(&connection)?;
    match command {
        Command::Project(command) => project::run(&session, command).await,
        Command::Env(command) => release::environment::run(&session, command).await,
        Command::Token(command) => people::token::run(&session, command).await,
        Command::User(command) => people::user::run(&session, command).await,
        Command::Member(command) => people::user::members(&session, command).await,
        Command::Import(args) => import::run(&session, args).await,
        Command::Put(args) => asset::put::run(&session, args).await,
        Command::Get(args) => asset::get::run(&session, args).await,
        Command::Ls(args) => asset::list(&session, args).await,
        Command::Log(args) => asset::log(&session, args).await,
        Command::Revert(args) => asset::revert(&session, args).await,
        Command::Mv(args) => asset::rename(&session, args).await,
        Command::Rm(args) => asset::remove(&session, args).await,
        Command::Undelete(args) => asset::undelete(&session, args).await,
        Command::References(args) => references::show(&session, args).await,
        Command::Declare(args) => references::declare(&session, args).await,
        Command::Impact(args) => references::impact(&session, args).await,
        Command::Release(command) => release::run(&session, command).await,
        Command::Policy(command) => gate::policy::run(&session, command).await,
        Command::Gate(args) => gate::preview::run(&session, args).await,
        Command::Waiver(command) => gate::waiver::run(&session, command).await,
        Command::Checklist(command) => gate::checklist::run(&session, command).await,
        Command::Review(command) => gate::review::run(&session, command).await,
        Command::Calendar(args) => planning::calendar::run(&session, args).await,
        Command::SavedSearch(command) => planning::searches::run(&session, command).await,
        Command::Work(command) => work::run(&session, command).await,
        Command::Promote(args) => release::promote::promote(&session, args).await,
        Command::Rollback(args) => release::promote::roll_back(&session, args).await,
        Command::Schedule(command) => schedule::run(&session, command).await,
        Command::Verify(args) => verify::run(&session, args).await,
        Command::History(args) => release::promote::history(&session, args).await,
        Command::Diff(args) => release::diff::run(&session, args).await,
        Command::Notes(args) => closing::span(&session, args).await,
        Command::Export(args) => closing::export(&session, args).await,
        Command::Audit(command) => audit::run(&session, command).await,
        Command::Webhook(command) => notify::webhook::run(&session, command).await,
        Command::Events(args) => notify::events::run(&session, args).await,
        Command::Subscribe(args) => notify::subscription::subscribe(&session, args).await,
        Command::Unsubscribe(args) => notify::subscription::unsubscribe(&session, args).await,
        Command::Subscriptions(args) => notify::subscription::list(&session, args).await,
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
