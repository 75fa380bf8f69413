//! Comments on work items, and whom they call.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, WorkItemNumber};
use shelfmark_domain::work_item::mentions;

use super::{WorkError, audit, item_in};
use crate::Engine;
use crate::catalog::{CommentRow, ProjectRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_said;

/// Says something about a work item.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn comment(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    text: &str,
) -> Result<CommentRow, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Participate).await?;
    check_said("text", text, engine.limits.text_bytes_max)?;
    if let Some(number) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        return written(engine, &project, item, number).await;
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let row = item_in(&mut write, &project, item).await?;
    let comment = CommentRow {
        number: write.next_comment(project.number, item).await?,
        author: caller.principal.id.clone(),
        author_name: caller.principal.name.clone(),
        text: text.to_owned(),
        mentions: write.people_among(&mentions(text)).await?,
        at: caller.now,
        edited_at: None,
        revision: 1,
    };
    write.insert_comment(project.number, item, &comment).await?;
    let details = serde_json::json!({ "comment": comment.number, "mentions": comment.mentions,
        "title": row.said.title, "requester": row.requester, "assignee": row.said.assignee });
    write.record(&caller.principal, caller.now, audit("work_item.commented", &project, item, "", details));
    caller.note_outcome(&mut write, &comment.number).await?;
    write.commit().await?;
    Ok(comment)
}

/// Gives one's own comment another text; the audit trail keeps the earlier one.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn edit_comment(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    item: WorkItemNumber,
    number: i64,
    text: &str,
    expected: Option<i64>,
) -> Result<CommentRow, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Participate).await?;
    check_said("text", text, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return written(engine, &project, item, number).await;
    }
    let mut write = caller.begin(&engine.catalog).await?;
    item_in(&mut write, &project, item).await?;
    let before = write.comment(project.number, item, number).await?;
    let before = before.ok_or(WorkError::NoComment { item, number })?;
    if before.author != caller.principal.id {
        return Err(WorkError::ForeignComment { number, author: before.author_name });
    }
    check_revision(format!("comment {number}"), expected, before.revision)?;
    let now_mentioned = write.people_among(&mentions(text)).await?;
    let details = serde_json::json!({ "comment": number, "mentions": now_mentioned, "before": before.text });
    let comment = CommentRow {
        text: text.to_owned(),
        mentions: now_mentioned,
        edited_at: Some(caller.now),
        revision: before.revision + 1,
        ..before
    };
    write.update_comment(project.number, item, &comment).await?;
    write.record(&caller.principal, caller.now, audit("work_item.comment_edited", &project, item, "", details));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(comment)
}

async fn written(
    engine: &Engine,
    project: &ProjectRow,
    item: WorkItemNumber,
    number: i64,
) -> Result<CommentRow, WorkError> {
    let comment = engine.catalog.comment(project.number, item, number).await?;
    comment.ok_or(WorkError::NoComment { item, number })
}
