//! The project's checklist: adding points, retiring them, and answering them for a release.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};

use super::error::GateError;
use super::facts::is_asked;
use crate::Engine;
use crate::catalog::{
    AnswerRow, AuditDraft, ChecklistAnswer, ChecklistItemRow, ChecklistSelector, ProjectRow, ReleaseRow, Write,
};
use crate::operations::people::caller::Caller;
use crate::operations::text::{check_said, check_text};

/// The step that is asked before a release is closed.
pub(crate) const CLOSE: &str = "close";

/// A point to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistDraft {
    /// An environment's name, or `close`.
    pub step: String,
    pub text: String,
    pub selector: ChecklistSelector,
    /// The release whose lesson it is.
    pub origin: Option<ReleaseNumber>,
}

/// A point as a release has to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasePoint {
    pub point: ChecklistItemRow,
    pub answer: Option<AnswerRow>,
}

fn audit(action: &'static str, project: &ProjectRow, subject: String, details: serde_json::Value) -> AuditDraft {
    AuditDraft { action, project: project.name.to_string(), subject, message: String::new(), details }
}

/// Adds a point that later releases have to confirm.
///
/// # Errors
/// See `GateError`; nothing has been changed.
pub async fn add_point(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: ChecklistDraft,
) -> Result<ChecklistItemRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_said("text", &draft.text, engine.limits.text_bytes_max)?;
    let earlier = caller.earlier_outcome::<i64>(&engine.catalog).await?;
    if let Some(number) = earlier {
        let page = engine.catalog.checklist(project.number, number - 1, 1).await?;
        return page.items.into_iter().next().ok_or(GateError::NoPoint(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let row = insert_point(&mut write, caller, &project, draft).await?;
    caller.note_outcome(&mut write, &row.number).await?;
    write.commit().await?;
    Ok(row)
}

/// Adds a point within a change.
///
/// # Errors
/// `Step`, `NoRelease`, `Catalog`; the change must be given up then.
pub(crate) async fn insert_point(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    draft: ChecklistDraft,
) -> Result<ChecklistItemRow, GateError> {
    let ChecklistDraft { step, text, selector, origin } = draft;
    let environments = write.environments(project.number).await?;
    if step != CLOSE && !environments.iter().any(|at| at.environment.name.as_str() == step) {
        return Err(GateError::Step(step.chars().take(80).collect()));
    }
    if let Some(release) = origin
        && write.release(project.number, release).await?.is_none()
    {
        return Err(GateError::NoRelease(release));
    }
    let number = write.next_checklist_item(project.number).await?;
    let (by_name, at) = (caller.principal.name.clone(), caller.now);
    let row = ChecklistItemRow { number, step, text, selector, origin, by_name, at, retired_at: None };
    let details = serde_json::json!({ "step": row.step, "text": row.text, "selector": row.selector, "origin": origin });
    write.record(&caller.principal, caller.now, audit("checklist.point_added", project, number.to_string(), details));
    write.insert_checklist_item(project.number, &row).await?;
    Ok(row)
}

/// Asks a point no more; what has been answered stays.
///
/// # Errors
/// See `GateError`; nothing has been changed.
pub async fn retire_point(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: i64,
    reason: &str,
) -> Result<ChecklistItemRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::Administer).await?;
    check_text("reason", reason, engine.limits.text_bytes_max)?;
    let mut write = engine.catalog.write().await?;
    let row = write.checklist_item(project.number, number).await?.ok_or(GateError::NoPoint(number))?;
    if row.retired_at.is_some() {
        return Ok(row);
    }
    write.retire_checklist_item(project.number, number, caller.now).await?;
    let draft = audit("checklist.point_retired", &project, number.to_string(), serde_json::json!({ "text": row.text }));
    write.record(&caller.principal, caller.now, AuditDraft { message: reason.to_owned(), ..draft });
    write.commit().await?;
    Ok(ChecklistItemRow { retired_at: Some(caller.now), ..row })
}

/// The points that a release has to answer, with its answers. Which folders it touches follows from its change lines.
///
/// # Errors
/// See `GateError`.
pub async fn release_checklist(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
) -> Result<Vec<ReleasePoint>, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    let release = engine.catalog.release(project.number, number).await?.ok_or(GateError::NoRelease(number))?;
    let mut snapshot = engine.catalog.snapshot().await?;
    let points = snapshot.reading().asked_points(project.number, None).await?;
    let answers = snapshot.reading().answers(project.number, number).await?;
    drop(snapshot);
    let mut asked = Vec::new();
    for point in points {
        if touches(engine, &project, &release, &point).await? {
            let answer = answers.iter().find(|answer| answer.item == point.number).cloned();
            asked.push(ReleasePoint { point, answer });
        }
    }
    Ok(asked)
}

async fn touches(
    engine: &Engine,
    project: &ProjectRow,
    release: &ReleaseRow,
    point: &ChecklistItemRow,
) -> Result<bool, GateError> {
    let mut keys = Vec::new();
    for folder in &point.selector.paths {
        keys.extend(engine.catalog.first_change_in(project.number, release.number, folder).await?);
    }
    Ok(is_asked(&point.selector, release.kind, keys.iter().map(String::as_str)))
}

/// Answers a point for a release; an earlier answer makes way.
///
/// # Errors
/// See `GateError`; nothing has been changed.
pub async fn answer_point(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (release, item): (ReleaseNumber, i64),
    (answer, remark): (ChecklistAnswer, &str),
) -> Result<AnswerRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    match answer {
        ChecklistAnswer::Confirmed => check_text("remark", remark, engine.limits.text_bytes_max)?,
        ChecklistAnswer::NotApplicable => check_said("remark", remark, engine.limits.text_bytes_max)?,
    }
    let mut write = engine.catalog.write().await?;
    if write.release(project.number, release).await?.is_none() {
        return Err(GateError::NoRelease(release));
    }
    let point = write.checklist_item(project.number, item).await?;
    point.filter(|point| point.retired_at.is_none()).ok_or(GateError::NoPoint(item))?;
    let (by_name, at) = (caller.principal.name.clone(), caller.now);
    let row = AnswerRow { item, answer, remark: remark.to_owned(), by_name, at };
    let details = serde_json::json!({ "point": item, "answer": answer });
    let draft = audit("release.point_answered", &project, release.to_string(), details);
    write.record(&caller.principal, caller.now, AuditDraft { message: remark.to_owned(), ..draft });
    write.put_answer(project.number, release, &row).await?;
    write.commit().await?;
    Ok(row)
}
