//! What runs by itself, beside the requests. Each job may run in any process; what must happen once is decided in SQL.

use tokio::task::JoinHandle;

use crate::Services;

/// Starts the jobs on the present runtime.
pub fn start(services: &Services) -> Vec<JoinHandle<()>> {
    vec![tokio::spawn(services.engine.pointers.clone().follow())]
}
