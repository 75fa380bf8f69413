//! Reading single chunks: finding where a chunk is, and the chunks that its decoding needs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
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
/// The most chunks that are read at the same time.
const READS_MAX: usize = 16;

impl Chunks {
    pub(crate) fn new(catalog: Catalog, store: Store, cache_bytes: u64) -> Self {
        let references = Arc::new(Cache::with_weighter(256, cache_bytes, ReferenceBytes));
        Self { catalog, store, references }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where chunks are, in the given order.
    ///
    /// # Errors
    /// `NoChunk` for the first that is in no pack.
    pub(crate) async fn locate(&self, ids: &[ChunkId]) -> Result<Vec<ChunkLocation>, ReadError> {
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
        Ok(self.read_all(&[id]).await?.swap_remove(0))
    }

    /// The bytes of several chunks, in the given order, with one question to the catalog for all of them.
    ///
    /// # Errors
    /// As `read`.
    pub async fn read_all(&self, ids: &[ChunkId]) -> Result<Vec<Bytes>, ReadError> {
        let remembered = ids.iter().filter_map(|id| self.references.get(id));
        let mut read: HashMap<ChunkId, Bytes> = remembered.map(|one| (one.chunk(), one.bytes().clone())).collect();
        let missing: Vec<ChunkId> = ids.iter().filter(|id| !read.contains_key(id)).copied().collect();
        let locations = self.locate(&missing).await?;
        let references = self.references_of(&locations).await?;
        let reads = locations.into_iter().map(|location| {
            let (id, read) = (location.chunk, self.read_located(location, &references));
            async move { Ok::<_, ReadError>((id, read.await?)) }
        });
        let found: Vec<(ChunkId, Bytes)> = stream::iter(reads).buffer_unordered(READS_MAX).try_collect().await?;
        read.extend(found);
        ids.iter().map(|id| read.get(id).cloned().ok_or(ReadError::NoChunk(*id))).collect()
    }

    /// Reads a chunk where it is, and there again when it was moved in between. `known` may have the reference that
    /// its decoding needs.
    async fn read_located(&self, mut location: ChunkLocation, known: &References) -> Result<Bytes, ReadError> {
        let id = location.chunk;
        loop {
            let mut references = References::new();
            if let Some(reference) = location.reference {
                references = match known.get(&reference) {
                    Some(known) => [(reference, known.clone())].into(),
                    None => Box::pin(self.resolve([reference].into())).await?,
                };
            }
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
        Ok(self.references(&[id]).await?.swap_remove(0))
    }

    /// The references that decoding these chunks needs.
    pub(crate) async fn references_for<'l>(
        &self,
        locations: impl IntoIterator<Item = &'l ChunkLocation>,
    ) -> Result<References, ReadError> {
        self.references_of(locations).await
    }

    /// Chunks as those against which others are stored, in the given order. Each link of their chains of references
    /// costs one question to the catalog for all of them together.
    ///
    /// # Errors
    /// As `read`.
    pub async fn references(&self, ids: &[ChunkId]) -> Result<Vec<Reference>, ReadError> {
        let found = self.resolve(ids.iter().copied().collect()).await?;
        ids.iter().map(|id| found.get(id).cloned().ok_or(ReadError::NoChunk(*id))).collect()
    }

    /// Remembers a chunk that has just been made, as others will soon be stored against it.
    pub(crate) fn keep_reference(&self, id: ChunkId, bytes: Bytes) {
        self.references.insert(id, Reference::new(id, bytes));
    }

    async fn references_of<'l>(
        &self,
        locations: impl IntoIterator<Item = &'l ChunkLocation>,
    ) -> Result<References, ReadError> {
        self.resolve(locations.into_iter().filter_map(|location| location.reference).collect()).await
    }

    /// Follows the chains to their ends, then reads them from the ends on.
    async fn resolve(&self, mut wanted: HashSet<ChunkId>) -> Result<References, ReadError> {
        let mut resolved = References::with_capacity(wanted.len());
        let mut links = Vec::new();
        for _ in 0..DEPTH_MAX {
            for reference in wanted.iter().filter_map(|id| self.references.get(id)) {
                resolved.insert(reference.chunk(), reference);
            }
            wanted.retain(|id| !resolved.contains_key(id));
            if wanted.is_empty() {
                break;
            }
            let locations = self.locate(&wanted.iter().copied().collect::<Vec<_>>()).await?;
            wanted = locations.iter().filter_map(|location| location.reference).collect();
            links.push(locations);
        }
        if let Some(id) = wanted.into_iter().next() {
            return Err(ReadError::NoChunk(id)); // a circle, which no writer makes
        }
        while let Some(locations) = links.pop() {
            let reads = locations.into_iter().map(|location| self.read_reference(location, &resolved));
            let read: Vec<Reference> = stream::iter(reads).buffer_unordered(READS_MAX).try_collect().await?;
            resolved.extend(read.into_iter().map(|reference| (reference.chunk(), reference)));
        }
        Ok(resolved)
    }

    async fn read_reference(&self, location: ChunkLocation, resolved: &References) -> Result<Reference, ReadError> {
        let id = location.chunk;
        let reference = Reference::new(id, self.read_located(location, resolved).await?);
        self.references.insert(id, reference.clone());
        Ok(reference)
    }
}
