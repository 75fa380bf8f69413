//! `shelfmark completions`: what a shell needs to complete our commands.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, output};

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark completions bash > ~/.local/share/bash-completion/completions/shelfmark")]
pub struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "shelfmark", &mut script);
    Ok(output::print(String::from_utf8_lossy(&script).trim_end())?)
}
