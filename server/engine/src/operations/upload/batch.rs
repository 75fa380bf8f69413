//! Uploading many files at once: one tar stream, one transaction, all or nothing.
//!
//! Besides the files themselves, PAX records on an entry say: `SHELFMARK.content` its BLAKE3; `SHELFMARK.known` that
//! the project has that content already and the entry brings no bytes; `SHELFMARK.remove` that the path is removed;
//! `SHELFMARK.metadata` its metadata as JSON.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures::Stream;

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::letter_case;
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::name::{ProjectName, WorkItemNumber};

use super::cutting::CutError;
use super::facts::facts;
use super::order::{Action, CommitError, Draft, DraftContent, Expect, Incoming, Order, Summary, Target, new_content};
use super::packing::PackError;
use super::tar::{TarAction, TarEntry, TarError, TarLimits, read_tar};
use super::transfer::{BodyError, TransferError, transfer};
use crate::Engine;
use crate::catalog::{CatalogError, KnownContent, NewContent, ProjectRow};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::text::{InvalidText, check_text};
use crate::operations::work::{WorkError, check_takes_versions};

/// What came of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchReceipt {
    /// Files in the stream, removals not counted.
    pub files: u64,
    /// Their bytes, known contents included.
    pub bytes: u64,
    pub summary: Summary,
    /// Pairs of paths that differ only in the case of letters, one of them at least a file of the batch. Read right
    /// before the batch takes effect, so that someone's change at the same time may be missing.
    pub case_collisions: Vec<[String; 2]>,
}

