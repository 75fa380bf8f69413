//! Closing a release: its review is kept, its items are closed, its staging environment opens again, and what went wrong
//! becomes a point of the checklist.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::release::ReleaseStep;

use super::error::ClosingError;
use crate::Engine;
use crate::catalog::{AuditDraft, ChecklistSelector, ClosingRow, ProjectRow, ReleaseRow, Write};
use crate::operations::gate::{CLOSE, ChecklistDraft, end_freeze, insert_point, is_asked};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_said;
use crate::operations::work::close_items;

/// Most lessons of one closing.
const LESSONS_MAX: usize = 50;

/// What later releases have to confirm because of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonDraft {
    pub text: String,
    /// An environment's name, or `close`.
    pub step: String,
    pub selector: ChecklistSelector,
}

/// How a release is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseDraft {
    pub review: String,
    pub lessons: Vec<LessonDraft>,
    /// The release's revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub release: ReleaseRow,
    pub closing: ClosingRow,
}

/// Closes a release that was released or rolled back.
///
/// # Errors
/// `Refused`, `OwedReview`, `Unanswered`, `NoLesson`, `Lesson`; otherwise see `ClosingError`. Nothing has been changed.
pub async fn close_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    draft: CloseDraft,
) -> Result<Closed, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    let CloseDraft { review, lessons, expected } = draft;
    check_said("review", &review, engine.limits.text_bytes_max)?;
    if lessons.len() > LESSONS_MAX {
        return Err(ClosingError::TooManyLessons { count: lessons.len(), max: LESSONS_MAX });
    }
    lessons.iter().try_for_each(|lesson| check_said("lessons", &lesson.text, engine.limits.text_bytes_max))?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return closed(engine, &project, number).await;
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(ClosingError::NoRelease(number))?;
    check_revision(format!("release {number}"), expected, release.revision)?;
    let state = release.state.after(ReleaseStep::Close)?;
    check_reviews(&mut write, &project, number).await?;
    check_checklist(&mut write, &project, &release).await?;
    check_lessons(&mut write, &project, number, lessons.len()).await?;

    let items = close_items(&mut write, caller, &project, number).await?;
    if let Some(freeze) = write.reading().freeze_of(project.number, number).await? {
        end_freeze(&mut write, caller, &project, &freeze, "the release was closed").await?;
    }
    let points = learn(&mut write, caller, &project, number, lessons).await?;
    let closing = ClosingRow { state: release.state, review, by_name: caller.principal.name.clone(), at: caller.now };
    let draft = AuditDraft {
        action: "release.closed",
        project: project.name.to_string(),
        subject: number.to_string(),
        message: closing.review.clone(),
        details: serde_json::json!({ "from": release.state, "items": items, "lessons": points }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.insert_closing(project.number, number, &closing).await?;
    let release = ReleaseRow { state, ..release };
    write.update_release(project.number, &release).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(Closed { release: ReleaseRow { revision: release.revision + 1, ..release }, closing })
}

/// A release that has been closed before.
async fn closed(engine: &Engine, project: &ProjectRow, number: ReleaseNumber) -> Result<Closed, ClosingError> {
    let release = engine.catalog.release(project.number, number).await?;
    let closing = engine.catalog.closing(project.number, number).await?;
    match (release, closing) {
        (Some(release), Some(closing)) => Ok(Closed { release, closing }),
        _ => Err(ClosingError::NoRelease(number)),
    }
}

async fn check_reviews(write: &mut Write, project: &ProjectRow, number: ReleaseNumber) -> Result<(), ClosingError> {
    let owed = write.reading().owed_reviews(project.number, number).await?;
    if owed.is_empty() {
        return Ok(());
    }
    let shown = owed.iter().map(|row| format!("deployment {} of {}", row.revision, row.environment));
    Err(ClosingError::OwedReview { release: number, owed: shown.collect::<Vec<_>>().join(" and ") })
}

/// Whether all points are answered that are asked before closing.
async fn check_checklist(write: &mut Write, project: &ProjectRow, release: &ReleaseRow) -> Result<(), ClosingError> {
    let points = write.reading().asked_points(project.number, Some(CLOSE)).await?;
    let answers = write.reading().answers(project.number, release.number).await?;
    let mut open = Vec::new();
    for point in points.iter().filter(|point| answers.iter().all(|answer| answer.item != point.number)) {
        let mut keys = Vec::new();
        for folder in &point.selector.paths {
            keys.extend(write.reading().touched_key(project.number, release.number, folder).await?);
        }
        if is_asked(&point.selector, release.kind, keys.iter().map(String::as_str)) {
            open.push(format!("point {}", point.number));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    Err(ClosingError::Unanswered { release: release.number, points: open.join(", ") })
}

/// Whether there is a lesson, where one is due: after a rollback and after an incident.
async fn check_lessons(
    write: &mut Write,
    project: &ProjectRow,
    number: ReleaseNumber,
    lessons: usize,
) -> Result<(), ClosingError> {
    let (mut reasons, project) = (Vec::new(), project.number);
    let left = write.reading().rolled_back_from(project, number).await?;
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        reasons.push(format!("{number} was rolled back in {}", names.join(" and ")));
    }
    let incidents = write.reading().incident_numbers(project, number).await?;
    if !incidents.is_empty() {
        let names: Vec<String> = incidents.iter().map(ToString::to_string).collect();
        let are = if names.len() == 1 { "is an incident" } else { "are incidents" };
        reasons.push(format!("{} {are} of {number}", names.join(" and ")));
    }
    if reasons.is_empty() || lessons > 0 || write.reading().count_lessons(project, number).await? > 0 {
        return Ok(());
    }
    Err(ClosingError::NoLesson { release: number, reasons: reasons.join(", and ") })
}

/// Turns lessons into points of the checklist; returns their numbers.
async fn learn(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    origin: ReleaseNumber,
    lessons: Vec<LessonDraft>,
) -> Result<Vec<i64>, ClosingError> {
    let mut points = Vec::with_capacity(lessons.len());
    for (at, LessonDraft { text, step, selector }) in lessons.into_iter().enumerate() {
        let draft = ChecklistDraft { step, text, selector, origin: Some(origin) };
        let point = insert_point(write, caller, project, draft).await;
        let point = point.map_err(|error| ClosingError::Lesson { number: at + 1, error: Box::new(error) })?;
        points.push(point.number);
    }
    Ok(points)
}
