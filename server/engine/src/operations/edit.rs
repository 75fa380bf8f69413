//! Changing assets without new bytes: metadata, going back to an old version, deleting. Each but the deletion makes a
//! version.

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::metadata::{InvalidMetadata, Metadata};
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;

use super::text::{InvalidText, check_text};
use crate::Engine;
use crate::catalog::{CatalogError, ProjectRow};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::upload::order::{
    Action, CommitError, Done, Draft, DraftContent, Expect, Incoming, Order, Receipt, Target,
};

/// Why an asset was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("asset {0} is not in this project; check its id")]
    NoAsset(uuid::Uuid),
    #[error("{path} has no version {number}; it has 1 to {latest}")]
    NoVersion { path: String, number: i64, latest: i64 },
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for EditError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoAsset(_) | Self::NoVersion { .. } => FailureKind::NotFound,
            Self::Text(_) | Self::Metadata(_) => FailureKind::Invalid,
            Self::Access(error) => error.kind(),
            Self::Commit(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// Gives an asset other metadata: a new version with the same content.
///
/// # Errors
/// See `EditError`; nothing has been changed.
pub async fn edit_metadata(
    engine: &Engine,
    caller: Caller,
    project: &ProjectName,
    asset: AssetId,
    metadata: Metadata,
    expect: Expect,
    message: String,
) -> Result<(Receipt, Done), EditError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    let metadata = metadata.checked()?;
    let path = path_of(engine, &project, asset).await?.0;
    let action = Action::Put { content: None, metadata: Some(metadata), reverted_from: None };
    let draft = Draft { target: Target::Asset(asset), expect, action };
    carry_out(engine, project, caller, "asset.edited", path, message, draft).await
}

/// Makes an old version's content and metadata the next version.
///
/// # Errors
/// See `EditError`; nothing has been changed.
pub async fn revert(
    engine: &Engine,
    caller: Caller,
    project: &ProjectName,
    asset: AssetId,
    number: i64,
    expect: Expect,
    message: String,
) -> Result<(Receipt, Done), EditError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    let (path, latest) = path_of(engine, &project, asset).await?;
    let old = engine.catalog.version(asset, number).await?;
    let old = old.ok_or_else(|| EditError::NoVersion { path: path.clone(), number, latest })?;
    let content = DraftContent {
        id: old.content,
        size_bytes: old.size_bytes,
        media_type: old.media_type,
        dimensions: old.dimensions,
    };
    let action = Action::Put { content: Some(content), metadata: Some(old.metadata), reverted_from: Some(number) };
    let draft = Draft { target: Target::Asset(asset), expect, action };
    carry_out(engine, project, caller, "asset.reverted", path, message, draft).await
}

/// Turns the asset at a path into a tombstone; its versions stay, and it can be brought back.
///
/// # Errors
/// See `EditError`; nothing has been changed.
pub async fn remove(
    engine: &Engine,
    caller: Caller,
    project: &ProjectName,
    path: AssetPath,
    expect: Expect,
    message: String,
) -> Result<(Receipt, Done), EditError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    let expect = if expect == Expect::Anything { Expect::Present } else { expect };
    let subject = path.to_string();
    let draft = Draft { target: Target::Path(path), expect, action: Action::Remove };
    carry_out(engine, project, caller, "asset.removed", subject, message, draft).await
}

async fn path_of(engine: &Engine, project: &ProjectRow, asset: AssetId) -> Result<(String, i64), EditError> {
    let row = engine.catalog.asset(project.number, asset).await?;
    let row = row.ok_or(EditError::NoAsset(uuid::Uuid::from_bytes(asset.0)))?;
    Ok((row.path, row.latest.number))
}

async fn carry_out(
    engine: &Engine,
    project: ProjectRow,
    caller: Caller,
    action: &'static str,
    subject: String,
    message: String,
    draft: Draft,
) -> Result<(Receipt, Done), EditError> {
    check_text("message", &message, engine.limits.text_bytes_max)?;
    let order = Order {
        project,
        caller,
        action,
        subject,
        message,
        drafts: vec![draft],
        incoming: Incoming::Nothing,
        contents: Vec::new(),
        dictionary: None,
        item: None,
    };
    let mut receipt = engine.committer.carry_out(order).await?;
    let done = receipt.done.pop().ok_or(CommitError::Stopped)?;
    Ok((receipt, done))
}
