//! What environments do by themselves: scheduled promotions, and verification of what is served.

mod schedules;
mod verification;

use utoipa_actix_web::service_config::ServiceConfig as Described;

/// Adds the addresses.
pub fn routes(config: &mut Described<'_>) {
    config.service(schedules::list_all_schedules).service(schedules::list_schedules);
    config.service(schedules::create_schedule).service(schedules::read_schedule).service(schedules::cancel_schedule);
    config.service(verification::read_verification).service(verification::verify_again);
}
