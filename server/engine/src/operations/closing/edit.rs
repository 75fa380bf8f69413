//! Writing notes in the place of the generated ones.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::notes::Audience;

use super::error::ClosingError;
use super::generated::{ReleaseNotes, release_notes};
use crate::Engine;
use crate::catalog::{AuditDraft, NoteEditRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_said;

/// Puts a person's text, which is Markdown, in the place of the generated notes. The text that holds already is a success
/// that adds nothing, unless the release has changed since: then it says that the text still fits.
///
/// # Errors
/// See `ClosingError`; nothing has been changed.
pub async fn edit_notes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (release, audience): (ReleaseNumber, Audience),
    text: &str,
    expected: Option<i64>,
) -> Result<ReleaseNotes, ClosingError> {
    caller.project(&engine.catalog, project, Permission::Work).await?;
    check_said("text", text, engine.limits.notes_bytes_max)?;
    put(engine, caller, project, (release, audience), Some(text), expected).await
}

/// Lets the generated notes hold again.
///
/// # Errors
/// `NotEdited`; otherwise see `ClosingError`. Nothing has been changed.
pub async fn return_to_generated(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (release, audience): (ReleaseNumber, Audience),
    expected: Option<i64>,
) -> Result<ReleaseNotes, ClosingError> {
    caller.project(&engine.catalog, project, Permission::Work).await?;
    put(engine, caller, project, (release, audience), None, expected).await
}

async fn put(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (release, audience): (ReleaseNumber, Audience),
    text: Option<&str>,
    expected: Option<i64>,
) -> Result<ReleaseNotes, ClosingError> {
    let before = release_notes(engine, caller, project, release, audience, None).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(before);
    }
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    let basis = before.generated.digest();
    let mut write = caller.begin(&engine.catalog).await?;
    let present = write.reading().note_edit(project.number, release, audience).await?;
    let revision = present.as_ref().map_or(0, |edit| edit.revision);
    check_revision(format!("the notes of {release} for {audience}"), expected, revision)?;
    if text.is_none() && present.as_ref().is_none_or(|edit| edit.text.is_none()) {
        return Err(ClosingError::NotEdited(audience));
    }
    if present.as_ref().is_some_and(|edit| edit.text.as_deref() == text && edit.basis == basis) {
        return Ok(ReleaseNotes { edit: present, is_outdated: false, ..before });
    }
    let edit = NoteEditRow {
        audience,
        revision: revision + 1,
        text: text.map(str::to_owned),
        basis,
        by_name: caller.principal.name.clone(),
        at: caller.now,
    };
    let draft = AuditDraft {
        action: if text.is_some() { "release.notes_edited" } else { "release.notes_returned" },
        project: project.name.to_string(),
        subject: release.to_string(),
        message: String::new(),
        details: serde_json::json!({ "audience": audience, "revision": edit.revision }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.insert_note_edit(project.number, release, &edit).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(ReleaseNotes { edit: Some(edit), is_outdated: false, ..before })
}
