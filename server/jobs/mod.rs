//! What runs by itself, beside the requests. Each job may run in any process at the same time; what must happen once
//! is decided in SQL.

mod collect;
pub mod notify;
mod pace;
mod promotions;
mod references;
mod verify;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;

use shelfmark_engine::operations::notify::follow_events;

use crate::Services;
use notify::{Mailer, WebhookSender};
use pace::Pace;

pub use promotions::{run_automations_once, run_schedules_once};
pub use verify::{Fetcher, run_verifications_once};

/// The jobs of a running server.
pub struct Jobs {
    /// Loops that end when they have nothing in hand.
    loops: Vec<JoinHandle<()>>,
    /// What may end anywhere.
    others: Vec<JoinHandle<()>>,
    pace: Pace,
}

/// Starts the jobs of a server that listens at an address, on the present runtime.
///
/// # Errors
/// When the settings of a job can't be used.
pub fn start(services: &Services, listening: SocketAddr) -> anyhow::Result<Jobs> {
    let (engine, settings) = (&services.engine, &services.config.jobs);
    let pace = Pace::new(Duration::from_secs_f64(settings.look_every_seconds));
    let fetcher = Fetcher { outbound: services.outbound.clone(), own: listening };
    let (catalog, mailer) = (&engine.catalog, Mailer::new(services)?);
    Ok(Jobs {
        loops: vec![
            tokio::spawn(promotions::run(engine.clone(), pace.clone())),
            tokio::spawn(verify::run(engine.clone(), fetcher, pace.clone())),
        ],
        others: vec![
            tokio::spawn(engine.pointers.clone().follow()),
            tokio::spawn(collect::every(engine.clone(), settings.collect_every_hours)),
            tokio::spawn(references::every(engine.clone(), settings.references_every_seconds)),
            tokio::spawn(follow_events(engine.clone())),
            tokio::spawn(WebhookSender::new(services).run(catalog.hear())),
            tokio::spawn(mailer.run(catalog.hear())),
            tokio::spawn(notify::trim_every_hour(engine.clone(), services.config.events.keep_days)),
        ],
        pace,
    })
}

impl Jobs {
    /// Lets the loops finish what they have in hand, for a while; what has not ended then is broken off. That does no
    /// harm: another process, or the next start, goes on with it when its lease is over.
    pub async fn end(self) {
        const FINISH: Duration = Duration::from_secs(10);
        self.pace.end();
        let mut loops = self.loops;
        let finished = async {
            for running in &mut loops {
                let _ = running.await; // one that has panicked is logged already
            }
        };
        let _ = tokio::time::timeout(FINISH, finished).await;
        loops.iter().chain(&self.others).for_each(JoinHandle::abort);
    }
}
