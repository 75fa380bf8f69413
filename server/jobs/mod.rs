//! What runs by itself, beside the requests. Each job may run in any process at the same time; what must happen once
//! is decided in SQL.

mod collect;
pub mod notify;
mod references;

use tokio::task::JoinHandle;

use shelfmark_engine::operations::notify::follow_events;

use crate::Services;
use notify::{Mailer, WebhookSender};

/// Starts the jobs on the present runtime.
///
/// # Errors
/// When the settings of a job can't be used.
pub fn start(services: &Services) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let (catalog, mailer) = (&services.engine.catalog, Mailer::new(services)?);
    Ok(vec![
        tokio::spawn(services.engine.pointers.clone().follow()),
        tokio::spawn(collect::every(services.engine.clone(), services.config.jobs.collect_every_hours)),
        tokio::spawn(references::every(services.engine.clone(), services.config.jobs.references_every_seconds)),
        tokio::spawn(follow_events(services.engine.clone())),
        tokio::spawn(WebhookSender::new(services).run(catalog.hear())),
        tokio::spawn(mailer.run(catalog.hear())),
        tokio::spawn(notify::trim_every_hour(services.engine.clone(), services.config.events.keep_days)),
    ])
}
