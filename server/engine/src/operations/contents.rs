//! Reading contents: whole or in ranges, small ones from memory. The bytes are right or there is an error: each chunk
//! is compared with its name before its bytes are handed on.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use shelfmark_domain::chunk_list::decode_segment;
use shelfmark_domain::hash::{ContentId, PackId};
use shelfmark_domain::location::ChunkLocation;

use super::chunks::{Chunks, ReadError};
use crate::limits::Limits;
use crate::store::{ByteStream, Piece, StoreError};

/// Bytes of a content in order.
pub type ContentStream = BoxStream<'static, Result<Bytes, ReadError>>;

/// Where a content's chunks are: all of them, or one segment of a long list.
#[derive(Debug)]
struct Segment {
    /// Offset of each chunk in the content, and where it is stored.
    chunks: Vec<(u64, ChunkLocation)>,
    /// Offset of the byte after the last chunk.
    end: u64,
}

impl Segment {
    /// The chunks that a range touches.
    fn within(&self, range: &Range<u64>) -> &[(u64, ChunkLocation)] {
        let from = self.chunks.partition_point(|(start, location)| start + u64::from(location.length) <= range.start);
        let until = self.chunks.partition_point(|(start, _)| *start < range.end);
        self.chunks.get(from..until).unwrap_or_default()
    }
}

/// One segment of a content's chunk list.
#[derive(Clone, Copy, Debug)]
struct Place {
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
    /// How many segments the contents have that have been read.
    counts: Arc<Cache<ContentId, u32>>,
    in_memory: Arc<Cache<ContentId, Bytes, ContentBytes>>,
    in_memory_bytes_max: u64,
}

impl Contents {
    pub(crate) fn new(chunks: Chunks, limits: &Limits) -> Self {
        Self {
            chunks,
            segments: Arc::new(Cache::with_weighter(10_000, limits.memory_nodes_bytes / 2, SegmentBytes)),
            counts: Arc::new(Cache::new(100_000)),
            in_memory: Arc::new(Cache::with_weighter(10_000, limits.memory_contents_bytes, ContentBytes)),
            in_memory_bytes_max: limits.memory_content_bytes_max,
        }
    }

    /// A content that is in memory already.
    pub fn in_memory(&self, id: &ContentId) -> Option<Bytes> {
        self.in_memory.get(id)
    }

    /// Whether a content of this size is kept in memory once it is read.
    pub fn is_small(&self, size_bytes: u64) -> bool {
        size_bytes <= self.in_memory_bytes_max
    }

    /// A whole content in memory; many who ask at once wait for one reading.
    ///
    /// # Errors
    /// As `read`.
    pub async fn whole(&self, id: ContentId, size_bytes: u64) -> Result<Bytes, ReadError> {
        match self.in_memory.get_value_or_guard_async(&id).await {
            Ok(bytes) => Ok(bytes),
            Err(guard) => {
                let bytes = self.gather(id, size_bytes).await?;
                let _ = guard.insert(bytes.clone()); // fails only when it was removed meanwhile
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
        if range.is_empty() {
            return stream::empty().boxed();
        }
        let this = self.clone();
        let segments = stream::once(async move {
            let places = this.places(id, &range).await?;
            Ok::<_, ReadError>((this, range, places))
        });
        segments
            .map_ok(move |(this, range, places)| {
                stream::iter(places.into_iter().map(Ok)).and_then(move |place| {
                    let (this, range) = (this.clone(), range.clone());
                    async move { this.read_segment(id, place, range).await }
                })
            })
            .try_flatten()
            .try_flatten()
            .boxed()
    }

    /// The segments that a range touches.
    async fn places(&self, id: ContentId, range: &Range<u64>) -> Result<Vec<Place>, ReadError> {
        let count = match self.counts.get(&id) {
            Some(count) => count,
            // A content without a row of its own is a single chunk.
            None => self.chunks.catalog().content(id).await?.map_or(0, |(_, segments)| segments),
        };
        let positions = if count <= 1 {
            0..1
        } else {
            let catalog = self.chunks.catalog();
            let first = catalog.segment_position(id, range.start).await?.ok_or(ReadError::WrongSize(id))?;
            let last = catalog.segment_position(id, range.end - 1).await?.ok_or(ReadError::WrongSize(id))?;
            first..last + 1
        };
        Ok(positions.map(|position| Place { count, position }).collect())
    }

    /// Reads what a range wants of a segment. Where chunks are is remembered; when a pack turns out to be gone, they are
    /// looked up again, and reading goes on where they are now.
    async fn read_segment(&self, id: ContentId, place: Place, range: Range<u64>) -> Result<ContentStream, ReadError> {
        let bytes = self.read_remembered(id, place, range.clone()).await?;
        let reading = (self.clone(), range, bytes);
        let steady = stream::try_unfold(reading, move |(this, mut range, mut bytes)| async move {
            loop {
                match bytes.try_next().await {
                    Ok(None) => return Ok(None),
                    Ok(Some(next)) => {
                        range.start += next.len() as u64;
                        return Ok(Some((next, (this, range, bytes))));
                    }
                    Err(StoreError::Missing { pack }) => {
                        this.segments.remove(&(id, place.position));
                        if this.is_in(id, place, &range, pack).await? {
                            return Err(StoreError::Missing { pack }.into());
                        }
                        bytes = this.read_remembered(id, place, range.clone()).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        });
        Ok(steady.boxed())
    }

    /// Whether something that a range wants of a segment is in this pack.
    async fn is_in(&self, id: ContentId, place: Place, range: &Range<u64>, pack: PackId) -> Result<bool, ReadError> {
        let segment = self.segment(id, place).await?;
        Ok(segment.within(range).iter().any(|(_, location)| location.pack == pack))
    }

    async fn read_remembered(&self, id: ContentId, place: Place, range: Range<u64>) -> Result<ByteStream, ReadError> {
        let segment = self.segment(id, place).await?;
        let is_last = range.end <= segment.end;
        let (pieces, covered) = pieces(segment.within(&range), &range);
        let expected = range.end.min(segment.end).saturating_sub(range.start.max(first_byte(&segment)));
        if covered != expected || (!is_last && segment.chunks.is_empty()) {
            return Err(ReadError::WrongSize(id));
        }
        let references = self.chunks.references_for(pieces.iter().map(|piece| &piece.location)).await?;
        Ok(self.chunks.store().read(pieces, references))
    }

    async fn segment(&self, id: ContentId, place: Place) -> Result<Arc<Segment>, ReadError> {
        let Place { count, position } = place;
        let key = (id, position);
        if let Some(segment) = self.segments.get(&key) {
            return Ok(segment);
        }
        let (start, refs) = match count {
            0 => (0, vec![id.as_chunk()]),
            _ => {
                let (start, list) =
                    self.chunks.catalog().segment(id, position).await?.ok_or(ReadError::NoContent(id))?;
                (start, decode_segment(&list)?.iter().map(|chunk| chunk.chunk).collect())
            }
        };
        let locations = self.chunks.locate(&refs).await?;
        let mut end = start;
        let chunks = locations.into_iter().map(|location| {
            let at = end;
            end += u64::from(location.length);
            (at, location)
        });
        let chunks: Vec<_> = chunks.collect();
        let segment = Arc::new(Segment { chunks, end });
        self.segments.insert(key, segment.clone());
        // Not before: a content that isn't there yet must not be taken for a single chunk later on.
        self.counts.insert(id, count);
        Ok(segment)
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

fn first_byte(segment: &Segment) -> u64 {
    segment.chunks.first().map_or(segment.end, |(start, _)| *start)
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
