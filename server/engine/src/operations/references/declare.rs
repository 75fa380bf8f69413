//! Saying what an asset needs, where its bytes don't: a layered picture its fonts, a film its subtitles.

use std::collections::HashSet;

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::pin::AssetId;

use super::ReferenceError;
use crate::Engine;
use crate::catalog::{AuditDraft, Declaration, DeclaredRow, Need, ProjectRow};
use crate::operations::people::caller::Caller;
use crate::operations::revision::check_revision;
use crate::operations::text::check_said;

/// One thing that an asset is said to need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredNeed {
    /// In people's words, such as font.
    pub kind: String,
    pub need: Need,
}

/// Puts these references in the place of those that were declared of an asset before. That it had been so is a success
/// that adds nothing.
///
/// # Errors
/// See `ReferenceError`; nothing has been changed.
pub async fn declare_references(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    asset: AssetId,
    needs: Vec<DeclaredNeed>,
    expected: Option<i64>,
) -> Result<Declaration, ReferenceError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    if caller.earlier_outcome::<i64>(&engine.catalog).await?.is_some() {
        return Ok(engine.catalog.declaration(asset).await?);
    }
    let needs = checked(engine, &project, asset, needs).await?;
    let mut write = caller.begin(&engine.catalog).await?;
    let no_asset = || ReferenceError::NoAsset(uuid::Uuid::from_bytes(asset.0));
    let state = write.asset_state(project.number, asset).await?.ok_or_else(no_asset)?;
    let before = write.declaration(asset).await?;
    check_revision(format!("what {} needs", state.path), expected, before.revision)?;
    let mut declared = Declaration { revision: before.revision, needs };
    if declared.needs != before.needs {
        declared.revision += 1;
        let sequence = write.record(&caller.principal, caller.now, audit(&project, &state.path, &declared));
        write.put_declaration(project.number, asset, &declared, sequence).await?;
    }
    caller.note_outcome(&mut write, &declared.revision).await?;
    write.commit().await?;
    Ok(declared)
}

fn audit(project: &ProjectRow, path: &str, declared: &Declaration) -> AuditDraft {
    let need = |row: &DeclaredRow| match &row.need {
        Need::Path(path) => serde_json::json!({ "kind": row.kind, "path": path }),
        Need::Asset(id) => serde_json::json!({ "kind": row.kind, "asset": uuid::Uuid::from_bytes(id.0).to_string() }),
    };
    AuditDraft {
        action: "asset.references_declared",
        project: project.name.to_string(),
        subject: path.to_owned(),
        message: String::new(),
        details: serde_json::json!({ "needs": declared.needs.iter().map(need).collect::<Vec<_>>() }),
    }
}

/// The needs, each once, if they can be.
async fn checked(
    engine: &Engine,
    project: &ProjectRow,
    asset: AssetId,
    needs: Vec<DeclaredNeed>,
) -> Result<Vec<DeclaredRow>, ReferenceError> {
    let max = engine.limits.declared_references_max;
    if needs.len() > max {
        return Err(ReferenceError::TooMany { count: needs.len(), max });
    }
    let row = engine.catalog.asset(project.number, asset).await?;
    let row = row.ok_or(ReferenceError::NoAsset(uuid::Uuid::from_bytes(asset.0)))?;
    let (mut seen, mut rows) = (HashSet::new(), Vec::with_capacity(needs.len()));
    for DeclaredNeed { kind, need } in needs {
        check_said("kind", &kind, engine.limits.text_bytes_max)?;
        let is_itself = match &need {
            Need::Path(path) => *path == row.path,
            Need::Asset(needed) => *needed == asset,
        };
        if is_itself {
            return Err(ReferenceError::NeedsItself(row.path));
        }
        if seen.insert((kind.clone(), need.clone())) {
            rows.push(DeclaredRow { asset, kind, need });
        }
    }
    let needed = rows.iter().filter_map(|row| match row.need {
        Need::Asset(asset) => Some(asset),
        Need::Path(_) => None,
    });
    let needed: Vec<AssetId> = needed.collect();
    let known = engine.catalog.assets_of_project(project.number, &needed).await?;
    match needed.iter().find(|asset| !known.contains(asset)) {
        Some(asset) => Err(ReferenceError::NoAsset(uuid::Uuid::from_bytes(asset.0))),
        None => Ok(rows),
    }
}
