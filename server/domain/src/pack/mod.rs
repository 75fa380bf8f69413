//! The pack: one object in the store that holds many chunks, written once and never changed.
//!
//! ```text
//! pack   = "SMPK" , version (1) , stored bytes of the chunks back to back , index , footer
//! index  = version (1) , nonce (16 bytes) , number of references , { name (32 bytes) } ,
//!          number of entries , { entry }
//! entry  = chunk name (32 bytes) , kind , stored length , length unless the kind is 0
//! kind   = 0 for raw | 1 for zstd | 2 n for zstd with the nth reference | 2 n + 1 for zstd with it as dictionary
//! footer = length of the index (u32, little-endian) , BLAKE3 of the index (32 bytes) , "KPMS"
//! ```
//! Numbers are varints. Entries stand in the order in which the chunks lie, so a chunk's offset is the end of the one
//! before it and is not written. References stand in the order in which entries first use them, each once, counted
//! from 1: the chunks of a pack mostly share one dictionary, which then costs nothing but its 32 bytes in the table.
//! An entry takes 34 to 40 bytes.
//!
//! The index stands at the end, so that a pack is written in one go, and the `chunks` table can be built anew from
//! the tails of all packs.
//!
//! A pack's name is the BLAKE3 of its index. The index holds a random nonce, so that no two packs ever have the same
//! name, even with the same chunks: a name is not used again after its pack was deleted. So deleting a pack, which
//! takes place after its rows are gone, cannot hit a pack that someone has just written with the same chunks, and a
//! cache never has to ask whether a name means what it meant before.
//!
//! The chunks' own names cover their bytes; the pack's name covers the index.

mod build;
mod index;

pub use build::{PackBuilder, SealedPack};
pub use index::{PackIndex, ReadIndexError, read_index};

use crate::format::{InvalidFormat, Reader, Writer};
use crate::hash::ChunkId;

/// The most bytes that a pack should have, all in all. Whoever fills a pack asks [`PackBuilder::has_room_for`].
pub const PACK_BYTES_MAX: usize = 64 << 20;

/// The most that a chunk takes in a pack's index, with a reference of its own.
pub const CHUNK_OVERHEAD_BYTES_MAX: usize = ENTRY_BYTES_MAX + ID_BYTES;

/// The most that a pack has besides its chunks and what they take in its index.
pub const PACK_OVERHEAD_BYTES_MAX: usize = HEADER.len() + INDEX_HEAD_BYTES_MAX + FOOTER_BYTES;

const FORMAT: &str = "pack";
const HEADER: [u8; 5] = *b"SMPK\x01";
const FOOTER_MAGIC: [u8; 4] = *b"KPMS";
const FOOTER_BYTES: usize = 40;
const INDEX_VERSION: u8 = 1;
const ID_BYTES: usize = 32;
const ENTRY_BYTES_MIN: usize = ID_BYTES + 2;
const ENTRY_BYTES_MAX: usize = ID_BYTES + 3 * 5;
const INDEX_HEAD_BYTES_MAX: usize = 1 + 16 + 2 * 10;

/// How a chunk's bytes are stored. It never changes the chunk's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As they are.
    Raw = 0,
    /// As a zstd frame.
    Zstd = 1,
    /// As a zstd frame, without its four bytes of magic, that refers to the bytes of another chunk, which stand
    /// before its own (a raw prefix).
    ZstdWithReference = 2,
    /// As a zstd frame, without its four bytes of magic, made with another chunk, which is a trained zstd dictionary
    /// with its entropy tables.
    ZstdWithDictionary = 3,
}

impl Encoding {
    /// The number that stands for it in stored forms.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// The number that stands for it in a row.
    pub const fn as_i64(self) -> i64 {
        self as i64
    }

    /// Reads what `as_u8` gives; `None` for another number.
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            2 => Some(Self::ZstdWithReference),
            3 => Some(Self::ZstdWithDictionary),
            _ => None,
        }
    }

    /// Whether another chunk is needed to decode it.
    pub const fn needs_reference(self) -> bool {
        match self {
            Self::Raw | Self::Zstd => false,
            Self::ZstdWithReference | Self::ZstdWithDictionary => true,
        }
    }

    /// Reads what `as_i64` gives; `None` for another number.
    pub fn from_i64(number: i64) -> Option<Self> {
        u8::try_from(number).ok().and_then(Self::from_u8)
    }
}

