//! Reading single chunks: finding where a chunk is, and the chunks that its decoding needs.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::format::InvalidFormat;
use shelfmark_domain::hash::{ChunkId, ContentId};
use shelfmark_domain::location::ChunkLocation;

use crate::catalog::{Catalog, CatalogError};
use crate::store::{Reference, References, Store, StoreError};

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("content {0} is not in the store")]
    NoContent(ContentId),
    #[error("chunk {0} is not in the store")]
    NoChunk(ChunkId),
    #[error("the stored chunks of content {0} don't add up to it")]
    WrongSize(ContentId),
    #[error(transparent)]
    Format(#[from] InvalidFormat),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ReadError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoContent(_) | Self::NoChunk(_) | Self::WrongSize(_) => FailureKind::Corrupt,
            Self::Format(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// What a cached reference weighs.
#[derive(Clone, Debug)]
struct ReferenceBytes;

impl Weighter<ChunkId, Reference> for ReferenceBytes {
    fn weight(&self, _: &ChunkId, reference: &Reference) -> u64 {
        reference.bytes().len() as u64 + 128
    }
}

/// The way to single chunks.
#[derive(Clone)]
pub struct Chunks {
    catalog: Catalog,
    store: Store,
    references: Arc<Cache<ChunkId, Reference, ReferenceBytes>>,
}

/// How long a chain of references may be when it is followed. Writers keep chains far shorter.
const DEPTH_MAX: u32 = 256;

impl Chunks {
    pub(crate) fn new(catalog: Catalog, store: Store, cache_bytes: u64) -> Self {
        let references = Arc::new(Cache::with_weighter(256, cache_bytes, ReferenceBytes));
        Self { catalog, store, references }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where chunks are, in the given order.
    ///
    /// # Errors
    /// `NoChunk` for the first that is in no pack.
    pub(super) async fn locate(&self, ids: &[ChunkId]) -> Result<Vec<ChunkLocation>, ReadError> {
        let mut wanted: Vec<ChunkId> = ids.to_vec();
        wanted.sort();
        wanted.dedup();
        let found = self.catalog.locate(&wanted).await?;
        ids.iter().map(|id| found.get(id).cloned().ok_or(ReadError::NoChunk(*id))).collect()
    }

    /// The bytes of a chunk.
    ///
    /// # Errors
    /// `NoChunk`, `Store`, `Catalog`.
    pub async fn read(&self, id: ChunkId) -> Result<Bytes, ReadError> {
        self.read_located(id, DEPTH_MAX).await
    }

    /// Reads a chunk where it is, and there again when it was moved in between.
    async fn read_located(&self, id: ChunkId, depth: u32) -> Result<Bytes, ReadError> {
        let mut location = self.locate(&[id]).await?.swap_remove(0);
        loop {
            let references = self.references_of([&location], depth).await?;
            let missing = match self.store.read_chunk(location, references).await {
                Err(StoreError::Missing { pack }) => pack,
                other => return Ok(other?),
            };
            location = self.locate(&[id]).await?.swap_remove(0);
            if location.pack == missing {
                return Err(StoreError::Missing { pack: missing }.into());
            }
        }
    }

    /// A chunk as that against which others are stored.
    ///
    /// # Errors
    /// As `read`.
    pub async fn reference(&self, id: ChunkId) -> Result<Reference, ReadError> {
        self.resolve(id, DEPTH_MAX).await
    }

    /// The references that decoding these chunks needs.
    pub(super) async fn references_for<'l>(
        &self,
        locations: impl IntoIterator<Item = &'l ChunkLocation>,
    ) -> Result<References, ReadError> {
        self.references_of(locations, DEPTH_MAX).await
    }

    async fn references_of<'l>(
        &self,
        locations: impl IntoIterator<Item = &'l ChunkLocation>,
        depth: u32,
    ) -> Result<References, ReadError> {
        let ids: HashSet<ChunkId> = locations.into_iter().filter_map(|location| location.reference).collect();
        let mut references = References::with_capacity(ids.len());
        for id in ids {
            references.insert(id, self.resolve(id, depth).await?);
        }
        Ok(references)
    }

    fn resolve(&self, id: ChunkId, depth: u32) -> BoxFuture<'_, Result<Reference, ReadError>> {
        Box::pin(async move {
            if let Some(reference) = self.references.get(&id) {
                return Ok(reference);
            }
            if depth == 0 {
                return Err(ReadError::NoChunk(id)); // a circle, which no writer makes
            }
            let bytes = self.read_located(id, depth - 1).await?;
            let reference = Reference::new(id, bytes);
            self.references.insert(id, reference.clone());
            Ok(reference)
        })
    }
}
