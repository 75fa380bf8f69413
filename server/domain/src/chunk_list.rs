//! The list of the chunks of a content, in segments. A content of 5 TiB has some 2.3 million chunks; in segments of
//! 4,096 they are some 600 rows, and a range read takes only the ones it needs.
//!
//! ```text
//! segment = version (1) , number of chunks , { chunk name (32 bytes) , length }
//! ```
//! Numbers are varints. A content's size and each segment's first offset stand in their rows, not here.

use crate::format::{InvalidFormat, Reader, Writer};
use crate::hash::ChunkId;

/// The most chunks in one segment.
pub const SEGMENT_CHUNKS_MAX: usize = 4096;

const VERSION: u8 = 1;
const ENTRY_BYTES_MIN: usize = 33;
const ENTRY_BYTES_MAX: usize = 37;

/// One chunk of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRef {
    pub chunk: ChunkId,
    /// The chunk's bytes as they stand in the content, never 0.
    pub length: u32,
}

/// The stored form of a segment: of at most [`SEGMENT_CHUNKS_MAX`] chunks, none of them empty.
pub fn encode_segment(chunks: &[ChunkRef]) -> Vec<u8> {
    debug_assert!(chunks.len() <= SEGMENT_CHUNKS_MAX, "a segment has at most {SEGMENT_CHUNKS_MAX} chunks");
    let mut writer = Writer::with_capacity(3 + chunks.len() * ENTRY_BYTES_MAX);
    writer.byte(VERSION);
    writer.count(chunks.len());
    for entry in chunks {
        writer.raw(entry.chunk.as_bytes());
        writer.number(entry.length);
    }
    writer.finish()
}

/// Reads what `encode_segment` writes.
///
/// # Errors
/// Bytes that no segment has.
pub fn decode_segment(bytes: &[u8]) -> Result<Vec<ChunkRef>, InvalidFormat> {
    let mut reader = Reader::new("list of chunks", bytes);
    reader.version(VERSION)?;
    let count = reader.count(ENTRY_BYTES_MIN)?;
    if count > SEGMENT_CHUNKS_MAX {
        return Err(reader.broken("it has more chunks than a segment may"));
    }
    let mut chunks = Vec::with_capacity(count);
    for _ in 0..count {
        let entry = ChunkRef { chunk: reader.chunk_id()?, length: reader.u32()? };
        if entry.length == 0 {
            return Err(reader.broken("a chunk is empty"));
        }
        chunks.push(entry);
    }
    reader.finish()?;
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunks() -> impl Strategy<Value = Vec<ChunkRef>> {
        let chunk = (any::<[u8; 32]>(), 1_u32..);
        prop::collection::vec(chunk.prop_map(|(id, length)| ChunkRef { chunk: ChunkId::from_bytes(id), length }), 0..50)
    }

    #[test]
    fn the_stored_form_stays_what_it_is() {
        let list = [
            ChunkRef { chunk: ChunkId::from_bytes([0xAA; 32]), length: 300 },
            ChunkRef { chunk: ChunkId::from_bytes([0xBB; 32]), length: 1 },
        ];
        let expected = [&[1, 2][..], &[0xAA; 32], &[0xAC, 0x02], &[0xBB; 32], &[1]].concat();
        assert_eq!(encode_segment(&list), expected);
        assert_eq!(decode_segment(&expected), Ok(list.to_vec()));
    }

    #[test]
    fn a_segment_that_breaks_the_rules_is_refused() {
        let empty_chunk = [&[1, 1][..], &[0xAA; 32], &[0]].concat();
        assert!(matches!(decode_segment(&empty_chunk), Err(InvalidFormat::Broken { .. })));
        let other_version = [2, 0];
        assert!(matches!(decode_segment(&other_version), Err(InvalidFormat::UnknownVersion { version: 2, .. })));
        let too_many = [&[1, 0x81, 0x20][..], &[1; 4097 * 33]].concat();
        assert!(matches!(decode_segment(&too_many), Err(InvalidFormat::Broken { .. })));
        let full = [ChunkRef { chunk: ChunkId::of(b""), length: u32::MAX }; SEGMENT_CHUNKS_MAX];
        assert_eq!(decode_segment(&encode_segment(&full)), Ok(full.to_vec()));
    }

    proptest! {
        #[test]
        fn a_segment_is_read_as_it_was_written(list in chunks()) {
            prop_assert_eq!(decode_segment(&encode_segment(&list)), Ok(list));
        }

        #[test]
        fn a_cut_or_longer_segment_is_refused(list in chunks(), cut in any::<prop::sample::Index>()) {
            let mut bytes = encode_segment(&list);
            prop_assert!(decode_segment(&bytes[..cut.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(decode_segment(&bytes).is_err());
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_segment(&bytes);
        }
    }
}
