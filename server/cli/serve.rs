//! `shelfmark serve`: what can be said about a server on the command line. `main` hands it to `app`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Starts a server. What is said twice holds as it was said last.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true, after_help = "Example:\n  shelfmark serve --data ./data --listen 127.0.0.1:8080")]
pub struct ServeArgs {
    /// Folder that holds the database and the store
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address to listen on, such as 127.0.0.1:8080
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
