//! Reading contents: whole or in ranges, small ones from memory. The bytes are right or there is an error: each chunk
//! is compared with its name before its bytes are handed on.

pub(super) mod chunks;
pub(super) mod published;
pub(super) mod reading;
pub(super) mod sendable;

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use shelfmark_domain::chunk_list::decode_segment;
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::location::ChunkLocation;

use crate::limits::Limits;
use crate::operations::contents::chunks::{Chunks, ReadError};
use crate::store::{Piece, Store};

/// Contents up to this size are always sent from memory, in bytes: handing over a file costs more than copying them.
pub(super) const COPIED_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a content in order.
pub type ContentStream = BoxStream<'static, Result<Bytes, ReadError>>;

/// Where a content's chunks are: all of them, or one segment of a long list.
#[derive(Debug)]
pub(super) struct Segment {
    /// Offset of each chunk in the content, and where it is stored.
    chunks: Vec<(u64, ChunkLocation)>,
    /// Offset of the byte after the last chunk.
    end: u64,
}

impl Segment {
    /// Where its first byte is in the content.
    pub(super) fn start(&self) -> u64 {
        self.chunks.first().map_or(self.end, |(start, _)| *start)
    }

    /// The chunks that a range touches.
    fn within(&self, range: &Range<u64>) -> &[(u64, ChunkLocation)] {
        let from = self.chunks.partition_point(|(start, location)| start + u64::from(location.length) <= range.start);
        let until = self.chunks.partition_point(|(start, _)| *start < range.end);
        self.chunks.get(from..until).unwrap_or_default()
    }
}

/// One segment of a content's chunk list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// How many segments the content has; 0 for a content that is a single chunk and has no list.
    count: u32,
    position: u32,
}

#[derive(Clone, Debug)]
struct SegmentBytes;

impl Weighter<(ContentId, u32), Arc<Segment>> for SegmentBytes {
    fn weight(&self, _: &(ContentId, u32), segment: &Arc<Segment>) -> u64 {
        (segment.chunks.len() * 160 + 128) as u64
    }
}

#[derive(Clone, Debug)]
struct StartBytes;

impl Weighter<ContentId, Arc<[u64]>> for StartBytes {
    fn weight(&self, _: &ContentId, starts: &Arc<[u64]>) -> u64 {
        (starts.len() * 8 + 128) as u64
    }
}

#[derive(Clone, Debug)]
struct ContentBytes;

impl Weighter<ContentId, Bytes> for ContentBytes {
    fn weight(&self, _: &ContentId, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 128
    }
}

/// The way to contents.
#[derive(Clone)]
pub struct Contents {
    chunks: Chunks,
    segments: Arc<Cache<(ContentId, u32), Arc<Segment>, SegmentBytes>>,
    /// Where the segments begin, of contents that have been read; nothing for a content that is a single chunk.
    starts: Arc<Cache<ContentId, Arc<[u64]>, StartBytes>>,
    in_memory: Arc<Cache<ContentId, Bytes, ContentBytes>>,
    in_memory_bytes_max: u64,
}

impl Contents {
    pub(crate) fn new(chunks: Chunks, limits: &Limits) -> Self {
        Self {
            chunks,
            segments: Arc::new(Cache::with_weighter(10_000, limits.memory_nodes_bytes / 2, SegmentBytes)),
            starts: Arc::new(Cache::with_weighter(10_000, limits.memory_nodes_bytes / 8, StartBytes)),
            in_memory: Arc::new(Cache::with_weighter(10_000, limits.memory_contents_bytes, ContentBytes)),
            in_memory_bytes_max: limits.memory_content_bytes_max,
        }
    }

    /// Whether a content of this size is kept in memory once it is read.
    pub(super) fn is_small(&self, size_bytes: u64) -> bool {
        size_bytes <= self.in_memory_bytes_max
    }

    /// A whole content; many who ask at once wait for one reading. It is kept in memory, unless it can be sent from
    /// files from now on.
    ///
    /// # Errors
    /// As `read`.
    pub(super) async fn whole(&self, id: ContentId, size_bytes: u64) -> Result<Bytes, ReadError> {
        match self.in_memory.get_value_or_guard_async(&id).await {
            Ok(bytes) => Ok(bytes),
            Err(guard) => {
                let bytes = self.gather(id, size_bytes).await?;
                let is_copied = size_bytes <= COPIED_BYTES_MAX;
                if is_copied || self.stretches(id, &(0..size_bytes)).await?.is_none() {
                    let _ = guard.insert(bytes.clone()); // fails only when it was removed meanwhile
                }
                Ok(bytes)
            }
        }
    }

    async fn gather(&self, id: ContentId, size_bytes: u64) -> Result<Bytes, ReadError> {
        let mut parts: Vec<Bytes> = self.read(id, 0..size_bytes).try_collect().await?;
        let length: usize = parts.iter().map(Bytes::len).sum();
        if length as u64 != size_bytes {
            return Err(ReadError::WrongSize(id));
        }
        if parts.len() == 1 {
            return Ok(parts.swap_remove(0));
        }
        let mut whole = BytesMut::with_capacity(length);
        parts.iter().for_each(|part| whole.extend_from_slice(part));
        Ok(whole.freeze())
    }