/// Why a batch was refused. Nothing of it has been kept.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error(transparent)]
    Tar(#[from] TarError),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error("entry {path} refers to content {content}, which this project does not have; send its bytes")]
    NotKnown { path: String, content: ContentId },
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for BatchError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Tar(error) => error.kind(),
            Self::Text(_) => FailureKind::Invalid,
            Self::NotKnown { .. } => FailureKind::Conflict,
            Self::Access(error) => error.kind(),
            Self::Pack(error) => error.kind(),
            Self::Work(error) => error.kind(),
            Self::Commit(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// Takes a tar stream in and carries all of it out in one transaction; the versions answer `item`, where one is named.
///
/// # Errors
/// See `BatchError`; nothing has been changed.
pub async fn batch(
    engine: &Engine,
    mut caller: Caller,
    project: &ProjectName,
    message: String,
    item: Option<WorkItemNumber>,
    body: impl Stream<Item = Result<Bytes, BodyError>>,
) -> Result<BatchReceipt, BatchError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    check_text("message", &message, engine.limits.text_bytes_max)?;
    if let Some(item) = item {
        check_takes_versions(engine, &caller, &project, item).await?;
    }
    let (entries, incoming, dictionary) = take(engine, &project, body).await?;
    caller.asks_for(&meaning(&entries));
    let case_collisions = case_collisions(engine, &project, &entries).await?;
    let known = known_contents(engine, &project, &entries).await?;
    let bytes = entries.iter().map(|entry| entry_bytes(entry, &known)).sum();
    let contents = entries.iter().filter_map(rows).collect();
    let files = entries.iter().filter(|entry| !matches!(entry.action, TarAction::Remove)).count() as u64;
    let drafts: Result<Vec<Draft>, BatchError> = entries.into_iter().map(|entry| draft(entry, &known)).collect();
    let order = Order {
        project,
        caller,
        action: "assets.imported",
        subject: String::new(),
        message,
        drafts: drafts?,
        incoming,
        contents,
        dictionary,
        item,
    };
    let receipt = engine.committer.carry_out(order).await?;
    Ok(BatchReceipt { files, bytes, summary: receipt.summary, case_collisions })
}

type Taken = (Vec<TarEntry>, Incoming, Option<shelfmark_domain::hash::ChunkId>);

async fn take(
    engine: &Engine,
    project: &ProjectRow,
    body: impl Stream<Item = Result<Bytes, BodyError>>,
) -> Result<Taken, BatchError> {
    let dictionary = engine.packer.dictionary(project).await?;
    let trains = dictionary.is_none();
    let packing = engine.packer.begin(dictionary);
    let limits = TarLimits {
        content_bytes_max: engine.limits.content_bytes_max,
        bytes_max: engine.limits.batch_bytes_max,
        entries_max: engine.limits.batch_entries_max,
    };
    let transferred =
        transfer(body, packing, &engine.chunks, trains, move |body, stages| read_tar(body, &limits, stages)).await;
    let transferred = transferred.map_err(|error| match error {
        TransferError::Pack(error) => BatchError::Pack(error),
        TransferError::Cut(error) => BatchError::Tar(error),
    })?;
    let dictionary = transferred.dictionary.map(|dictionary| dictionary.chunk());
    let packed = transferred.packing.finish().await?;
    Ok((transferred.cut, Incoming::Packed(packed), dictionary))
}

/// A hash of what the entries ask for, whatever their order and whatever else the stream says.
fn meaning(entries: &[TarEntry]) -> [u8; 32] {
    let mut entries: Vec<&TarEntry> = entries.iter().collect();
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let mut hasher = blake3::Hasher::new();
    for TarEntry { path, metadata, action } in entries {
        let content = match action {
            TarAction::Content(cut, _) => cut.id.to_string(),
            TarAction::Known(content) => content.to_string(),
            TarAction::Remove => "removed".to_owned(),
        };
        let metadata = metadata.as_ref().map_or_else(|| "kept".to_owned(), Metadata::to_text);
        for part in [path.as_str(), &content, &metadata] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

async fn case_collisions(
    engine: &Engine,
    project: &ProjectRow,
    entries: &[TarEntry],
) -> Result<Vec<[String; 2]>, CatalogError> {
    let (removed, files): (Vec<&TarEntry>, Vec<&TarEntry>) =
        entries.iter().partition(|entry| matches!(entry.action, TarAction::Remove));
    let removed: HashSet<&str> = removed.iter().map(|entry| entry.path.as_str()).collect();
    let files: Vec<&str> = files.iter().map(|entry| entry.path.as_str()).collect();
    let alike = engine.catalog.paths_alike(project.number, &files).await?;
    let there = alike.iter().map(String::as_str).filter(|path| !removed.contains(path));
    Ok(letter_case::collisions(files.iter().copied().chain(there)))
}

/// What the project already has of the contents that come without bytes.
async fn known_contents(
    engine: &Engine,
    project: &ProjectRow,
    entries: &[TarEntry],
) -> Result<HashMap<ContentId, KnownContent>, CatalogError> {
    let wanted: Vec<ContentId> = entries
        .iter()
        .filter_map(|entry| match &entry.action {
            TarAction::Known(content) => Some(*content),
            TarAction::Content(..) | TarAction::Remove => None,
        })
        .collect();
    let known = engine.catalog.known_contents(project.number, &wanted).await?;
    Ok(known.into_iter().map(|known| (known.content, known)).collect())
}

fn entry_bytes(entry: &TarEntry, known: &HashMap<ContentId, KnownContent>) -> u64 {
    match &entry.action {
        TarAction::Content(cut, _) => cut.size_bytes,
        TarAction::Known(content) => known.get(content).map_or(0, |known| known.size_bytes),
        TarAction::Remove => 0,
    }
}

fn rows(entry: &TarEntry) -> Option<NewContent> {
    match &entry.action {
        TarAction::Content(cut, _) => new_content(cut.clone(), [0; 16]),
        TarAction::Known(_) | TarAction::Remove => None,
    }
}

fn draft(entry: TarEntry, known: &HashMap<ContentId, KnownContent>) -> Result<Draft, BatchError> {
    let TarEntry { path, metadata, action } = entry;
    let content = match action {
        TarAction::Remove => {
            return Ok(Draft { target: Target::Path(path), expect: Expect::Anything, action: Action::Remove });
        }
        TarAction::Content(cut, facts) => {
            let (media_type, dimensions) = (facts.media_type, facts.dimensions);
            DraftContent { id: cut.id, size_bytes: cut.size_bytes, media_type, dimensions }
        }
        TarAction::Known(content) => {
            let Some(known) = known.get(&content) else {
                return Err(BatchError::NotKnown { path: path.to_string(), content });
            };
            // Its first bytes aren't here: the name tells the type, as it does for the version that brought it.
            let media_type = facts(path.as_str(), Some(&known.media_type), &[]).media_type;
            DraftContent { id: content, size_bytes: known.size_bytes, media_type, dimensions: known.dimensions }
        }
    };
    let action = Action::Put { content: Some(content), metadata, reverted_from: None };
    Ok(Draft { target: Target::Path(path), expect: Expect::Anything, action })
}

impl From<CutError> for TarError {
    fn from(error: CutError) -> Self {
        match error {
            CutError::TooLarge(max) => Self::TooLarge(max),
            CutError::Read(error) => Self::Broken(error.to_string()),
            CutError::Stopped => Self::Stopped,
        }
    }
}
