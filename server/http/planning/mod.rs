//! Planning: dates and the calendar, saved searches, conflicts, and releases made of others.

pub mod calendar;
pub mod conflicts;
pub mod dates;
pub mod derive;
mod feed;
pub mod rebase;
pub mod repin;
pub mod searches;

use utoipa_actix_web::service_config::ServiceConfig as Described;

/// Adds the addresses of planning.
pub fn routes(config: &mut Described<'_>) {
    config.service(dates::list_dates).service(dates::propose_date).service(dates::agree_to_date);
    config.service(calendar::read_calendar).service(calendar::read_calendar_feed);
    config.service(calendar::read_calendar_key).service(calendar::create_calendar_key);
    config.service(calendar::revoke_calendar_key);
    config.service(searches::list_searches).service(searches::create_search).service(searches::read_search);
    config.service(searches::change_search).service(searches::remove_search).service(searches::list_found_assets);
    config.service(repin::list_outdated).service(repin::repin_changes);
    config.service(derive::clone_release).service(derive::split_release).service(derive::cancel_release);
    config.service(conflicts::list_conflicts);
    config.service(rebase::read_rebase).service(rebase::resolve_conflicts);
}
