//! The API: JSON over HTTP, one file per noun. A handler reads, calls one operation, and shows what came of it.

mod addresses;
mod assets;
mod audit;
mod closing;
mod docs;
mod extract;
mod gate;
mod health;
mod notify;
mod people;
mod planning;
mod projects;
mod references;
mod releases;
mod schedule;
mod store;
mod work;

use actix_web::dev::HttpServiceFactory;
use actix_web::web::{Data, ServiceConfig, to};
use utoipa_actix_web::OpenApiFactory;
use utoipa_actix_web::scope::scope;
use utoipa_actix_web::service_config::ServiceConfig as Described;

use crate::Services;

pub use docs::description;
pub use health::RememberedStatistics;
pub use notify::EventStreams;

/// Adds the addresses of the API.
pub fn routes(config: &mut ServiceConfig, services: &Services) {
    config.app_data(Data::new(services.statistics.clone()));
    config.configure(docs::routes).service(api());
}

/// Every address of the API with its handler and its description: neither can be there without the other.
fn api() -> impl HttpServiceFactory + OpenApiFactory {
    let nouns = scope("/api/v1")
        .configure(who)
        .configure(assets)
        .configure(dependencies)
        .configure(releases)
        .configure(planning::routes)
        .configure(notify::routes)
        .configure(work::routes)
        .configure(closing::routes)
        .configure(operation);
    let health = |config: &mut Described<'_>| {
        config.service(health::read_health).service(health::read_readiness).service(health::read_metrics);
    };
    let nouns = nouns.default_service(to(addresses::no_handler)); // a scope doesn't ask the one around it
    scope("").configure(health).service(nouns).default_service(to(addresses::no_handler))
}

fn who(config: &mut Described<'_>) {
    config.service(people::me::read_me);
    config
        .service(people::tokens::list_tokens)
        .service(people::tokens::create_token)
        .service(people::tokens::revoke_token);
    config
        .service(people::users::list_users)
        .service(people::users::create_user)
        .service(people::users::read_user)
        .service(people::users::change_user);
    config.service(people::users::set_role_everywhere).service(people::users::remove_role_everywhere);
    config
        .service(people::users::list_members)
        .service(people::users::set_member)
        .service(people::users::remove_member);
    config.service(projects::list_projects).service(projects::create_project);
    config.service(projects::read_project).service(projects::retitle_project);
}

fn assets(config: &mut Described<'_>) {
    config.service(assets::files::put_file).service(assets::files::read_file).service(assets::files::remove_file);
    config.service(assets::contents::look_up_contents).service(assets::batch::create_batch);
    config.service(assets::asset_list::list_assets).service(assets::read_asset_by_path).service(assets::move_assets);
    config.service(assets::read_asset).service(assets::edit_asset);
    config.service(assets::revert_asset).service(assets::undelete_asset);
    config
        .service(assets::versions::list_versions)
        .service(assets::versions::read_version)
        .service(assets::versions::read_content);
}

fn dependencies(config: &mut Described<'_>) {
    config.service(references::used::read_references).service(references::missing::list_missing);
    config.service(references::declared::read_declared).service(references::declared::declare_references);
    config.service(references::impact::read_impact);
}

fn releases(config: &mut Described<'_>) {
    config.service(releases::list_releases).service(releases::create_release);
    config.service(releases::read_release).service(releases::describe_release);
    config
        .service(releases::changes::list_changes)
        .service(releases::changes::add_changes)
        .service(releases::changes::remove_changes);
    config
        .service(releases::builds::list_builds)
        .service(releases::builds::create_build)
        .service(releases::builds::read_build);
    config.service(releases::compare::compare).service(releases::compare_folders::compare_folders);
    config.service(releases::environments::list_environments).service(releases::environments::create_environment);
    config.service(releases::environments::read_environment).service(releases::environments::set_environment);
    config.service(releases::deployments::promote).service(releases::deployments::roll_back);
    config.configure(gate::routes).configure(schedule::routes);
    config.service(releases::deployments::list_deployments).service(releases::deployments::read_served);
}

fn operation(config: &mut Described<'_>) {
    config.service(audit::list_audit).service(audit::verify_audit);
    config.service(store::read_store).service(store::collect_garbage).service(store::check::check_store);
}
