//! What a change of assets asks for, and what came of it. Every way to new versions (upload, batch, edit, revert,
//! removal) makes an order; the committer carries orders out.

use std::sync::Arc;

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::{ChunkId, ContentId};
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::path::AssetPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use super::cutting::{CutContent, NewChunk};
use super::packing::{PackError, Packed};
use crate::catalog::{AssetState, CatalogError, NewContent, ProjectRow};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::work::WorkError;

/// Which asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The one at a path, or a new one there.
    Path(AssetPath),
    /// This one, which must be there.
    Asset(AssetId),
}

/// What must hold of the asset before; nothing is changed otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    #[default]
    Anything,
    /// There is none at the path.
    Absent,
    /// There is one.
    Present,
    /// Its latest version has this number.
    Version(i64),
}

/// The content of a version to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DraftContent {
    pub id: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
    pub dimensions: Option<(u32, u32)>,
}

/// What becomes of the asset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all lines put, so a box for each would only cost")]
pub(crate) enum Action {
    /// A new version, unless it would equal the latest one. What is `None` stays as it is.
    Put { content: Option<DraftContent>, metadata: Option<Metadata>, reverted_from: Option<i64> },
    /// A tombstone. An asset that isn't there needs none.
    Remove,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub target: Target,
    pub expect: Expect,
    pub action: Action,
}

/// Bytes that an order refers to.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Only contents that are there already.
    Nothing,
    /// A few chunks in memory: they share a pack with those of other orders.
    Loose(Vec<NewChunk>),
    Packed(Packed),
}

/// A change of assets: all of its lines or none.
#[derive(Debug)]
pub(crate) struct Order {
    pub project: ProjectRow,
    pub caller: Caller,
    /// Of the audit entry.
    pub action: &'static str,
    /// Of the audit entry; empty for an order of many lines.
    pub subject: String,
    pub message: String,
    pub drafts: Vec<Draft>,
    pub incoming: Incoming,
    pub contents: Vec<NewContent>,
    /// A dictionary that has just been trained for the project.
    pub dictionary: Option<ChunkId>,
    /// The work item that the versions answer.
    pub item: Option<WorkItemNumber>,
}

/// What a line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Outcome {
    /// A new asset.
    Created,
    /// A new version of an asset.
    Changed,
    /// The latest version has the same content and metadata already: nothing was made.
    Unchanged,
    Removed,
    /// The removal of what wasn't there.
    Absent,
}

/// A line that has been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub outcome: Outcome,
    /// The asset as it is now; `None` when it is absent.
    pub asset: Option<AssetState>,
}

/// An order that has been carried out and is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub at: Timestamp,
    /// In the order of the lines; of a repeated order of many lines only the summary is known.
    pub done: Vec<Done>,
    pub summary: Summary,
}

/// How many lines came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    pub created: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub removed: u64,
    /// Removals of what wasn't there.
    pub absent: u64,
    /// The project's asset revision right before it.
    pub previous_asset_revision: i64,
    /// The project's asset revision after it; the same when nothing changed.
    pub asset_revision: i64,
}

impl Summary {
    pub(crate) fn of(done: &[Done], previous_asset_revision: i64, asset_revision: i64) -> Self {
        let count = |outcome| done.iter().filter(|done| done.outcome == outcome).count() as u64;
        Self {
            created: count(Outcome::Created),
            changed: count(Outcome::Changed),
            unchanged: count(Outcome::Unchanged),
            removed: count(Outcome::Removed),
            absent: count(Outcome::Absent),
            previous_asset_revision,
            asset_revision,
        }
    }
}

/// Why an order was not carried out. Nothing has been changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    #[error("{path} is at version {found}, not at version {expected}; look at it and try again")]
    Stale { path: String, expected: i64, found: i64 },
    #[error("there is an asset at {0} already; choose another path, or leave out If-None-Match to add a version")]
    Exists(String),
    #[error("there is no asset at {0}; check the path")]
    NoAsset(String),
    #[error("{0} has been deleted; bring it back first")]
    Deleted(String),
    #[error("the service is shutting down; try again")]
    Stopped,
    #[error(transparent)]
    Pack(Arc<PackError>),
    #[error(transparent)]
    Access(Arc<AccessError>),
    #[error(transparent)]
    Work(Arc<WorkError>),
    #[error(transparent)]
    Catalog(Arc<CatalogError>),
}

impl Failure for CommitError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Stale { .. } | Self::Exists(_) => FailureKind::Stale,
            Self::NoAsset(_) => FailureKind::NotFound,
            Self::Deleted(_) => FailureKind::Conflict,
            Self::Stopped => FailureKind::Busy,
            Self::Pack(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Work(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

impl From<CatalogError> for CommitError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(Arc::new(error))
    }
}

impl From<PackError> for CommitError {
    fn from(error: PackError) -> Self {
        Self::Pack(Arc::new(error))
    }
}

impl From<WorkError> for CommitError {
    fn from(error: WorkError) -> Self {
        Self::Work(Arc::new(error))
    }
}

impl From<AccessError> for CommitError {
    fn from(error: AccessError) -> Self {
        Self::Access(Arc::new(error))
    }
}

/// The rows of a cut content: none for one that is a single chunk or empty.
pub(crate) fn new_content(cut: CutContent, upload: [u8; 16]) -> Option<NewContent> {
    let has_list = cut.segments_handed_on > 0 || !cut.segments.is_empty();
    has_list.then(|| NewContent {
        id: cut.id,
        size_bytes: cut.size_bytes,
        entered: (cut.segments_handed_on > 0).then_some((upload, cut.segments_handed_on)),
        segments: cut.segments,
    })
}
