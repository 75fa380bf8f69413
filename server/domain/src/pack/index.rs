//! Reading what a pack holds out of its tail.

use std::collections::HashSet;

use super::{ENTRY_BYTES_MIN, FOOTER_BYTES, FOOTER_MAGIC, FORMAT, HEADER, ID_BYTES, INDEX_VERSION, PackEntry};
use crate::failure::{Failure, FailureKind};
use crate::format::{InvalidFormat, Reader};
use crate::hash::{ChunkId, PackId};

/// What a pack says it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackIndex {
    pub id: PackId,
    pub nonce: [u8; 16],
    /// In the order of their offsets.
    pub entries: Vec<PackEntry>,
}

/// Why an index could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadIndexError {
    /// The tail is shorter than footer and index. Not a fault: ask again with at least so many bytes of tail.
    #[error("the last {0} bytes of the pack are needed to read its index")]
    NeedsMore(usize),
    #[error(transparent)]
    Invalid(#[from] InvalidFormat),
}

impl Failure for ReadIndexError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NeedsMore(_) => FailureKind::Internal,
            Self::Invalid(invalid) => invalid.kind(),
        }
    }
}

/// Reads the index out of the last `tail.len()` bytes of a pack that has `pack_bytes` bytes.
///
/// # Errors
/// `NeedsMore(n)` when at least the last `n` bytes are needed; `n` is never more than the pack has. `Invalid` when
/// the bytes are no pack's, or the index is not the one that the footer names.
pub fn read_index(tail: &[u8], pack_bytes: u64) -> Result<PackIndex, ReadIndexError> {
    let cut_short = InvalidFormat::CutShort { format: FORMAT };
    let broken = |what| InvalidFormat::Broken { format: FORMAT, what };
    if pack_bytes < (HEADER.len() + FOOTER_BYTES) as u64 {
        return Err(cut_short.into());
    }
    if tail.len() as u64 > pack_bytes {
        return Err(InvalidFormat::TrailingBytes { format: FORMAT, bytes: tail.len() }.into());
    }
    let Some((before, footer)) = tail.split_last_chunk::<FOOTER_BYTES>() else {
        return Err(ReadIndexError::NeedsMore(FOOTER_BYTES));
    };
    let mut footer = Reader::new(FORMAT, footer);
    let index_length = u32::from_le_bytes(footer.array()?) as usize;
    let id = PackId::from_bytes(footer.array()?);
    if footer.array()? != FOOTER_MAGIC {
        return Err(broken("its footer is not a pack's").into());
    }
    let Some(index_at) = (pack_bytes - FOOTER_BYTES as u64).checked_sub(index_length as u64) else {
        return Err(cut_short.into());
    };
    if index_at < HEADER.len() as u64 {
        return Err(cut_short.into());
    }
    let Some((start, index)) = before.len().checked_sub(index_length).map(|at| before.split_at(at)) else {
        return Err(ReadIndexError::NeedsMore(index_length + FOOTER_BYTES));
    };
    if PackId::of(index) != id {
        return Err(broken("its index is not the one that its footer names").into());
    }
    if tail.len() as u64 == pack_bytes && !start.starts_with(&HEADER) {
        return Err(broken("its header is not a pack's").into());
    }
    let (nonce, entries) = parse_index(index, index_at)?;
    Ok(PackIndex { id, nonce, entries })
}

/// Reads an index that starts at `index_at`, up to which the chunks reach without a gap.
pub(super) fn parse_index(bytes: &[u8], index_at: u64) -> Result<([u8; 16], Vec<PackEntry>), InvalidFormat> {
    let mut index = Reader::new("index of a pack", bytes);
    index.version(INDEX_VERSION)?;
    let nonce = index.array()?;
    let references = parse_references(&mut index)?;
    let count = index.count(ENTRY_BYTES_MIN)?;
    let mut entries = Vec::with_capacity(count);
    let mut chunks = HashSet::with_capacity(count);
    let mut used = 0;
    let mut end = HEADER.len() as u64;
    for _ in 0..count {
        let (entry, reference) = PackEntry::read(&mut index, end, &references)?;
        if reference > used + 1 {
            return Err(index.broken("its references are not in the order of their first use"));
        }
        if !chunks.insert(entry.chunk) {
            return Err(index.broken("it names a chunk twice"));
        }
        used = used.max(reference);
        end += u64::from(entry.stored_length); // at most 2^32 entries of 2^32 bytes each: no overflow
        entries.push(entry);
    }
    if used != references.len() {
        return Err(index.broken("no chunk uses one of its references"));
    }
    if end != index_at {
        return Err(index.broken("its chunks do not reach from the header to the index"));
    }
    index.finish()?;
    Ok((nonce, entries))
}

/// Takes the table of references.
fn parse_references(index: &mut Reader<'_>) -> Result<Vec<ChunkId>, InvalidFormat> {
    let count = index.count(ID_BYTES)?;
    let mut references = Vec::with_capacity(count);
    let mut distinct = HashSet::with_capacity(count);
    for _ in 0..count {
        let reference = index.chunk_id()?;
        if !distinct.insert(reference) {
            return Err(index.broken("it names a reference twice"));
        }
        references.push(reference);
    }
    Ok(references)
}
