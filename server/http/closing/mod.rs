//! The end of releases over HTTP: notes, closing with lessons, incidents, the evidence pack.

mod close;
mod incidents;
mod notes;
mod pack;
mod published;
mod span;
mod template;

use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the addresses.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(close::close_release).service(close::read_closing).service(close::rework_release);
    config.service(incidents::list_incidents);
    config.service(incidents::read_cause).service(incidents::name_cause).service(incidents::withdraw_cause);
    config.service(published::list_published).service(published::publish_notes);
    config.service(notes::read_notes).service(notes::edit_notes).service(notes::return_to_generated);
    config.service(span::read_environment_notes);
    config.service(template::read_template).service(template::set_template).service(template::list_templates);
    config.service(pack::export_pack);
}
