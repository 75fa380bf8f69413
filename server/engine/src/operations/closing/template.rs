//! The template of a project's notes. Each change is a new revision; none is ever lost.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::notes::NotesTemplate;

use super::error::ClosingError;
use crate::Engine;
use crate::catalog::{AuditDraft, NotesTemplateRow, ProjectRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_text;

/// The template that holds for a project: the last one that was set, or the default.
///
/// # Errors
/// When the catalog can't be read.
pub async fn notes_template(engine: &Engine, project: &ProjectRow) -> Result<NotesTemplate, ClosingError> {
    let mut snapshot = engine.catalog.snapshot().await?;
    let row = snapshot.reading().notes_template(project.number).await?;
    Ok(row.map_or_else(NotesTemplate::default, |row| row.template))
}

/// Sets a project's template; with `expected`, only if it is still at that revision (0: none was ever set). The one that
/// holds already is a success that adds nothing.
///
/// # Errors
/// `Template`, `Stale`; otherwise see `ClosingError`. Nothing has been changed.
pub async fn set_notes_template(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    (template, message): (NotesTemplate, &str),
    expected: Option<i64>,
) -> Result<NotesTemplateRow, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::Administer).await?;
    check_text("message", message, engine.limits.text_bytes_max)?;
    let template = template.checked()?;
    let is_repeated = caller.earlier_outcome::<()>(&engine.catalog).await?.is_some();
    let mut write = if is_repeated { engine.catalog.write().await? } else { caller.begin(&engine.catalog).await? };
    let present = write.reading().notes_template(project.number).await?;
    let revision = present.as_ref().map_or(0, |row| row.revision);
    if let Some(present) = present.filter(|present| is_repeated || present.template == template) {
        return Ok(present);
    }
    check_revision("the template of the notes", expected, revision)?;
    let (by_name, message, at) = (caller.principal.name.clone(), message.to_owned(), caller.now);
    let row = NotesTemplateRow { revision: revision + 1, template, by_name, message, at };
    let draft = AuditDraft {
        action: "notes_template.set",
        project: project.name.to_string(),
        subject: project.name.to_string(),
        message: row.message.clone(),
        details: serde_json::json!({ "revision": row.revision }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.insert_notes_template(project.number, &row).await?;
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(row)
}
