//! The gate over HTTP: policies, what they would say, and what they ask for.

pub mod approvals;
pub mod checklist;
pub mod freeze;
pub mod locks;
pub mod policies;
pub mod preview;
pub mod reports;
pub mod reviews;
pub mod waivers;

use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the addresses.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(policies::read_project_policy).service(policies::set_project_policy);
    config.service(policies::read_policy).service(policies::set_policy);
    config.service(policies::list_project_policy_revisions).service(policies::list_policy_revisions);
    config.service(preview::ask_gate);
    config.service(approvals::list_approvals).service(approvals::create_approval);
    config.service(reports::list_reports).service(reports::create_report);
    config.service(freeze::freeze).service(freeze::unfreeze);
    config.service(locks::list_locks).service(locks::stop).service(locks::reopen).service(locks::lift_hold);
    config.service(waivers::list_waivers).service(waivers::create_waiver).service(waivers::revoke_waiver);
    config.service(checklist::list_points).service(checklist::add_point).service(checklist::retire_point);
    config.service(checklist::read_release_checklist).service(checklist::answer_point);
    config.service(reviews::list_reviews).service(reviews::create_review);
}
