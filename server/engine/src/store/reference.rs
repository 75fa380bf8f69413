//! What chunks are compressed against: a near relative (its bytes stand before the chunk's own) or a trained
//! dictionary. Finding a reference needs rows, so callers supply the bytes.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use shelfmark_domain::hash::ChunkId;
use zstd::zstd_safe::{CDict, DDict};

/// The references of the chunks that are to be read, by name.
pub type References = HashMap<ChunkId, Reference>;

/// The bytes of a chunk that others are compressed against. Cheap to clone; what zstd prepares from a dictionary is
/// made at the first use and shared by all clones.
#[derive(Clone)]
pub struct Reference(Arc<Prepared>);

struct Prepared {
    chunk: ChunkId,
    bytes: Bytes,
    /// For the level that was asked for first.
    compressing: OnceLock<Option<(i32, CDict<'static>)>>,
    decompressing: OnceLock<Option<DDict<'static>>>,
}

impl Reference {
    /// A reference with these decoded bytes, which the caller knows to be the chunk's.
    pub fn new(chunk: ChunkId, bytes: Bytes) -> Self {
        let (compressing, decompressing) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Prepared { chunk, bytes, compressing, decompressing }))
    }

    /// The chunk whose bytes these are.
    pub fn chunk(&self) -> ChunkId {
        self.0.chunk
    }

    /// The decoded bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// The dictionary prepared for compressing at the level; `None` when the bytes are not one, or when it is
    /// prepared for another level already: the levels of one dictionary do not vary in practice.
    pub(super) fn compressing(&self, level: i32) -> Option<&CDict<'static>> {
        let prepare = || Some((level, CDict::try_create(self.bytes(), level)?));
        let (prepared_level, prepared) = self.0.compressing.get_or_init(prepare).as_ref()?;
        (*prepared_level == level).then_some(prepared)
    }

    /// The dictionary prepared for decompressing; `None` when the bytes are not one.
    pub(super) fn decompressing(&self) -> Option<&DDict<'static>> {
        self.0.decompressing.get_or_init(|| DDict::try_create(self.bytes())).as_ref()
    }
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reference").field("chunk", &self.chunk()).field("bytes", &self.bytes().len()).finish()
    }
}
