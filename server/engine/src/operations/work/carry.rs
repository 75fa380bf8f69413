//! What deployments and the end of a release mean to the items of the release. Each of these is part of another
//! change, which calls it within its own `Write`: what that commits, this commits. Items that stand elsewhere stay.

use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::work_item::{Standing, Transition};

use super::audit;
use super::step::{action, move_to};
use crate::catalog::{CatalogError, ProjectRow, Write};
use crate::operations::people::caller::Caller;

/// Notes that the final environment serves a build of a release: what was resolved or authorised is released. Returns
/// the items that it concerns.
///
/// # Errors
/// The change must be given up.
pub async fn release_items(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    release: ReleaseNumber,
    environment: &EnvironmentName,
    build: BuildName,
) -> Result<Vec<WorkItemNumber>, CatalogError> {
    let details = serde_json::json!({ "release": release, "environment": environment, "build": build });
    carry(write, caller, project, release, Transition::Release, details).await
}

/// Notes that the final environment was taken back from a release: what was released is authorised again, or resolved
/// where it had been released without its requester's yes.
///
/// # Errors
/// The change must be given up.
pub async fn unrelease_items(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    release: ReleaseNumber,
    environment: &EnvironmentName,
) -> Result<Vec<WorkItemNumber>, CatalogError> {
    let details = serde_json::json!({ "release": release, "environment": environment });
    carry(write, caller, project, release, Transition::TakeBack, details).await
}

/// Closes the released items of a release that is being closed.
///
/// # Errors
/// The change must be given up.
pub async fn close_items(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    release: ReleaseNumber,
) -> Result<Vec<WorkItemNumber>, CatalogError> {
    let details = serde_json::json!({ "release": release });
    carry(write, caller, project, release, Transition::Finish, details).await
}

async fn carry(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    release: ReleaseNumber,
    step: Transition,
    about: serde_json::Value,
) -> Result<Vec<WorkItemNumber>, CatalogError> {
    let mut carried = Vec::new();
    for item in write.items_of_release(project.number, release).await? {
        let number = item.number;
        let is_covered = step == Transition::TakeBack && write.is_authorised(project.number, number).await?;
        let standing = Standing { is_consequence: true, is_covered, release: Some(release), ..Standing::default() };
        let Ok(status) = step.next(number, item.status, &standing) else { continue };
        let mut details = about.clone();
        details["from"] = item.status.as_str().into();
        details["to"] = status.as_str().into();
        details["title"] = item.said.title.clone().into();
        details["requester"] = item.requester.clone().into();
        details["assignee"] = serde_json::json!(item.said.assignee);
        move_to(write, caller, project, item, status).await?;
        write.record(&caller.principal, caller.now, audit(action(step), project, number, "", details));
        carried.push(number);
    }
    Ok(carried)
}
