//! Uploading one file: its bytes stream in, and it becomes a version.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::{InvalidMetadata, Metadata};
use shelfmark_domain::name::{ProjectName, WorkItemNumber};
use shelfmark_domain::path::AssetPath;

use super::cutting::{CutContent, CutError, cut_content};
use super::facts::facts;
use super::order::{
    Action, CommitError, Done, Draft, DraftContent, Expect, Incoming, Order, Receipt, Target, new_content,
};
use super::packing::PackError;
use super::transfer::{BodyError, TransferError, transfer};
use crate::Engine;
use crate::catalog::{NewContent, ProjectRow};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::text::{InvalidText, check_text};
use crate::operations::work::{WorkError, check_takes_versions};
use crate::store::Compressor;

/// Bodies up to this size are taken as a whole and stored together with others that come at the same time, in bytes.
pub(crate) const LOOSE_BYTES_MAX: usize = 256 << 10;

/// What to upload, besides its bytes.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// How many bytes the sender has announced.
    pub length: Option<u64>,
    /// The name that the sender has announced.
    pub content: Option<ContentId>,
    /// What the sender says it is; believed only when nothing else tells.
    pub media_type: Option<String>,
    /// `None` keeps the metadata of the version before.
    pub metadata: Option<Metadata>,
    pub message: String,
    pub expect: Expect,
    /// The work item that the version answers.
    pub item: Option<WorkItemNumber>,
}

/// Why an upload made no version. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    #[error("{announced} bytes were announced, but {came} came; send all of them")]
    WrongLength { announced: u64, came: u64 },
    #[error("the content was announced as {announced}, but is {came}; send it again, or correct the announced BLAKE3")]
    WrongContent { announced: ContentId, came: ContentId },
    #[error("the content is larger than {0} bytes, the most that is accepted")]
    TooLarge(u64),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Failure for PutError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::WrongLength { .. }
            | Self::WrongContent { .. }
            | Self::Text(_)
            | Self::Metadata(_)
            | Self::Body(_) => FailureKind::Invalid,
            Self::TooLarge(_) => FailureKind::TooLarge,
            Self::Access(error) => error.kind(),
            Self::Pack(error) => error.kind(),
            Self::Work(error) => error.kind(),
            Self::Commit(error) => error.kind(),
        }
    }
}

/// An upload's bytes, stored or in memory.
struct Taken {
    cut: CutContent,
    incoming: Incoming,
    contents: Vec<NewContent>,
}

/// Takes a body in and makes it the next version at the path, or the first one of a new asset. The version is durable
/// when this returns. Bytes and metadata equal to the latest version's make no new one.
///
/// # Errors
/// See `PutError`; nothing has been changed.
pub async fn put(
    engine: &Engine,
    mut caller: Caller,
    project: &ProjectName,
    path: AssetPath,
    upload: Upload,
    body: impl Stream<Item = Result<Bytes, BodyError>>,
) -> Result<(Receipt, Done), PutError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    let limits = &engine.limits;
    check_text("message", &upload.message, limits.text_bytes_max)?;
    let metadata = upload.metadata.clone().map(Metadata::checked).transpose()?;
    if upload.length.is_some_and(|length| length > limits.content_bytes_max) {
        return Err(PutError::TooLarge(limits.content_bytes_max));
    }
    if let Some(item) = upload.item {
        check_takes_versions(engine, &caller, &project, item).await?;
    }
    let taken = take(engine, &project, upload.length, body).await?;
    check_announced(&upload, &taken.cut)?;
    caller.asks_for(taken.cut.id.as_bytes());
    let facts = facts(path.as_str(), upload.media_type.as_deref(), &taken.cut.head);
    let content = DraftContent {
        id: taken.cut.id,
        size_bytes: taken.cut.size_bytes,
        media_type: facts.media_type,
        dimensions: facts.dimensions,
    };
    let subject = path.to_string();
    let draft = Draft {
        target: Target::Path(path),
        expect: upload.expect,
        action: Action::Put { content: Some(content), metadata, reverted_from: None },
    };
    let order = Order {
        project,
        caller,
        action: "asset.put",
        subject,
        message: upload.message,
        drafts: vec![draft],
        incoming: taken.incoming,
        contents: taken.contents,
        dictionary: None,
        item: upload.item,
    };
    let mut receipt = engine.committer.carry_out(order).await?;
    let done = receipt.done.pop().ok_or(CommitError::Stopped)?;
    Ok((receipt, done))
}

fn check_announced(upload: &Upload, cut: &CutContent) -> Result<(), PutError> {
    if let Some(announced) = upload.length.filter(|length| *length != cut.size_bytes) {
        return Err(PutError::WrongLength { announced, came: cut.size_bytes });
    }
    match upload.content {
        Some(announced) if announced != cut.id => Err(PutError::WrongContent { announced, came: cut.id }),
        _ => Ok(()),
    }
}

async fn take(
    engine: &Engine,
    project: &ProjectRow,
    length: Option<u64>,
    body: impl Stream<Item = Result<Bytes, BodyError>>,
) -> Result<Taken, PutError> {
    futures::pin_mut!(body);
    let mut start = BytesMut::new();
    if length.is_none_or(|length| length <= LOOSE_BYTES_MAX as u64) {
        loop {
            match body.next().await.transpose()? {
                None => return loose(engine, start.freeze()),
                Some(bytes) => start.extend_from_slice(&bytes),
            }
            if start.len() > LOOSE_BYTES_MAX {
                break;
            }
        }
    }
    let start = futures::stream::iter([Ok(start.freeze())]);
    stream(engine, project, start.chain(body)).await
}

/// Cuts a small body on the spot: that takes less time than handing it to another thread.
fn loose(engine: &Engine, body: Bytes) -> Result<Taken, PutError> {
    let mut chunks = Vec::new();
    let mut sink = |piece| {
        if let super::cutting::Piece::Chunk(chunk) = piece {
            chunks.push(chunk);
        }
        Ok(())
    };
    let max = engine.limits.content_bytes_max;
    let cut = cut_content(&mut &body[..], max, false, &mut Compressor::default(), &mut sink).map_err(put_error)?;
    let contents = new_content(cut.clone(), [0; 16]).into_iter().collect();
    Ok(Taken { cut, incoming: Incoming::Loose(chunks), contents })
}

async fn stream(
    engine: &Engine,
    project: &ProjectRow,
    body: impl Stream<Item = Result<Bytes, BodyError>>,
) -> Result<Taken, PutError> {
    let dictionary = engine.packer.dictionary(project).await?;
    let packing = engine.packer.begin(dictionary);
    let upload = packing.upload();
    let max = engine.limits.content_bytes_max;
    let transferred = transfer(body, packing, &engine.chunks, false, move |mut body, stages| {
        cut_content(&mut body, max, true, &mut Compressor::default(), &mut |piece| stages.put(piece))
    })
    .await;
    let transferred = transferred.map_err(|error| match error {
        TransferError::Pack(error) => PutError::Pack(error),
        TransferError::Cut(error) => put_error(error),
    })?;
    let contents = new_content(transferred.cut.clone(), upload).into_iter().collect();
    Ok(Taken { cut: transferred.cut, incoming: Incoming::Packed(transferred.packing.finish().await?), contents })
}

fn put_error(error: CutError) -> PutError {
    match error {
        CutError::TooLarge(max) => PutError::TooLarge(max),
        CutError::Read(error) => PutError::Body(BodyError(error.to_string())),
        CutError::Stopped => PutError::Pack(PackError::Interrupted),
    }
}
