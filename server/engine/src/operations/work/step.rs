//! Steps in the life of a work item. Whether one can be taken, the domain decides.

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::name::{ProjectName, WorkItemNumber};
use shelfmark_domain::work_item::{Neighbours, Standing, Transition, WorkStatus, rank_between};

use super::{WorkError, audit, item_in, item_of};
use crate::Engine;
use crate::catalog::{CatalogError, NewAuthorisation, ProjectRow, WorkItemRow, Write};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// The audit action of a step.
pub(super) const fn action(step: Transition) -> &'static str {
    match step {
        Transition::Start => "work_item.started",
        Transition::Resolve => "work_item.resolved",
        Transition::Authorise => "work_item.authorised",
        Transition::Reject => "work_item.rejected",
        Transition::Reopen => "work_item.reopened",
        Transition::Close | Transition::Finish => "work_item.closed",
        Transition::Void => "work_item.authorisation_voided",
        Transition::Release => "work_item.released",
        Transition::TakeBack => "work_item.taken_back",
    }
}

/// Takes a work item a step further, for a reason that some steps need. Authorising binds the yes to exactly the
/// versions that are attached now; `reason` is then its remark.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn take_step(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: WorkItemNumber,
    step: Transition,
    reason: &str,
    expected: Option<i64>,
) -> Result<WorkItemRow, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Participate).await?;
    check_text("reason", reason, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return item_of(engine, &project, number).await;
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let item = item_in(&mut write, &project, number).await?;
    check_revision(number, expected, item.revision)?;
    let standing = standing(&mut write, caller, &project, &item, reason).await?;
    let status = step.next(number, item.status, &standing)?;
    let from = item.status;
    let mut details = serde_json::json!({ "from": from, "to": status, "requester": item.requester,
        "assignee": item.said.assignee, "title": item.said.title });
    match step {
        Transition::Authorise => {
            let versions = write.count_attached(project.number, number).await?;
            let new = NewAuthorisation {
                authoriser: caller.principal.id.clone(),
                authorised_by: caller.principal.name.clone(),
                is_in_place: !standing.is_requester,
                remark: reason.to_owned(),
                at: caller.now,
            };
            details["authorisation"] = write.authorise(project.number, number, &new).await?.into();
            details["versions"] = versions.into();
            details["in_place_of_requester"] = new.is_in_place.into();
        }
        Transition::Reject | Transition::Reopen => {
            let is_voided = write.void_authorisation(project.number, number, caller.now).await?;
            details["authorisation_voided"] = is_voided.into();
        }
        _ => {}
    }
    let item = move_to(&mut write, caller, &project, item, status).await?;
    write.record(&caller.principal, caller.now, audit(action(step), &project, number, reason, details));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(item)
}

async fn standing(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    item: &WorkItemRow,
    reason: &str,
) -> Result<Standing, CatalogError> {
    let may = |permission| caller.principal.require(permission, Scope::Project(&project.name)).is_ok();
    Ok(Standing {
        is_requester: caller.principal.id == item.requester,
        may_work: may(Permission::Work),
        may_plan: may(Permission::PlanReleases),
        is_consequence: false,
        has_reason: !reason.trim().is_empty(),
        release: write.release_of_item(project.number, item.number, false).await?,
        is_covered: false,
    })
}

/// Gives an item another status, at the end of that column of the board.
pub(super) async fn move_to(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    item: WorkItemRow,
    status: WorkStatus,
) -> Result<WorkItemRow, CatalogError> {
    let rank = end_of_column(write, project, status).await?;
    let item = WorkItemRow { status, rank, changed_at: caller.now, revision: item.revision + 1, ..item };
    write.update_work_item(project.number, &item).await?;
    Ok(item)
}

/// The rank after the last item of a status.
pub(super) async fn end_of_column(
    write: &mut Write,
    project: &ProjectRow,
    status: WorkStatus,
) -> Result<i64, CatalogError> {
    let last = write.last_rank(project.number, status).await?;
    if let Some(rank) = rank_between(Neighbours { before: last, after: None }) {
        return Ok(rank);
    }
    write.spread_ranks(project.number, status).await?;
    let last = write.last_rank(project.number, status).await?;
    let rank = rank_between(Neighbours { before: last, after: None });
    Ok(rank.expect("ranks that were spread have room after them"))
}
