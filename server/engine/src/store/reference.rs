//! What chunks are compressed against: a near relative (its bytes stand before the chunk's own) or a trained
//! dictionary. Finding a reference needs rows, so callers supply the bytes.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use shelfmark_domain::hash::ChunkId;
use zstd::zstd_safe::{CDict, DDict, MAGIC_DICTIONARY};

/// The references of the chunks that are to be read, by name.
pub type References = HashMap<ChunkId, Reference>;

/// The bytes of a chunk that others are compressed against. Cheap to clone; what zstd prepares from a dictionary is
/// made at the first use and shared by all clones.
#[derive(Clone)]
pub struct Reference(Arc<Prepared>);

struct Prepared {
    chunk: ChunkId,
    bytes: Bytes,
    /// By level, of which a process uses one or two.
    compressing: Mutex<Vec<(i32, Arc<CDict<'static>>)>>,
    decompressing: OnceLock<Option<DDict<'static>>>,
}

impl Reference {
    /// A reference with these decoded bytes, which the caller knows to be the chunk's.
    pub fn new(chunk: ChunkId, bytes: Bytes) -> Self {
        let (compressing, decompressing) = (Mutex::default(), OnceLock::new());
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

    /// The dictionary prepared for compressing at the level; `None` when the bytes are not one.
    pub(super) fn compressing(&self, level: i32) -> Option<Arc<CDict<'static>>> {
        let mut prepared = self.0.compressing.lock();
        if let Some((_, dictionary)) = prepared.iter().find(|(of, _)| *of == level) {
            return Some(dictionary.clone());
        }
        let dictionary = Arc::new(CDict::try_create(self.bytes(), level)?);
        prepared.push((level, dictionary.clone()));
        Some(dictionary)
    }

    /// The dictionary prepared for decompressing; `None` when the bytes are not one.
    pub(super) fn decompressing(&self) -> Option<&DDict<'static>> {
        self.0.decompressing.get_or_init(|| DDict::try_create(self.bytes())).as_ref()
    }
}

/// Whether bytes look like a trained dictionary. zstd's shorter ways take a prefix that does for one.
pub(super) fn looks_like_dictionary(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC_DICTIONARY.to_le_bytes())
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reference").field("chunk", &self.chunk()).field("bytes", &self.bytes().len()).finish()
    }
}
