//! What runs by itself, beside the requests. Each job may run in any process at the same time; what must happen once
//! is decided in SQL.

mod collect;
mod references;

use tokio::task::JoinHandle;

use crate::Services;

/// Starts the jobs on the present runtime.
pub fn start(services: &Services) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(services.engine.pointers.clone().follow()),
        tokio::spawn(collect::every(services.engine.clone(), services.config.jobs.collect_every_hours)),
        tokio::spawn(references::every(services.engine.clone(), services.config.jobs.references_every_seconds)),
    ]
}
