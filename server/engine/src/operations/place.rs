//! Where assets are: moving one or a whole folder, and bringing back what was deleted. Only paths change; no bytes are
//! copied and histories stay.

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::path::{AssetPath, FolderPath, InvalidPath};
use shelfmark_domain::pin::AssetId;

use super::text::{InvalidText, check_text};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, Write};
use crate::operations::people::caller::{AccessError, Caller};

/// Why assets stay where they are.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("there is nothing at {0}; check the path")]
    Nothing(String),
    #[error("there is an asset at {0} already; move it away or choose another path")]
    Taken(String),
    #[error("{0} can't be moved into itself; choose another folder")]
    IntoItself(FolderPath),
    #[error("asset {0} is not in this project; check its id")]
    NoAsset(uuid::Uuid),
    #[error("{0} has not been deleted")]
    NotDeleted(String),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Path(#[from] InvalidPath),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for PlaceError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Nothing(_) | Self::NoAsset(_) => FailureKind::NotFound,
            Self::Taken(_) | Self::NotDeleted(_) => FailureKind::Conflict,
            Self::IntoItself(_) | Self::Text(_) | Self::Path(_) => FailureKind::Invalid,
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// What to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    Asset { from: AssetPath, to: AssetPath },
    Folder { from: FolderPath, to: FolderPath },
}

/// Moves an asset or everything in a folder, all or nothing; returns how many assets moved.
///
/// # Errors
/// See `PlaceError`; nothing has been changed.
pub async fn move_assets(
    engine: &Engine,
    caller: Caller,
    project: &ProjectName,
    what: Move,
    message: String,
) -> Result<u64, PlaceError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    check_text("message", &message, engine.limits.text_bytes_max)?;
    if let Some(moved) = caller.earlier_outcome::<u64>(&engine.catalog).await? {
        return Ok(moved);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let (moved, subject, to) = match what {
        Move::Asset { from, to } => {
            let moved = move_one(&mut write, project.number, &from, &to).await?;
            (moved, from.to_string(), to.to_string())
        }
        Move::Folder { from, to } => {
            let moved = move_folder(&mut write, project.number, &from, &to).await?;
            (moved, format!("{from}/"), format!("{to}/"))
        }
    };
    if moved > 0 {
        let details = serde_json::json!({ "to": to, "assets": moved });
        let draft = AuditDraft { action: "assets.moved", project: project.name.to_string(), subject, message, details };
        let sequence = write.record(&caller.principal, caller.now, draft);
        write.touch_assets(project.number, sequence).await?;
    }
    caller.note_outcome(&mut write, &moved).await?;
    write.commit().await?;
    Ok(moved)
}

async fn move_one(write: &mut Write, project: i64, from: &AssetPath, to: &AssetPath) -> Result<u64, PlaceError> {
    let paths = [from.to_string(), to.to_string()];
    let there = write.assets_at(project, &paths).await?;
    let asset = there.get(from.as_str()).ok_or_else(|| PlaceError::Nothing(from.to_string()))?;
    if from == to {
        return Ok(0);
    }
    if there.contains_key(to.as_str()) {
        return Err(PlaceError::Taken(to.to_string()));
    }
    write.place_asset(asset.id, to.as_str()).await?;
    Ok(1)
}

async fn move_folder(write: &mut Write, project: i64, from: &FolderPath, to: &FolderPath) -> Result<u64, PlaceError> {
    let moving = write.paths_in(project, from).await?;
    if moving.is_empty() {
        return Err(PlaceError::Nothing(format!("{from}/")));
    }
    if from == to {
        return Ok(0);
    }
    if from.is_root() || from.contains(&format!("{to}/")) {
        return Err(PlaceError::IntoItself(from.clone()));
    }
    let mut new_paths = Vec::with_capacity(moving.len());
    for (_, path) in &moving {
        let path: AssetPath = path.parse()?;
        if let Some(moved) = path.moved(from, to) {
            new_paths.push(moved?.to_string());
        }
    }
    let taken = write.assets_at(project, &new_paths).await?;
    if let Some(path) = new_paths.iter().find(|path| taken.contains_key(*path) && !from.contains(path)) {
        return Err(PlaceError::Taken(path.clone()));
    }
    Ok(write.move_folder(project, from, to).await?)
}

/// Brings a deleted asset back, to where it was or to another path; returns the path.
///
/// # Errors
/// See `PlaceError`; nothing has been changed.
pub async fn undelete(
    engine: &Engine,
    caller: Caller,
    project: &ProjectName,
    asset: AssetId,
    to: Option<AssetPath>,
) -> Result<String, PlaceError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    if let Some(path) = caller.earlier_outcome::<String>(&engine.catalog).await? {
        return Ok(path);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let state = write.asset_state(project.number, asset).await?;
    let state = state.ok_or(PlaceError::NoAsset(uuid::Uuid::from_bytes(asset.0)))?;
    if state.deleted_at.is_none() {
        return Err(PlaceError::NotDeleted(state.path));
    }
    let path = to.map_or(state.path, |to| to.to_string());
    if write.assets_at(project.number, std::slice::from_ref(&path)).await?.contains_key(&path) {
        return Err(PlaceError::Taken(path));
    }
    let draft = AuditDraft {
        action: "asset.undeleted",
        project: project.name.to_string(),
        subject: path.clone(),
        message: String::new(),
        details: serde_json::json!({ "asset": uuid::Uuid::from_bytes(asset.0).to_string() }),
    };
    let sequence = write.record(&caller.principal, caller.now, draft);
    write.place_asset(asset, &path).await?;
    write.touch_assets(project.number, sequence).await?;
    caller.note_outcome(&mut write, &path).await?;
    write.commit().await?;
    Ok(path)
}
