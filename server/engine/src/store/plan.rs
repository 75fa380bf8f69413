//! What is read, in which order, and in how many reads: pieces become spans of stored bytes, neighbours become runs
//! that are one read each, and runs are cut into batches that bound the memory.

use std::ops::Range;

use shelfmark_domain::hash::PackId;
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::Encoding;

use super::decode::damaged;
use super::error::StoreError;

/// How many bytes are read, checked and handed on at a time, unless a single chunk has more.
pub(super) const BATCH_BYTES: u64 = 256 << 10;

/// A part of a chunk that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub location: ChunkLocation,
    /// How many of the chunk's bytes come before the wanted ones.
    pub skip: u32,
    /// How many bytes are wanted.
    pub take: u32,
}

impl Piece {
    /// All of a chunk.
    pub fn whole(location: ChunkLocation) -> Self {
        let take = location.length;
        Self { location, skip: 0, take }
    }
}

/// The stored bytes that are read for a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) piece: Piece,
    /// Where they lie in the pack.
    pub(super) stored: Range<u64>,
    /// Whether they are the wanted bytes themselves, of a chunk that needs no check.
    pub(super) is_wanted_itself: bool,
}

/// Turns pieces into spans. Of a raw chunk that needs no check only the wanted part is read.
///
/// # Errors
/// `Damaged` when a location contradicts itself or is shorter than what is wanted of it.
pub(super) fn spans(pieces: Vec<Piece>, needs_check: impl Fn(&ChunkLocation) -> bool) -> Result<Vec<Span>, StoreError> {
    let wanted = pieces.into_iter().filter(|piece| piece.take > 0);
    wanted.map(|piece| span(piece, &needs_check)).collect()
}

fn span(piece: Piece, needs_check: impl Fn(&ChunkLocation) -> bool) -> Result<Span, StoreError> {
    let at = &piece.location;
    let (skip, take) = (u64::from(piece.skip), u64::from(piece.take));
    if skip + take > u64::from(at.length) {
        return Err(damaged(at, "it is shorter than what is wanted of it"));
    }
    if at.encoding == Encoding::Raw && at.stored_length != at.length {
        return Err(damaged(at, "it is stored raw with another length"));
    }
    let end = at.offset.checked_add(u64::from(at.stored_length)).ok_or_else(|| damaged(at, "it lies nowhere"))?;
    let is_wanted_itself = at.encoding == Encoding::Raw && !needs_check(at);
    let stored = if is_wanted_itself { at.offset + skip..at.offset + skip + take } else { at.offset..end };
    Ok(Span { piece, stored, is_wanted_itself })
}

/// Cuts spans where the stored bytes of one do not follow those of the one before, or lie in another pack.
pub(super) fn runs(spans: &[Span]) -> impl Iterator<Item = &[Span]> {
    spans.chunk_by(|one, next| {
        one.piece.location.pack == next.piece.location.pack && one.stored.end == next.stored.start
    })
}

/// Where a run lies.
pub(super) fn run_range(run: &[Span]) -> Option<(PackId, Range<u64>)> {
    let (first, last) = (run.first()?, run.last()?);
    Some((first.piece.location.pack, first.stored.start..last.stored.end))
}

/// Cuts spans into batches of at most `BATCH_BYTES`, stored or decoded, and at least one span.
pub(super) fn batches(spans: Vec<Span>) -> Vec<Vec<Span>> {
    let mut batches: Vec<Vec<Span>> = Vec::new();
    let mut room = 0;
    for span in spans {
        let bytes = (span.stored.end - span.stored.start).max(u64::from(span.piece.take));
        match batches.last_mut() {
            Some(batch) if bytes <= room => {
                room -= bytes;
                batch.push(span);
            }
            _ => {
                room = BATCH_BYTES.saturating_sub(bytes);
                batches.push(vec![span]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use shelfmark_domain::hash::ChunkId;

    fn raw(pack: u8, offset: u64, length: u32) -> ChunkLocation {
        ChunkLocation {
            chunk: ChunkId::of(&offset.to_le_bytes()),
            pack: PackId::of(&[pack]),
            offset,
            stored_length: length,
            length,
            encoding: Encoding::Raw,
            reference: None,
        }
    }

    /// The first and the last offset of each read.
    fn plan(pieces: Vec<Piece>, needs_check: bool) -> Vec<(u64, u64)> {
        let spans = spans(pieces, |_| needs_check).unwrap();
        runs(&spans).map(|run| run_range(run).unwrap().1).map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn neighbours_are_one_read_and_others_are_not() {
        let whole = |at: ChunkLocation| Piece::whole(at);
        let pieces = vec![whole(raw(1, 5, 10)), whole(raw(1, 15, 20)), whole(raw(1, 40, 5)), whole(raw(2, 45, 5))];
        assert_eq!(plan(pieces, true), [(5, 35), (40, 45), (45, 50)]);
        assert_eq!(plan(vec![whole(raw(1, 15, 20)), whole(raw(1, 5, 10))], true).len(), 2);
    }

    #[test]
    fn only_the_wanted_part_of_a_raw_chunk_is_read_unless_it_is_to_be_checked() {
        let edges = vec![
            Piece { location: raw(1, 5, 10), skip: 4, take: 6 },
            Piece { location: raw(1, 15, 20), skip: 0, take: 3 },
        ];
        assert_eq!(plan(edges.clone(), false), [(9, 18)]);
        assert_eq!(plan(edges, true), [(5, 35)]);
    }

    #[test]
    fn a_location_that_contradicts_itself_is_refused() {
        let beyond = Piece { location: raw(1, 5, 10), skip: u32::MAX, take: u32::MAX };
        let mut two_lengths = Piece::whole(raw(1, 5, 10));
        two_lengths.location.stored_length = 9;
        let nowhere = Piece::whole(raw(1, u64::MAX, 10));
        for piece in [beyond, two_lengths, nowhere] {
            assert!(matches!(spans(vec![piece], |_| true), Err(StoreError::Damaged { .. })));
        }
    }

    #[test]
    fn batches_bound_the_memory_and_lose_nothing() {
        let half = (BATCH_BYTES / 2) as u32;
        let lengths = [half, half, 1, half * 3, 1, half];
        let pieces = lengths.iter().map(|&length| Piece::whole(raw(1, 5, length))).collect();
        let batches = batches(spans(pieces, |_| true).unwrap());
        let counts: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1, 1, 2]);
    }
}
