//! Releases out of releases: a copy, a part of one, and giving one up.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::release::{ReleaseState, ReleaseStep};

use super::dates::PlanError;
use crate::Engine;
use crate::catalog::{AuditDraft, ProjectRow, ReleaseRow, Selection, Write};
use crate::operations::gate::end_freeze;
use crate::operations::people::caller::Caller;
use crate::operations::releases::changes::draft_release;
use crate::operations::releases::{ReleaseError, audit};
use crate::operations::revision::check_revision;
use crate::operations::text::{check_said, check_text};

/// A new draft after the likeness of another release.
async fn draft_like(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    source: &ReleaseRow,
    title: Option<String>,
) -> Result<ReleaseRow, PlanError> {
    let draft = ReleaseRow {
        number: write.next_release(project.number).await?,
        title: title.unwrap_or_else(|| source.title.clone()),
        description: source.description.clone(),
        kind: source.kind,
        manager: source.manager.clone(),
        state: ReleaseState::Draft,
        creator: caller.principal.id.clone(),
        created_by: caller.principal.name.clone(),
        created_at: caller.now,
        last_build: 0,
        revision: 1,
    };
    write.insert_release(project.number, &draft).await?;
    Ok(draft)
}

async fn earlier(engine: &Engine, caller: &Caller, project: &ProjectRow) -> Result<Option<ReleaseRow>, PlanError> {
    let Some(number) = caller.earlier_outcome::<ReleaseNumber>(&engine.catalog).await? else { return Ok(None) };
    let release = engine.catalog.release(project.number, number).await?;
    Ok(Some(release.ok_or(ReleaseError::NoRelease(number))?))
}

/// Makes a draft with the lines of a release as they are, whatever became of that one. The lines stay as old as they
/// are: what has been released since is a conflict of the draft, and is not undone unseen.
///
/// # Errors
/// See `PlanError`; nothing has been changed.
pub async fn clone_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    title: Option<String>,
) -> Result<ReleaseRow, PlanError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    title.as_deref().map(|title| check_said("title", title, engine.limits.text_bytes_max)).transpose()?;
    if let Some(earlier) = earlier(engine, caller, &project).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let source = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    let made = draft_like(&mut write, caller, &project, &source, title).await?;
    let lines = write.copy_lines(project.number, (number, made.number)).await?;
    let details = serde_json::json!({ "title": made.title, "cloned_from": number, "lines": lines });
    write.record(&caller.principal, caller.now, audit("release.created", &project, made.number, details));
    caller.note_outcome(&mut write, &made.number).await?;
    write.commit().await?;
    Ok(made)
}

/// Makes a draft of some lines of another draft, which has them no more.
///
/// # Errors
/// See `PlanError`; nothing has been changed.
pub async fn split_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    (selection, title): (Selection, String),
    expected: Option<i64>,
) -> Result<ReleaseRow, PlanError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_said("title", &title, engine.limits.text_bytes_max)?;
    if let Some(earlier) = earlier(engine, caller, &project).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let source = draft_release(&mut write, &project, number, expected).await?;
    let made = draft_like(&mut write, caller, &project, &source, Some(title)).await?;
    let lines = write.hand_lines_on(project.number, (number, made.number), &selection).await?;
    if lines == 0 {
        return Err(PlanError::NothingSelected(number));
    }
    let details = serde_json::json!({ "title": made.title, "split_from": number, "lines": lines });
    write.record(&caller.principal, caller.now, audit("release.created", &project, made.number, details));
    let details = serde_json::json!({ "into": made.number, "lines": lines });
    write.record(&caller.principal, caller.now, audit("release.split", &project, number, details));
    write.update_release(project.number, &source).await?;
    caller.note_outcome(&mut write, &made.number).await?;
    write.commit().await?;
    Ok(made)
}

/// Gives a draft up. It stays as it is, and can be cloned.
///
/// # Errors
/// See `PlanError`; nothing has been changed.
pub async fn cancel_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    (reason, expected): (String, Option<i64>),
) -> Result<ReleaseRow, PlanError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_text("reason", &reason, engine.limits.text_bytes_max)?;
    if let Some(earlier) = earlier(engine, caller, &project).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    check_revision(format!("release {number}"), expected, release.revision)?;
    let state = release.state.after(ReleaseStep::Cancel)?;
    let release = ReleaseRow { state, ..release };
    let details = serde_json::json!({ "title": release.title });
    let draft = AuditDraft { message: reason, ..audit("release.cancelled", &project, number, details) };
    write.record(&caller.principal, caller.now, draft);
    if let Some(freeze) = write.reading().freeze_of(project.number, number).await? {
        end_freeze(&mut write, caller, &project, &freeze, "the release was cancelled").await?;
    }
    write.update_release(project.number, &release).await?;
    caller.note_outcome(&mut write, &number).await?;
    write.commit().await?;
    Ok(ReleaseRow { revision: release.revision + 1, ..release })
}
