//! From stored bytes to wanted bytes: each chunk is decoded, compared with its name and cut to what is wanted.

use std::ops::Range;

use bytes::Bytes;
use quick_cache::sync::Cache;
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::Encoding;

use super::decode::{Decoder, damaged, verify};
use super::error::StoreError;
use super::plan::Span;
use super::reference::References;

/// How many chunks are remembered as checked. An entry takes some 50 bytes.
const CHECKED_CHUNKS_MAX: usize = 1 << 16;

/// The chunks that this process has compared with their names, each in its pack: what lies on a local disk is not
/// hashed again at every read. Bytes that change on the disk afterwards are `fsck`'s to find. What comes over a
/// network is always compared.
pub(super) struct Checked(Option<Cache<[u8; 16], ()>>);

impl Checked {
    /// Remembers nothing: every read is a check.
    pub(super) fn never() -> Self {
        Self(None)
    }

    /// Remembers a bounded number of chunks.
    pub(super) fn remembered() -> Self {
        Self(Some(Cache::new(CHECKED_CHUNKS_MAX)))
    }

    /// Whether the chunk is still to be compared with its name.
    pub(super) fn needs_check(&self, location: &ChunkLocation) -> bool {
        self.0.as_ref().is_none_or(|checked| checked.get(&key(location)).is_none())
    }

    fn note(&self, location: &ChunkLocation) {
        if let Some(checked) = &self.0 {
            checked.insert(key(location), ());
        }
    }
}

/// Half of both names: a chunk that a compaction has moved to another pack is another entry.
fn key(location: &ChunkLocation) -> [u8; 16] {
    let (chunk, pack) = (location.chunk.as_bytes(), location.pack.as_bytes());
    std::array::from_fn(|at| chunk[at] ^ pack[at])
}

/// Turns the stored bytes of a run into what is wanted of it. Raw bytes that are neighbours stay together, so that
/// large media are handed on in few large pieces; nothing raw is copied.
///
/// # Errors
/// `Damaged` for the first chunk that is cut short, cannot be decoded or does not have its name.
pub(super) fn deliver(
    run: &[Span],
    stored: &Bytes,
    references: &References,
    checked: &Checked,
) -> Result<Vec<Bytes>, StoreError> {
    let Some(start) = run.first().map(|span| span.stored.start) else { return Ok(Vec::new()) };
    let mut decoder = Decoder::default();
    let mut wanted = Vec::new();
    let mut raw = 0..0; // raw bytes that wait for their neighbours
    for span in run {
        let location = &span.piece.location;
        let range = (span.stored.start - start) as usize..(span.stored.end - start) as usize;
        if range.end > stored.len() {
            return Err(damaged(location, "its pack is cut short"));
        }
        let inner = span.piece.skip as usize..(span.piece.skip + span.piece.take) as usize;
        if location.encoding == Encoding::Raw {
            let part = if span.is_wanted_itself { range } else { raw_part(location, stored, range, inner, checked)? };
            if raw.end != part.start {
                flush(stored, &mut raw, &mut wanted);
                raw.start = part.start;
            }
            raw.end = part.end;
        } else {
            flush(stored, &mut raw, &mut wanted);
            let reference = location.reference.and_then(|chunk| references.get(&chunk));
            let bytes = decoder.decode(location, stored.slice(range), reference)?;
            check(location, &bytes, checked)?;
            wanted.push(bytes.slice(inner));
        }
    }
    flush(stored, &mut raw, &mut wanted);
    Ok(wanted)
}

/// Checks a raw chunk; gives where its wanted part lies in the run.
fn raw_part(
    location: &ChunkLocation,
    stored: &Bytes,
    range: Range<usize>,
    inner: Range<usize>,
    checked: &Checked,
) -> Result<Range<usize>, StoreError> {
    check(location, &stored[range.clone()], checked)?;
    Ok(range.start + inner.start..range.start + inner.end)
}

/// Compares a chunk with its name, unless that was done before.
///
/// # Errors
/// `Damaged`.
pub(super) fn check(location: &ChunkLocation, bytes: &[u8], checked: &Checked) -> Result<(), StoreError> {
    if checked.needs_check(location) {
        verify(location, bytes)?;
        checked.note(location);
    }
    Ok(())
}

fn flush(stored: &Bytes, raw: &mut Range<usize>, wanted: &mut Vec<Bytes>) {
    if raw.start < raw.end {
        wanted.push(stored.slice(raw.clone()));
    }
    raw.start = raw.end;
}
