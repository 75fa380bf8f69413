//! The evidence pack: one archive with all that there is about a release, made so that others can keep it and check it
//! without the service. The same state gives the same bytes, but for the moment of the export.

mod archive;
mod format;
mod gate;
mod history;
mod plan;
mod readme;
mod register;
mod trail;
mod verify;

use std::fs::File;

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use super::error::ClosingError;
use crate::Engine;
use crate::catalog::{CatalogError, ClosingRow, ProjectRow, ReleaseRow};
use crate::operations::contents::chunks::ReadError;
use crate::operations::gate::GateError;
use crate::operations::people::caller::{AccessError, Caller};
use archive::{Archive, Finished};
use format::{FORMAT, LeftOut, PackHead, PackIndex};

pub use verify::{BrokenPack, PackCheck, verify_pack};

/// Rows read at a time.
const ROWS_AT_ONCE: u32 = 1_000;
/// How often a pack is begun again because the release changed meanwhile.
const TRIES: u32 = 3;

/// Why no pack was made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("release {0} changes faster than its evidence can be read; export it when nobody works on it")]
    Restless(ReleaseNumber),
    #[error("the archive can't be written: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Closing(#[from] ClosingError),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for PackError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Restless(_) => FailureKind::Busy,
            Self::Io(_) => FailureKind::Internal,
            Self::Closing(error) => error.kind(),
            Self::Gate(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// A pack that has been made.
#[derive(Debug)]
pub struct Pack {
    /// At its beginning; gone when it is closed.
    pub file: File,
    pub bytes: u64,
    /// The BLAKE3 of its index, which has the hash of each other file.
    pub seal: ContentId,
}

/// What a pack is made of.
struct Source<'a> {
    engine: &'a Engine,
    caller: &'a Caller,
    project: &'a ProjectRow,
    release: &'a ReleaseRow,
    closing: Option<&'a ClosingRow>,
}

impl Source<'_> {
    fn number(&self) -> ReleaseNumber {
        self.release.number
    }

    /// The release's life, so far or whole.
    fn span(&self) -> (Timestamp, Timestamp) {
        let end = self.closing.map_or(Timestamp::from_micros(i64::MAX), |closing| closing.at);
        (self.release.created_at, end)
    }
}

/// Makes the evidence pack of a release.
///
/// # Errors
/// See `PackError`.
pub async fn export_pack(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
) -> Result<Pack, PackError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    for _ in 0..TRIES {
        let (head, hash) = engine.catalog.audit_head().await?;
        let hash = ContentId::from_slice(&hash)
            .ok_or_else(|| CatalogError::Corrupt("an audit head with a hash of a wrong length".to_owned()))?;
        let release = engine.catalog.release(project.number, number).await?;
        let release = release.ok_or(ClosingError::NoRelease(number))?;
        let closing = engine.catalog.closing(project.number, number).await?;
        let source = Source { engine, caller, project: &project, release: &release, closing: closing.as_ref() };
        let Finished { file, bytes, seal } = make(&source, PackHead { sequence: head, hash }).await?;
        let since = (head, i64::MAX);
        let changed = engine.catalog.audit_of_release((project.number, &project.name), number, since, 1).await?;
        if changed.is_empty() {
            return Ok(Pack { file, bytes, seal });
        }
    }
    Err(PackError::Restless(number))
}

async fn make(source: &Source<'_>, head: PackHead) -> Result<Finished, PackError> {
    let mut archive = Archive::start();
    plan::add(source, &mut archive).await?;
    let left_out = register::add(source, &mut archive).await?;
    gate::add(source, &mut archive).await?;
    history::add(source, &mut archive).await?;
    trail::add(source, &mut archive, head).await?;
    let about = readme::text(source, &archive.written, &left_out);
    archive.text("README.md", about).await?;
    let index = PackIndex {
        format: FORMAT.to_owned(),
        project: source.project.name.clone(),
        release: source.number(),
        exported_at: source.caller.now,
        head,
        files: Vec::new(), // the archive knows them
        left_out,
    };
    archive.finish(index).await
}

/// Orders what is left out.
fn sorted(mut left_out: Vec<LeftOut>) -> Vec<LeftOut> {
    left_out.sort_by_key(|one| one.content);
    left_out
}
