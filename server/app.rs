//! Opens what a server needs and serves until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line says about serving. What is absent comes from the configuration.
#[derive(Debug, Default)]
pub struct ServeOptions {
    pub data: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub config: Option<PathBuf>,
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// What kept the server from starting.
pub async fn serve(_options: ServeOptions) -> anyhow::Result<()> {
    anyhow::bail!("serving is not part of this build")
}
