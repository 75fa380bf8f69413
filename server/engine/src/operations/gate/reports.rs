//! What outside systems report on builds.

use shelfmark_domain::access::Permission;
use shelfmark_domain::gate::CheckName;
use shelfmark_domain::name::{BuildName, ProjectName};

use super::error::GateError;
use crate::Engine;
use crate::catalog::{AuditDraft, ReportRow, ReportState};
use crate::operations::people::caller::Caller;
use crate::operations::text::check_text;

/// A report to be filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportDraft {
    pub build: BuildName,
    pub name: String,
    pub state: ReportState,
    pub summary: String,
    /// Where a person can read more; empty for nowhere.
    pub link: String,
}

/// Files what an outside check came to. Of each name the last report on a manifest counts.
///
/// # Errors
/// See `GateError`; nothing has been changed.
pub async fn report(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: ReportDraft,
) -> Result<ReportRow, GateError> {
    let project = caller.project(&engine.catalog, project, Permission::Work).await?;
    let ReportDraft { build, name, state, summary, link } = draft;
    let check = format!("outside:{name}").parse::<CheckName>();
    check.map_err(|why| GateError::Name { field: "name", why: why.to_string() })?;
    check_text("summary", &summary, engine.limits.text_bytes_max)?;
    check_text("link", &link, engine.limits.text_bytes_max)?;
    if !(link.is_empty() || link.starts_with("https://") || link.starts_with("http://")) {
        return Err(GateError::Link(link.chars().take(80).collect()));
    }
    if let Some(earlier) = caller.earlier_outcome::<i64>(&engine.catalog).await? {
        let before = Some(earlier.saturating_add(1));
        let page = engine.catalog.reports_of_release(project.number, build.release, before, 1).await?;
        return page.items.into_iter().next().ok_or(GateError::NoBuild(build));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let built = write.reading().build(project.number, build).await?.ok_or(GateError::NoBuild(build))?;
    let details = serde_json::json!({ "build": build, "name": name, "state": state, "link": link });
    let draft = AuditDraft {
        action: "build.check_reported",
        project: project.name.to_string(),
        subject: build.to_string(),
        message: summary.clone(),
        details,
    };
    let sequence = write.record(&caller.principal, caller.now, draft);
    let (by_name, at) = (caller.principal.name.clone(), caller.now);
    let row = ReportRow { sequence, build, manifest: built.manifest, name, state, summary, link, by_name, at };
    write.insert_report(project.number, &row).await?;
    caller.note_outcome(&mut write, &sequence).await?;
    write.commit().await?;
    Ok(row)
}
