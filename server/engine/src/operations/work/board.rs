//! The order of work items on the board.

use serde::{Deserialize, Serialize};

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, WorkItemNumber};
use shelfmark_domain::work_item::rank_between;

use super::{WorkError, audit, item_in};
use crate::Engine;
use crate::operations::people::caller::Caller;

/// Where an item goes among those of its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Before(WorkItemNumber),
    After(WorkItemNumber),
}

/// Puts an item right before or after another one of the same status.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn place(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: WorkItemNumber,
    place: Place,
) -> Result<(), WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let (beside, is_before) = match place {
        Place::Before(beside) => (beside, true),
        Place::After(beside) => (beside, false),
    };
    if beside == number {
        return Err(WorkError::BesideItself(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let item = item_in(&mut write, &project, number).await?;
    let mut other = item_in(&mut write, &project, beside).await?;
    let status = item.status;
    if other.status != status {
        return Err(WorkError::OtherColumn { moved: number, status, beside, other: other.status });
    }
    let at = (beside, other.rank);
    let around = write.neighbours(project.number, status, at, number, is_before).await?;
    let rank = match rank_between(around) {
        Some(rank) => rank,
        None => {
            write.spread_ranks(project.number, status).await?;
            other = item_in(&mut write, &project, beside).await?;
            let at = (beside, other.rank);
            let around = write.neighbours(project.number, status, at, number, is_before).await?;
            rank_between(around).expect("ranks that were spread have room between them")
        }
    };
    write.set_rank(project.number, number, rank).await?;
    let details = serde_json::json!({ "status": status, "place": place });
    write.record(&caller.principal, caller.now, audit("work_item.moved", &project, number, "", details));
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}
