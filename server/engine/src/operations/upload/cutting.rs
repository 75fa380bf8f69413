//! Cutting a content into chunks while it is read: one pass that hashes, cuts and looks. Plain synchronous code; it
//! runs on a blocking thread and hands on what it finds.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use shelfmark_domain::chunk_list::{ChunkRef, SEGMENT_CHUNKS_MAX, encode_segment};
use shelfmark_domain::chunking::Cutter;
use shelfmark_domain::hash::{ChunkId, ContentId};

use crate::store::Compressor;

/// Contents up to this size are one chunk, in bytes: cutting them finer saves nothing.
pub(crate) const SINGLE_CHUNK_BYTES_MAX: usize = 32 << 10;

/// How much of a content's start is kept for finding out what it is, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 256 << 10;

/// The room for chunks that are cut one after the other, in bytes, unless they are larger.
const ROOM_BYTES: usize = 1 << 20;

/// The most that is read at once, in bytes.
const READ_BYTES: usize = 64 << 10;

/// How many chunks are taken unprobed at most, once several in a row were not worth compressing.
const UNPROBED_MAX: u32 = 15;

/// A chunk to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewChunk {
    pub id: ChunkId,
    pub bytes: Bytes,
    pub storing: Storing,
}

/// How a chunk should be stored, if that makes it smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storing {
    /// As it is: probing has shown that compressing is in vain.
    Raw,
    /// Compressed, with the project's dictionary when it is small.
    Compressed,
    /// As the difference to a chunk that resembles it.
    Against(ChunkId),
}

/// What cutting hands on.
#[derive(Debug)]
pub(crate) enum Piece {
    Chunk(NewChunk),
    /// A full segment of the chunk list of a content whose end isn't in sight; not handed on unless asked for.
    Segment {
        position: u32,
        start: u64,
        list: Vec<u8>,
    },
}

/// A content that has been cut.
#[derive(Clone, Debug)]
pub(crate) struct CutContent {
    pub id: ContentId,
    pub size_bytes: u64,
    /// The first bytes.
    pub head: Bytes,
    /// How many segments have been handed on.
    pub segments_handed_on: u32,
    /// The remaining segments of a content of more than one chunk: offset of the first byte, encoded list.
    pub segments: Vec<(u64, Vec<u8>)>,
}

/// Why a content could not be cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CutError {
    #[error("the content has more than {0} bytes")]
    TooLarge(u64),
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Whoever takes the pieces has gone; it knows why.
    #[error("storing has stopped")]
    Stopped,
}

/// What is being cut.
pub(crate) struct Cutting<'s, S> {
    sink: &'s mut S,
    compressor: &'s mut Compressor,
    /// Whether full segments of the chunk list are handed on.
    hands_on_segments: bool,
    hasher: blake3::Hasher,
    first: Option<Bytes>,
    head: BytesMut,
    refs: Vec<ChunkRef>,
    /// Offset of the first chunk in `refs`.
    refs_start: u64,
    segments_handed_on: u32,
    segments: Vec<(u64, Vec<u8>)>,
    size_bytes: u64,
    failed_probes: u32,
    unprobed: u32,
}

/// Reads a content to its end, cuts it, and hands on its pieces in order.
///
/// # Errors
/// `TooLarge` past `bytes_max`; `Read` when reading fails; `Stopped` when the sink says so.
pub(crate) fn cut_content<S>(
    reader: &mut dyn Read,
    bytes_max: u64,
    hands_on_segments: bool,
    compressor: &mut Compressor,
    sink: &mut S,
) -> Result<CutContent, CutError>
where
    S: FnMut(Piece) -> Result<(), CutError>,
{
    let mut cutting = Cutting {
        sink,
        compressor,
        hands_on_segments,
        hasher: blake3::Hasher::new(),
        first: None,
        head: BytesMut::new(),
        refs: Vec::new(),
        refs_start: 0,
        segments_handed_on: 0,
        segments: Vec::new(),
        size_bytes: 0,
        failed_probes: 0,
        unprobed: 0,
    };
    let mut cutter = Cutter::new();
    let mut buffer = BytesMut::new();
    let mut is_end = fill(reader, &mut buffer, SINGLE_CHUNK_BYTES_MAX + 1, 0)?;
    if is_end && !buffer.is_empty() {
        // Copied: it may be far smaller than the room that was made for it, and thousands may come at once.
        cutting.take(Bytes::copy_from_slice(&buffer))?;
        buffer.clear();
    }
    while !buffer.is_empty() || !is_end {
        if !is_end && buffer.len() < cutter.wanted() {
            let so_far = cutting.size_bytes + buffer.len() as u64;
            is_end = fill(reader, &mut buffer, cutter.wanted(), so_far)?;
        }
        if let Some(length) = cutter.cut(&buffer, is_end) {
            if cutting.size_bytes + length as u64 > bytes_max {
                return Err(CutError::TooLarge(bytes_max));
            }
            cutting.take(buffer.split_to(length).freeze())?;
        }
    }
    if cutting.size_bytes > bytes_max {
        return Err(CutError::TooLarge(bytes_max));
    }
    Ok(cutting.finish())
}

