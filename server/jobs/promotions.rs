//! Scheduled and automatic promotions.

use shelfmark_domain::time::Timestamp;
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::CatalogError;
use shelfmark_engine::operations::{Automated, run_automations, run_schedules};

use super::pace::Pace;

/// Carries out the schedules that are due by now: by time that has really passed, so that a clock that jumps ahead lets
/// none fire early, nor lapse.
///
/// # Errors
/// When the database doesn't answer.
pub async fn run_schedules_once(engine: &Engine) -> Result<usize, CatalogError> {
    run_schedules(engine, engine.clock.passed()).await
}

/// Promotes by itself what has soaked by now, by the same clock.
///
/// # Errors
/// When the database doesn't answer.
pub async fn run_automations_once(engine: &Engine) -> Result<Automated, CatalogError> {
    run_automations(engine, engine.clock.passed()).await
}

/// Does both until the server stops.
pub(super) async fn run(engine: Engine, pace: Pace) {
    let mut automation = Automation::default();
    loop {
        let next = match turn(&engine, &mut automation).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "schedules could not be looked at; the next look goes on");
                None
            }
        };
        if !pace.pause(engine.clock.passed(), next).await {
            return;
        }
    }
}

/// When automation has looked last, and at what.
#[derive(Default)]
struct Automation {
    /// How far the audit trail was written: nothing becomes ripe without a change or by the end of a soak time.
    seen: i64,
    again_at: Option<Timestamp>,
}

/// One look at everything; gives the next instant at which something is due.
async fn turn(engine: &Engine, automation: &mut Automation) -> Result<Option<Timestamp>, CatalogError> {
    run_schedules_once(engine).await?;
    let (head, _) = engine.catalog.audit_head().await?;
    let now = engine.clock.passed();
    if head != automation.seen || automation.again_at.is_none_or(|again| again <= now) {
        let automated = run_automations(engine, now).await?;
        let again = now.plus_ms(engine.limits.refused_ms);
        *automation = Automation { seen: head, again_at: Some(automated.next_at.map_or(again, |at| at.min(again))) };
    }
    let schedule = engine.catalog.next_schedule_at(now).await?;
    Ok(schedule.into_iter().chain(automation.again_at).min())
}
