//! Entering work items and changing what is said of them.

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::name::{ProjectName, UserName, WorkItemNumber};
use shelfmark_domain::work_item::{Day, LABELS_MAX, Label, Link, Priority, WorkKind, WorkStatus};

use super::step::end_of_column;
use super::{WorkError, audit, item_in, item_of};
use crate::Engine;
use crate::catalog::{WorkItemRow, WorkItemSaid, Write};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::revision::check_revision;
use crate::operations::text::{check_said, check_text};

/// A work item to be entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkItemDraft {
    pub said: WorkItemSaid,
    /// Who wants it; the caller when `None`.
    pub requester: Option<UserName>,
}

/// What to change of a work item. What is `None` stays; an inner `None` takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkItemPatch {
    pub kind: Option<WorkKind>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub assignee: Option<Option<UserName>>,
    pub priority: Option<Priority>,
    pub due_on: Option<Option<Day>>,
    pub labels: Option<Vec<Label>>,
    pub link: Option<Option<Link>>,
    pub impact: Option<String>,
    pub release_note: Option<String>,
    /// The revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// Enters a work item.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn create_work_item(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: WorkItemDraft,
) -> Result<WorkItemRow, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Participate).await?;
    let WorkItemDraft { said, requester } = draft;
    let is_for_another = requester.is_some() && requester != caller.principal.user;
    if is_for_another {
        let scope = Scope::Project(&project.name);
        caller.principal.require(Permission::Work, scope).map_err(AccessError::from)?;
    }
    let said = checked(engine, said)?;
    if let Some(made) = caller.earlier_outcome::<WorkItemNumber>(&engine.catalog).await? {
        return item_of(engine, &project, made).await;
    }
    let mut write = caller.begin(&engine.catalog).await?;
    check_person(&mut write, said.assignee.as_ref()).await?;
    let (requester, requester_name) = match requester.filter(|_| is_for_another) {
        None => (caller.principal.id.clone(), caller.principal.name.clone()),
        Some(name) => {
            let person = write.user(&name).await?.ok_or_else(|| WorkError::NoUser(name.clone()))?;
            (format!("@{name}"), person.title)
        }
    };
    let item = WorkItemRow {
        number: write.next_work_item(project.number).await?,
        said,
        requester,
        requester_name,
        status: WorkStatus::Open,
        rank: end_of_column(&mut write, &project, WorkStatus::Open).await?,
        release: None,
        creator: caller.principal.id.clone(),
        created_by: caller.principal.name.clone(),
        created_at: caller.now,
        changed_at: caller.now,
        revision: 1,
    };
    write.insert_work_item(project.number, &item).await?;
    let details = serde_json::json!({ "kind": item.said.kind, "title": item.said.title, "requester": item.requester,
        "assignee": item.said.assignee, "priority": item.said.priority });
    write.record(&caller.principal, caller.now, audit("work_item.created", &project, item.number, "", details));
    caller.note_outcome(&mut write, &item.number).await?;
    write.commit().await?;
    Ok(item)
}

/// Changes what is said of a work item.
///
/// # Errors
/// See `WorkError`; nothing has been changed.
pub async fn change_work_item(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: WorkItemNumber,
    patch: WorkItemPatch,
) -> Result<WorkItemRow, WorkError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return item_of(engine, &project, number).await;
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let item = item_in(&mut write, &project, number).await?;
    check_revision(number, patch.expected, item.revision)?;
    let said = checked(engine, patched(item.said.clone(), patch))?;
    if said.assignee != item.said.assignee {
        check_person(&mut write, said.assignee.as_ref()).await?;
    }
    let changed = changed_names(&item.said, &said);
    let relabelled = said.labels != item.said.labels;
    let item = WorkItemRow { said, changed_at: caller.now, revision: item.revision + 1, ..item };
    write.update_work_item(project.number, &item).await?;
    if relabelled {
        write.replace_labels(project.number, &item).await?;
    }
    let details = serde_json::json!({ "changed": changed, "title": item.said.title, "assignee": item.said.assignee,
        "priority": item.said.priority, "due_on": item.said.due_on });
    write.record(&caller.principal, caller.now, audit("work_item.changed", &project, number, "", details));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(item)
}

fn patched(said: WorkItemSaid, patch: WorkItemPatch) -> WorkItemSaid {
    WorkItemSaid {
        kind: patch.kind.unwrap_or(said.kind),
        title: patch.title.unwrap_or(said.title),
        description: patch.description.unwrap_or(said.description),
        assignee: patch.assignee.unwrap_or(said.assignee),
        priority: patch.priority.unwrap_or(said.priority),
        due_on: patch.due_on.unwrap_or(said.due_on),
        labels: patch.labels.unwrap_or(said.labels),
        link: patch.link.unwrap_or(said.link),
        impact: patch.impact.unwrap_or(said.impact),
        release_note: patch.release_note.unwrap_or(said.release_note),
    }
}

/// The names of what differs.
fn changed_names(before: &WorkItemSaid, after: &WorkItemSaid) -> Vec<&'static str> {
    let differs = [
        ("kind", before.kind != after.kind),
        ("title", before.title != after.title),
        ("description", before.description != after.description),
        ("assignee", before.assignee != after.assignee),
        ("priority", before.priority != after.priority),
        ("due_on", before.due_on != after.due_on),
        ("labels", before.labels != after.labels),
        ("link", before.link != after.link),
        ("impact", before.impact != after.impact),
        ("release_note", before.release_note != after.release_note),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// What is said, within its limits and in its one form.
fn checked(engine: &Engine, mut said: WorkItemSaid) -> Result<WorkItemSaid, WorkError> {
    let max = engine.limits.text_bytes_max;
    check_said("title", &said.title, max)?;
    check_text("description", &said.description, max)?;
    check_text("impact", &said.impact, max)?;
    check_text("release_note", &said.release_note, max)?;
    if let Some(day) = said.due_on.filter(|day| day.year() < 1) {
        return Err(WorkError::Due(day.to_string()));
    }
    said.labels.sort();
    said.labels.dedup();
    if said.labels.len() > LABELS_MAX {
        return Err(WorkError::Labels(said.labels.len()));
    }
    Ok(said)
}

async fn check_person(write: &mut Write, name: Option<&UserName>) -> Result<(), WorkError> {
    match name {
        Some(name) if write.user(name).await?.is_none() => Err(WorkError::NoUser(name.clone())),
        _ => Ok(()),
    }
}