/// Reads until the buffer holds `wanted` bytes or the end is reached; says which. The chunks that have been cut share
/// the buffer's memory and keep it, so there is room for several in it: as many as have come so far, up to a limit.
fn fill(reader: &mut dyn Read, buffer: &mut BytesMut, wanted: usize, so_far: u64) -> io::Result<bool> {
    if buffer.capacity() < wanted {
        let several = usize::try_from(so_far).map_or(ROOM_BYTES, |so_far| so_far.min(ROOM_BYTES)).max(2 * wanted);
        let room = if so_far == 0 { wanted } else { several };
        let mut next = BytesMut::with_capacity(room);
        next.extend_from_slice(buffer);
        *buffer = next;
    }
    while buffer.len() < wanted {
        let had = buffer.len();
        buffer.resize((had + READ_BYTES).min(buffer.capacity()), 0);
        let got = loop {
            match reader.read(&mut buffer[had..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        buffer.truncate(had + got);
        if got == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

impl<S: FnMut(Piece) -> Result<(), CutError>> Cutting<'_, S> {
    fn take(&mut self, bytes: Bytes) -> Result<(), CutError> {
        let id = ChunkId::of(&bytes);
        // A content of one chunk has that chunk's name, so its bytes are hashed once; only a second chunk makes the
        // hash of the whole a thing of its own.
        match self.first.take() {
            None if self.size_bytes == 0 => self.first = Some(bytes.clone()),
            first => {
                if let Some(first) = first {
                    self.hasher.update(&first);
                    self.keep_head(&first);
                }
                self.hasher.update(&bytes);
                self.keep_head(&bytes);
            }
        }
        self.size_bytes += bytes.len() as u64;
        // A chunk is at most 16 MiB long.
        self.refs.push(ChunkRef { chunk: id, length: bytes.len() as u32 });
        let storing = self.storing(&bytes);
        (self.sink)(Piece::Chunk(NewChunk { id, bytes, storing }))?;
        if self.refs.len() == SEGMENT_CHUNKS_MAX { self.end_segment() } else { Ok(()) }
    }

    fn end_segment(&mut self) -> Result<(), CutError> {
        let (start, list) = (self.refs_start, encode_segment(&self.refs));
        self.refs.clear();
        self.refs_start = self.size_bytes;
        if !self.hands_on_segments {
            self.segments.push((start, list));
            return Ok(());
        }
        let position = self.segments_handed_on;
        self.segments_handed_on += 1;
        (self.sink)(Piece::Segment { position, start, list })
    }

    fn keep_head(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES_MAX.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Small chunks are always tried: it costs nothing. Of larger ones a part is probed, and the longer a content
    /// goes on being incompressible, the fewer of its chunks.
    fn storing(&mut self, bytes: &[u8]) -> Storing {
        if bytes.len() <= SINGLE_CHUNK_BYTES_MAX && self.size_bytes <= SINGLE_CHUNK_BYTES_MAX as u64 {
            return Storing::Compressed;
        }
        if self.unprobed > 0 {
            self.unprobed -= 1;
            return Storing::Raw;
        }
        if self.compressor.worth_compressing(bytes) {
            self.failed_probes = 0;
            return Storing::Compressed;
        }
        self.failed_probes += 1;
        self.unprobed = (1 << self.failed_probes.min(8)) / 2 - 1;
        self.unprobed = self.unprobed.min(UNPROBED_MAX);
        Storing::Raw
    }

    fn finish(mut self) -> CutContent {
        let is_single = self.first.is_some();
        let id = match &self.first {
            Some(_) => self.refs[0].chunk.as_content(),
            None => self.hasher.finalize().into(),
        };
        if !self.refs.is_empty() && !is_single {
            self.segments.push((self.refs_start, encode_segment(&self.refs)));
        }
        CutContent {
            id,
            size_bytes: self.size_bytes,
            head: self.first.map_or_else(|| self.head.freeze(), |first| first.slice(..first.len().min(HEAD_BYTES_MAX))),
            segments_handed_on: self.segments_handed_on,
            segments: self.segments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8], max: u64) -> Result<(CutContent, Vec<NewChunk>), CutError> {
        let mut chunks = Vec::new();
        let mut sink = |piece| {
            if let Piece::Chunk(chunk) = piece {
                chunks.push(chunk);
            }
            Ok(())
        };
        let content = cut_content(&mut &bytes[..], max, false, &mut Compressor::default(), &mut sink)?;
        Ok((content, chunks))
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_content_is_its_chunks_joined_and_has_the_name_of_its_bytes() {
        for length in [0, 1, SINGLE_CHUNK_BYTES_MAX, SINGLE_CHUNK_BYTES_MAX + 1, 300_000, 5_000_000] {
            let bytes = noise(length);
            let (content, chunks) = cut(&bytes, u64::MAX).unwrap();
            assert_eq!(content.id, ContentId::of(&bytes), "{length}");
            assert_eq!(content.size_bytes, length as u64);
            assert_eq!(chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect::<Vec<_>>(), bytes);
            assert_eq!(content.head, bytes[..length.min(HEAD_BYTES_MAX)]);
            assert_eq!(content.segments.is_empty(), chunks.len() <= 1, "{length}");
        }
    }

    #[test]
    fn a_small_content_is_one_chunk_and_noise_is_soon_no_longer_probed() {
        assert_eq!(cut(&noise(SINGLE_CHUNK_BYTES_MAX), u64::MAX).unwrap().1.len(), 1);
        let (_, chunks) = cut(&noise(3_000_000), u64::MAX).unwrap();
        // The first one is small and comes before it is known how much follows, so it is tried.
        assert!(chunks.iter().skip(1).all(|chunk| chunk.storing == Storing::Raw));
        let text = "the same words again and again ".repeat(100_000);
        assert!(cut(text.as_bytes(), u64::MAX).unwrap().1.iter().all(|chunk| chunk.storing == Storing::Compressed));
    }

    #[test]
    fn what_is_over_the_limit_is_refused() {
        for length in [11, 40_000, 1_000_000] {
            assert!(matches!(cut(&noise(length), length as u64 - 1), Err(CutError::TooLarge(_))), "{length}");
            assert!(cut(&noise(length), length as u64).is_ok());
        }
    }
}
