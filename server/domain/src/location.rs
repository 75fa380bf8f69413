//! Where a chunk is. Locations are rows: they may change (a pack is compacted) while names never do.

use crate::hash::{ChunkId, PackId};
use crate::pack::Encoding;

/// Where a chunk is stored and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkLocation {
    pub chunk: ChunkId,
    pub pack: PackId,
    /// Where the stored bytes start in the pack.
    pub offset: u64,
    /// How many bytes are stored.
    pub stored_length: u32,
    /// How many bytes the chunk has.
    pub length: u32,
    pub encoding: Encoding,
    /// The chunk whose bytes are needed for decoding.
    pub reference: Option<ChunkId>,
}