    /// Bytes of a content; the range must lie within its size. Only the chunks that it touches are read.
    ///
    /// # Errors
    /// The stream ends with `NoContent`, `NoChunk`, `WrongSize`, `Store` or `Catalog`; what came before is right.
    pub fn read(&self, id: ContentId, range: Range<u64>) -> ContentStream {
        let this = self.clone();
        self.by_segment(id, range, move |pieces| {
            let this = this.clone();
            async move { this.read_pieces(pieces).await }
        })
    }

    pub(super) async fn read_pieces(&self, pieces: Vec<Piece>) -> Result<ContentStream, ReadError> {
        let references = self.chunks.references_for(pieces.iter().map(|piece| &piece.location)).await?;
        Ok(self.chunks.store().read(pieces, references).map_err(ReadError::from).boxed())
    }

    pub(super) fn store(&self) -> &Store {
        self.chunks.store()
    }

    /// The segments that a range touches.
    pub(super) async fn places(&self, id: ContentId, range: &Range<u64>) -> Result<Vec<Place>, ReadError> {
        let starts = self.starts(id).await?;
        let at = |byte: u64| starts.partition_point(|start| *start <= byte).saturating_sub(1);
        let positions = at(range.start)..at(range.end.saturating_sub(1)) + 1;
        let count = starts.len();
        Ok(positions.map(|position| Place { count: count as u32, position: position as u32 }).collect())
    }

    async fn starts(&self, id: ContentId) -> Result<Arc<[u64]>, ReadError> {
        if let Some(starts) = self.starts.get(&id) {
            return Ok(starts);
        }
        let starts: Arc<[u64]> = self.chunks.catalog().segment_starts(id).await?.into();
        // A content that isn't there yet must not be taken for a single chunk later on.
        if !starts.is_empty() {
            self.starts.insert(id, starts.clone());
        }
        Ok(starts)
    }

    /// The parts of a segment's chunks that lie in a range.
    pub(super) async fn pieces(
        &self,
        id: ContentId,
        place: Place,
        range: &Range<u64>,
    ) -> Result<Vec<Piece>, ReadError> {
        let segment = self.segment(id, place).await?;
        let is_last = range.end <= segment.end;
        let (pieces, covered) = pieces(segment.within(range), range);
        let expected = range.end.min(segment.end).saturating_sub(range.start.max(segment.start()));
        if covered != expected || (!is_last && segment.chunks.is_empty()) {
            return Err(ReadError::WrongSize(id));
        }
        Ok(pieces)
    }

    /// Forgets where the chunks of a segment are.
    pub(super) fn forget(&self, id: ContentId, place: Place) {
        self.segments.remove(&(id, place.position));
    }

    /// A segment; many who ask at once wait for one reading.
    pub(super) async fn segment(&self, id: ContentId, place: Place) -> Result<Arc<Segment>, ReadError> {
        match self.segments.get_value_or_guard_async(&(id, place.position)).await {
            Ok(segment) => Ok(segment),
            Err(guard) => {
                let segment = Arc::new(self.read_segment(id, place).await?);
                let _ = guard.insert(segment.clone()); // fails only when it was removed meanwhile
                if place.count == 0 {
                    self.starts.insert(id, Arc::default());
                }
                Ok(segment)
            }
        }
    }

    async fn read_segment(&self, id: ContentId, place: Place) -> Result<Segment, ReadError> {
        let catalog = self.chunks.catalog();
        let (start, refs) = match place.count {
            0 => (0, vec![id.as_chunk()]), // without a row of its own it is a single chunk
            _ => {
                let (start, list) = catalog.segment(id, place.position).await?.ok_or(ReadError::NoContent(id))?;
                (start, decode_segment(&list)?.iter().map(|chunk| chunk.chunk).collect())
            }
        };
        let mut end = start;
        let chunks = self.chunks.locate(&refs).await?.into_iter().map(|location| {
            let at = end;
            end += u64::from(location.length);
            (at, location)
        });
        let chunks = chunks.collect();
        Ok(Segment { chunks, end })
    }

    /// Whether all chunks of a content are in packs that the catalog knows.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn is_stored(&self, id: ContentId, size_bytes: u64) -> Result<bool, ReadError> {
        if size_bytes == 0 {
            return Ok(true);
        }
        let located = async {
            let mut end = 0;
            for place in self.places(id, &(0..size_bytes)).await? {
                end = self.segment(id, place).await?.end;
            }
            Ok(end == size_bytes)
        };
        match located.await {
            Err(ReadError::NoChunk(_) | ReadError::NoContent(_) | ReadError::WrongSize(_)) => Ok(false),
            other => other,
        }
    }
}

/// The parts of chunks that lie in a range, and how many bytes they are.
fn pieces(chunks: &[(u64, ChunkLocation)], range: &Range<u64>) -> (Vec<Piece>, u64) {
    let mut covered = 0;
    let piece = |(start, location): &(u64, ChunkLocation)| {
        let skip = range.start.saturating_sub(*start);
        let take = (range.end - start).min(u64::from(location.length)) - skip;
        covered += take;
        // Both are at most the chunk's length, which is 32 bits.
        Piece { location: location.clone(), skip: skip as u32, take: take as u32 }
    };
    (chunks.iter().map(piece).collect(), covered)
}
