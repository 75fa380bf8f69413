//! The parts of a running service, put together once.

use std::sync::Arc;

use crate::catalog::{Catalog, CatalogError};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::operations::{Chunks, Committer, Contents, Manifests, PackMemory, Packer, Pointers, Publications};
use crate::store::Store;

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineParts {
    pub catalog: Catalog,
    pub store: Store,
    pub clock: Clock,
    pub limits: Limits,
}

/// Everything that operations need. Cheap to clone; clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub catalog: Catalog,
    pub store: Store,
    pub clock: Clock,
    pub limits: Arc<Limits>,
    pub chunks: Chunks,
    pub contents: Contents,
    pub manifests: Manifests,
    pub pointers: Pointers,
    pub publications: Publications,
    pub(crate) packer: Packer,
    pub(crate) committer: Committer,
}

impl Engine {
    /// Puts the parts together, starts the committer on the present runtime, and reads the environments' pointers.
    ///
    /// # Errors
    /// When the pointers can't be read.
    pub async fn start(parts: EngineParts) -> Result<Self, CatalogError> {
        let EngineParts { catalog, store, clock, limits } = parts;
        let limits = Arc::new(limits);
        let chunks = Chunks::new(catalog.clone(), store.clone(), limits.memory_nodes_bytes / 2);
        let memory = PackMemory::new(limits.pack_memory_bytes);
        let packer = Packer { chunks: chunks.clone(), clock: clock.clone(), limits: limits.clone(), memory };
        let pointers = Pointers::new(catalog.clone());
        pointers.refresh().await?;
        Ok(Self {
            contents: Contents::new(chunks.clone(), &limits),
            manifests: Manifests::new(chunks.clone(), limits.memory_nodes_bytes),
            committer: Committer::start(packer.clone()),
            pointers,
            publications: Publications::default(),
            packer,
            chunks,
            catalog,
            store,
            clock,
            limits,
        })
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("catalog", &self.catalog).field("store", &self.store).finish_non_exhaustive()
    }
}
