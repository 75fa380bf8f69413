//! Reads the command line and returns the exit code: 0 done, 1 refused or failed, 2 wrong use.

use std::process::ExitCode;

use clap::Parser;
use shelfmark::app::{self, ServeOptions};
use shelfmark::cli::{self, Cli, Command};
use shelfmark::memory;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A command has one thing to wait for; threads of its own would only make it start later.
    let mut runtime = match cli.command {
        Command::Serve(_) => {
            memory::share_arenas();
            Builder::new_multi_thread()
        }
        _ => Builder::new_current_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::failed(&anyhow::Error::new(error).context("the runtime did not start")),
    };
    let done = match cli.command {
        Command::Serve(args) => {
            let options = ServeOptions { data: args.data, listen: args.listen, config: args.config };
            runtime.block_on(app::serve(options))
        }
        command => runtime.block_on(cli::run(cli.connection, command)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::failed(&error),
    }
}
