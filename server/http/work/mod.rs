//! The work register.

mod authorisation;
mod comments;
mod evidence;
mod export;
mod filter;
mod group;
mod history;
mod items;
mod steps;
mod trace;
mod versions;
mod view;

use utoipa_actix_web::service_config::ServiceConfig as Described;

use shelfmark_engine::catalog::{ProjectRow, WorkItemRow};

use super::extract::Asked;
use crate::web::Problem;

/// Adds the addresses of the work register.
pub fn routes(config: &mut Described<'_>) {
    config.service(items::list_work_items).service(items::create_work_item);
    config.service(export::export_work_items);
    config.service(items::read_work_item).service(items::change_work_item).service(items::place_work_item);
    config.service(steps::take_step);
    config.service(authorisation::read_authorisation).service(authorisation::authorise);
    config.service(authorisation::list_authorised_versions);
    config.service(comments::list_comments).service(comments::comment).service(comments::edit_comment);
    config.service(versions::list_attached).service(versions::attach).service(versions::detach);
    config.service(versions::list_items_of_version);
    config.service(evidence::list_evidence).service(evidence::file_evidence).service(evidence::list_build_evidence);
    config.service(history::list_history).service(trace::trace_work_item);
    config.service(group::list_release_items).service(group::add_release_items).service(group::remove_release_item);
}

/// The work item in the address.
///
/// # Errors
/// Not found.
async fn item_of(asked: &Asked, project: &ProjectRow) -> Result<WorkItemRow, Problem> {
    let number = asked.item()?;
    let item = asked.catalog().work_item(project.number, number).await?;
    item.ok_or_else(|| {
        Problem::not_found(format!("there is no work item {number} in this project; list them with GET work-items"))
    })
}
