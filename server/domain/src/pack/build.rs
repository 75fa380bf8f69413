//! Filling a pack with chunks.

use std::collections::{HashMap, HashSet};

use super::{ENTRY_BYTES_MAX, Encoding, FOOTER_BYTES, FOOTER_MAGIC, HEADER, ID_BYTES};
use super::{INDEX_HEAD_BYTES_MAX, INDEX_VERSION, PACK_BYTES_MAX, PackEntry};
use crate::format::Writer;
use crate::hash::{ChunkId, PackId};

/// The index of a pack of large chunks takes less than one part in so many of it.
const INDEX_SHARE: usize = 256;

/// Collects chunks into the bytes of one pack.
#[derive(Debug)]
pub struct PackBuilder {
    nonce: [u8; 16],
    bytes: Vec<u8>,
    entries: Vec<PackEntry>,
    chunks: HashSet<ChunkId>,
    references: References,
    /// The entries as the index has them.
    written: Writer,
}

/// The references of a pack, numbered from 1 in the order of their first use.
#[derive(Debug, Default)]
struct References {
    names: Vec<ChunkId>,
    numbers: HashMap<ChunkId, u32>,
}

impl References {
    /// The reference's number, a new one at its first use.
    fn number(&mut self, reference: ChunkId) -> u32 {
        *self.numbers.entry(reference).or_insert_with(|| {
            self.names.push(reference);
            u32::try_from(self.names.len()).expect("the names of a pack's references have less than 4 GiB")
        })
    }
}

impl PackBuilder {
    /// An empty pack. `nonce` is random; `capacity` is how many stored bytes are expected.
    pub fn new(nonce: [u8; 16], capacity: usize) -> Self {
        Self::within(nonce, Vec::with_capacity(capacity.min(PACK_BYTES_MAX) + HEADER.len()))
    }

    /// An empty pack in memory that held another one before; what is in it goes.
    pub fn within(nonce: [u8; 16], mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.extend_from_slice(&HEADER);
        Self {
            nonce,
            bytes,
            entries: Vec::new(),
            chunks: HashSet::new(),
            references: References::default(),
            written: Writer::default(),
        }
    }

    /// Adds a chunk of `length` bytes, whose stored form is `stored`: as many bytes when they are raw. A chunk that
    /// the pack holds already is left as it is.
    pub fn push(&mut self, chunk: ChunkId, stored: &[u8], length: u32, encoding: Encoding, reference: Option<ChunkId>) {
        debug_assert_eq!(encoding.needs_reference(), reference.is_some());
        debug_assert!(encoding != Encoding::Raw || stored.len() == length as usize);
        if !self.chunks.insert(chunk) {
            return;
        }
        let stored_length = u32::try_from(stored.len()).expect("the stored form of a chunk has less than 4 GiB");
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(stored);
        let entry = PackEntry { chunk, offset, stored_length, length, encoding, reference };
        entry.write(&mut self.written, reference.map_or(0, |reference| self.references.number(reference)));
        self.entries.push(entry);
    }

    /// Makes room at once for a pack of `bytes` stored bytes when there is none for `further`. Growing step by step
    /// would hold much of it twice, again and again.
    pub fn grow_to(&mut self, bytes: usize, further: usize) {
        if self.bytes.capacity() - self.bytes.len() < further {
            let index = bytes / INDEX_SHARE;
            let whole = (bytes + index).min(PACK_BYTES_MAX).max(self.bytes.len() + further);
            self.bytes.reserve_exact(whole - self.bytes.len());
        }
    }

    /// The bytes of the stored chunks so far.
    pub fn stored_bytes(&self) -> usize {
        self.bytes.len() - HEADER.len()
    }

    /// Whether a further chunk of so many stored bytes leaves the whole pack within [`PACK_BYTES_MAX`].
    pub fn has_room_for(&self, stored_bytes: usize) -> bool {
        let further = ENTRY_BYTES_MAX + ID_BYTES; // it may bring a reference of its own
        let rest = self.index_bytes_max() + further + FOOTER_BYTES;
        self.bytes.len().saturating_add(stored_bytes).saturating_add(rest) <= PACK_BYTES_MAX
    }

    /// How many chunks the pack holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the pack holds no chunk.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the pack holds this chunk.
    pub fn contains(&self, chunk: &ChunkId) -> bool {
        self.chunks.contains(chunk)
    }

    /// At least what the index has, and at most a few bytes more.
    fn index_bytes_max(&self) -> usize {
        INDEX_HEAD_BYTES_MAX + self.references.names.len() * ID_BYTES + self.written.len()
    }

    /// Appends the index and the footer, and names the pack.
    pub fn seal(self) -> SealedPack {
        let mut index = Writer::with_capacity(self.index_bytes_max());
        index.byte(INDEX_VERSION);
        index.raw(&self.nonce);
        index.count(self.references.names.len());
        for reference in &self.references.names {
            index.raw(reference.as_bytes());
        }
        index.count(self.entries.len());
        index.raw(&self.written.finish());
        let index = index.finish();
        let id = PackId::of(&index);
        let index_length = u32::try_from(index.len()).expect("the index of a pack has less than 4 GiB");
        let mut bytes = self.bytes;
        bytes.reserve_exact(index.len() + FOOTER_BYTES);
        bytes.extend_from_slice(&index);
        bytes.extend_from_slice(&index_length.to_le_bytes());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&FOOTER_MAGIC);
        SealedPack { id, bytes, entries: self.entries }
    }
}

/// A finished pack, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPack {
    pub id: PackId,
    pub bytes: Vec<u8>,
    /// In the order in which the chunks were pushed, which is that of their offsets.
    pub entries: Vec<PackEntry>,
}