/// Where a chunk lies in a pack, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackEntry {
    pub chunk: ChunkId,
    /// The first of its stored bytes, counted from the pack's first byte.
    pub offset: u64,
    /// How many bytes it has in the pack.
    pub stored_length: u32,
    /// How many bytes it has once decoded.
    pub length: u32,
    pub encoding: Encoding,
    /// The chunk needed to decode it; given for encodings that need one and no others.
    pub reference: Option<ChunkId>,
}

impl PackEntry {
    /// Writes all but the offset. `reference` is the reference's number, 0 for none.
    fn write(&self, index: &mut Writer, reference: u32) {
        let last_bit = match self.encoding {
            Encoding::Raw | Encoding::ZstdWithReference => 0,
            Encoding::Zstd | Encoding::ZstdWithDictionary => 1,
        };
        index.raw(self.chunk.as_bytes());
        index.number(u64::from(reference) << 1 | last_bit);
        index.number(self.stored_length);
        if self.encoding != Encoding::Raw {
            index.number(self.length);
        }
    }

    /// Reads an entry whose chunk starts at `offset`, and its reference's number, 0 for none.
    fn read(index: &mut Reader<'_>, offset: u64, references: &[ChunkId]) -> Result<(Self, usize), InvalidFormat> {
        let chunk = index.chunk_id()?;
        let kind = index.u32()?;
        let number = kind as usize >> 1;
        let reference = match number.checked_sub(1) {
            None => None,
            Some(at) => Some(*references.get(at).ok_or_else(|| index.broken("a reference is not in its table"))?),
        };
        let encoding = match (reference, kind & 1) {
            (None, 0) => Encoding::Raw,
            (None, _) => Encoding::Zstd,
            (Some(_), 0) => Encoding::ZstdWithReference,
            (Some(_), _) => Encoding::ZstdWithDictionary,
        };
        let stored_length = index.u32()?;
        let length = if encoding == Encoding::Raw { stored_length } else { index.u32()? };
        Ok((Self { chunk, offset, stored_length, length, encoding, reference }, number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(chunks: &[Vec<u8>]) -> SealedPack {
        let mut builder = PackBuilder::new([9; 16], 0);
        for (at, bytes) in chunks.iter().enumerate() {
            let encoding = Encoding::from_u8(at as u8 % 4).unwrap();
            let length = if encoding == Encoding::Raw { bytes.len() as u32 } else { 70_000 };
            let reference = encoding.needs_reference().then(|| ChunkId::of(&[at as u8 / 4 % 3]));
            builder.push(ChunkId::of(bytes), bytes, length, encoding, reference);
        }
        builder.seal()
    }

    /// Where the index of a sealed pack starts.
    fn index_at(sealed: &SealedPack) -> usize {
        sealed.entries.last().map_or(HEADER.len(), |last| last.offset as usize + last.stored_length as usize)
    }

    #[test]
    fn the_stored_form_stays_what_it_is() {
        let mut builder = PackBuilder::new([0x11; 16], 100);
        let (raw, plain, near, small) =
            (ChunkId::of(b"raw"), ChunkId::of(b"plain"), ChunkId::of(b"near"), ChunkId::of(b"s"));
        let (base, dictionary) = (ChunkId::of(b"base"), ChunkId::of(b"dictionary"));
        builder.push(raw, b"raw", 3, Encoding::Raw, None);
        builder.push(near, b"sq", 300, Encoding::ZstdWithReference, Some(base));
        builder.push(plain, b"pl", 6, Encoding::Zstd, None);
        builder.push(small, b"d", 7, Encoding::ZstdWithDictionary, Some(dictionary));
        let sealed = builder.seal();

        let index = [
            &[1][..],
            &[0x11; 16],
            &[2],
            base.as_bytes(),
            dictionary.as_bytes(),
            &[4],
            raw.as_bytes(),
            &[0, 3],
            near.as_bytes(),
            &[2, 2, 0xAC, 0x02],
            plain.as_bytes(),
            &[1, 2, 6],
            small.as_bytes(),
            &[5, 1, 7],
        ]
        .concat();
        let footer = [&[223, 0, 0, 0][..], blake3::hash(&index).as_bytes(), b"KPMS"].concat();
        assert_eq!(sealed.bytes, [b"SMPK\x01rawsqpld".as_slice(), &index, &footer].concat());
        assert_eq!(sealed.id.as_bytes(), blake3::hash(&index).as_bytes());
    }

    #[test]
    fn an_entry_takes_little_more_than_its_name_when_all_share_a_dictionary() {
        let mut builder = PackBuilder::new([0; 16], 0);
        let dictionary = ChunkId::of(b"dictionary");
        for n in 0..2_000_usize {
            let (chunk, stored) = (ChunkId::of(&n.to_le_bytes()), vec![0; 100 + n % 300]);
            let length = 2 * stored.len() as u32;
            builder.push(chunk, &stored, length, Encoding::ZstdWithDictionary, Some(dictionary));
        }
        let sealed = builder.seal();
        let index_bytes = sealed.bytes.len() - FOOTER_BYTES - index_at(&sealed);
        assert!(index_bytes <= 2_000 * 37, "{index_bytes}");
        assert_eq!(read_index(&sealed.bytes, sealed.bytes.len() as u64).unwrap().entries, sealed.entries);
    }

    #[test]
    fn packs_of_the_same_chunks_have_different_names() {
        assert_ne!(PackBuilder::new([0; 16], 0).seal().id, PackBuilder::new([1; 16], 0).seal().id);
    }

    #[test]
    fn a_chunk_is_stored_once() {
        let sealed = pack(&[b"a".to_vec(), b"b".to_vec(), b"a".to_vec()]);
        assert_eq!(sealed.entries.len(), 2);
    }

    #[test]
    fn a_pack_has_room_up_to_its_limit_with_its_index() {
        let mut builder = PackBuilder::new([0; 16], 0);
        assert!(!builder.has_room_for(PACK_BYTES_MAX) && !builder.has_room_for(usize::MAX));
        let large = vec![0; PACK_BYTES_MAX - 1_000];
        assert!(builder.has_room_for(large.len()));
        builder.push(ChunkId::of(b"large"), &large, large.len() as u32, Encoding::Raw, None);
        assert!(builder.has_room_for(700) && !builder.has_room_for(900));
        assert!(builder.seal().bytes.len() <= PACK_BYTES_MAX);
    }

    #[test]
    fn a_tail_that_is_too_short_tells_how_much_is_needed() {
        let sealed = pack(&[vec![1; 500], vec![2; 300]]);
        let (bytes, size) = (&sealed.bytes, sealed.bytes.len() as u64);
        let needed = bytes.len() - index_at(&sealed);
        assert_eq!(read_index(&[], size), Err(ReadIndexError::NeedsMore(FOOTER_BYTES)));
        assert_eq!(read_index(&bytes[bytes.len() - 60..], size), Err(ReadIndexError::NeedsMore(needed)));
        assert_eq!(read_index(&bytes[bytes.len() - needed..], size).unwrap().entries, sealed.entries);
    }

    #[test]
    fn a_flipped_byte_of_header_index_or_footer_is_refused() {
        let sealed = pack(&[vec![1; 50], vec![2; 30], vec![3; 10]]);
        for at in (0..HEADER.len()).chain(index_at(&sealed)..sealed.bytes.len()) {
            for flip in [1, 0x80, 0xFF] {
                let mut bytes = sealed.bytes.clone();
                bytes[at] ^= flip;
                assert!(read_index(&bytes, bytes.len() as u64).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_table_that_is_not_that_of_the_entries_is_refused() {
        // A chunk of one byte for each kind.
        let index = |references: &[u8], kinds: &[u8]| {
            let names = references.iter().flat_map(|name| [*name; 32]);
            let entry =
                |(at, kind): (usize, &u8)| [&[at as u8; 32][..], &[*kind, 1, 9][..2 + usize::from(*kind > 0)]].concat();
            let mut bytes = [&[INDEX_VERSION][..], &[0; 16], &[references.len() as u8]].concat();
            bytes.extend(names);
            bytes.push(kinds.len() as u8);
            bytes.extend(kinds.iter().enumerate().flat_map(entry));
            index::parse_index(&bytes, (HEADER.len() + kinds.len()) as u64)
        };
        assert_eq!(index(&[7, 8], &[0, 3, 1, 4, 2]).unwrap().1.len(), 5);

        let refused = |references: &[u8], kinds: &[u8]| match index(references, kinds) {
            Err(InvalidFormat::Broken { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&[7], &[2, 4]), "a reference is not in its table");
        assert_eq!(refused(&[], &[3]), "a reference is not in its table");
        assert_eq!(refused(&[7, 7], &[2, 4]), "it names a reference twice");
        assert_eq!(refused(&[7, 8], &[4, 2]), "its references are not in the order of their first use");
        assert_eq!(refused(&[7, 8], &[2, 3]), "no chunk uses one of its references");
    }

    #[test]
    fn counts_that_the_bytes_cannot_hold_are_refused() {
        let head = [&[INDEX_VERSION][..], &[0; 16]].concat();
        let huge = [0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
        for counts in [&huge[..], &[&[0][..], &huge].concat(), &[&[1][..], &[7; 32], &huge].concat()] {
            let index = [&head, counts, &[0; 100]].concat();
            assert!(matches!(index::parse_index(&index, 5), Err(InvalidFormat::CutShort { .. })));
        }
    }

    #[test]
    fn an_index_that_contradicts_itself_is_refused_though_its_name_is_right() {
        let sealed = pack(&[vec![1; 50], vec![2; 30], vec![3; 10]]);
        let start = index_at(&sealed);
        let index = &sealed.bytes[start..sealed.bytes.len() - FOOTER_BYTES];
        for at in (0..index.len()).filter(|at| !(1..17).contains(at)) {
            let mut index = index.to_vec();
            index[at] ^= 0x40;
            let id = blake3::hash(&index);
            let footer = [&(index.len() as u32).to_le_bytes()[..], id.as_bytes(), b"KPMS"].concat();
            let forged = [&sealed.bytes[..start], &index, &footer].concat();
            // Names and the length of a compressed chunk may be anything, and a kind another; all else shows.
            if let Ok(read) = read_index(&forged, forged.len() as u64) {
                for (read, entry) in read.entries.iter().zip(&sealed.entries) {
                    assert_eq!((read.offset, read.stored_length), (entry.offset, entry.stored_length));
                    assert_eq!(read.encoding.needs_reference(), read.reference.is_some());
                    assert!(read.encoding != Encoding::Raw || read.stored_length == read.length);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_index_is_read_as_it_was_written(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..20), more in 0_usize..500,
        ) {
            let sealed = pack(&chunks);
            let tail = sealed.bytes.len().saturating_sub(index_at(&sealed).saturating_sub(more));
            let read = read_index(&sealed.bytes[sealed.bytes.len() - tail..], sealed.bytes.len() as u64).unwrap();
            prop_assert_eq!(read, PackIndex { id: sealed.id, nonce: [9; 16], entries: sealed.entries.clone() });
            for entry in &sealed.entries {
                let stored = &sealed.bytes[entry.offset as usize..][..entry.stored_length as usize];
                prop_assert_eq!(entry.chunk, ChunkId::of(stored));
            }
        }

        #[test]
        fn a_cut_or_longer_pack_is_refused(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..100), 0..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = pack(&chunks).bytes;
            let short = &bytes[..cut.index(bytes.len())];
            prop_assert!(read_index(short, short.len() as u64).is_err());
            bytes.push(0);
            prop_assert!(read_index(&bytes, bytes.len() as u64).is_err());
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), size: u64) {
            let _ = read_index(&bytes, bytes.len() as u64);
            let _ = read_index(&[&bytes[..], b"KPMS"].concat(), size);
            let _ = index::parse_index(&[&[1; 17], &bytes[..]].concat(), size);
            let entries = [&[1; 17], &[1][..], &[7; 32], &[3], &bytes[..]].concat();
            let _ = index::parse_index(&entries, size);
        }
    }
}
