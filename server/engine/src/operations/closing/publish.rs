//! Publishing notes: what holds for each audience is kept as it is. What was published never changes; publishing again
//! after an edit or a change of the release makes a new revision.

use std::collections::BTreeSet;

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::notes::Audience;

use super::error::ClosingError;
use super::generated::{GeneratedNotes, facts};
use super::template::notes_template;
use crate::Engine;
use crate::catalog::{AuditDraft, PublishedNoteRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// What is to be published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishDraft {
    pub audiences: BTreeSet<Audience>,
    pub message: String,
    /// The release's last published revision that the caller saw, if it insists on it; 0: nothing was published.
    pub expected: Option<i64>,
}

/// Publishes a release's notes; returns the last publication of each audience. What has been published as it is stays:
/// when nothing differs, that is a success that adds nothing.
///
/// # Errors
/// See `ClosingError`; nothing has been changed.
pub async fn publish_notes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    draft: PublishDraft,
) -> Result<Vec<PublishedNoteRow>, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    let PublishDraft { audiences, message, expected } = draft;
    if audiences.is_empty() {
        return Err(ClosingError::NoAudience);
    }
    check_text("message", &message, engine.limits.text_bytes_max)?;
    let release = engine.catalog.release(project.number, number).await?.ok_or(ClosingError::NoRelease(number))?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        let mut snapshot = engine.catalog.snapshot().await?;
        return Ok(snapshot.reading().last_published(project.number, number).await?);
    }
    let template = notes_template(engine, &project).await?;
    let facts = facts(engine, caller, &project, &release, None).await?;
    let mut write = caller.begin(&engine.catalog).await?;
    let published = write.reading().last_published(project.number, number).await?;
    let revision = published.iter().map(|row| row.revision).max().unwrap_or(0);
    check_revision(format!("what is published of {number}"), expected, revision)?;
    let mut rows = Vec::new();
    for audience in audiences {
        let edit = write.reading().note_edit(project.number, number, audience).await?.and_then(|edit| edit.text);
        let is_edited = edit.is_some();
        let text = edit.unwrap_or_else(|| GeneratedNotes::of(audience, &template, &facts).markdown);
        if published.iter().any(|row| row.audience == audience && row.text == text) {
            continue;
        }
        let (by_name, at) = (caller.principal.name.clone(), caller.now);
        let message = message.clone();
        rows.push(PublishedNoteRow { revision: revision + 1, audience, text, is_edited, message, by_name, at });
    }
    if !rows.is_empty() {
        let audiences: Vec<Audience> = rows.iter().map(|row| row.audience).collect();
        let draft = AuditDraft {
            action: "release.notes_published",
            project: project.name.to_string(),
            subject: number.to_string(),
            message,
            details: serde_json::json!({ "revision": revision + 1, "audiences": audiences, "title": release.title }),
        };
        write.record(&caller.principal, caller.now, draft);
        write.insert_published_notes(project.number, number, &rows).await?;
    }
    caller.note_outcome(&mut write, &()).await?;
    let last = write.reading().last_published(project.number, number).await?;
    write.commit().await?;
    Ok(last)
}
