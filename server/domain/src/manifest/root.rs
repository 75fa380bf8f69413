//! The root of a manifest: the list of its leaves.
//!
//! ```text
//! root = version (1) , "R" , entries , pins , size in bytes , number of leaves , { leaf }
//! leaf = first key , last key , entries , pins , size in bytes , chunk name (32 bytes)
//! ```
//! Numbers are varints. A first key is written against the last key of the leaf before, a last key against the first,
//! each as the number of bytes in common and the rest. Totals are those of all leaves.

use super::LEAF_ENTRIES_MAX;
use super::prefix::{read_key, write_key};
use crate::format::{InvalidFormat, Reader, Writer};
use crate::hash::ChunkId;
use crate::pin::Entry;

const VERSION: u8 = 1;
const KIND: u8 = b'R';
const LEAF_BYTES_MIN: usize = 39;
const LEAF_BYTES_TYPICAL: usize = 80;

/// A leaf as the root lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRef {
    pub first: String,
    pub last: String,
    /// How many entries the leaf has.
    pub count: u32,
    /// How many of them are pins.
    pub pins: u32,
    /// The sizes of the pins' contents together; `u64::MAX` when that is not enough.
    pub size_bytes: u64,
    pub id: ChunkId,
}

impl LeafRef {
    /// Describes a leaf that is stored as `id`; `None` when there are no entries.
    pub(super) fn describe(entries: &[(String, Entry)], id: ChunkId) -> Option<Self> {
        let ((first, _), (last, _)) = (entries.first()?, entries.last()?);
        let (mut pins, mut size_bytes) = (0, 0_u64);
        for (_, entry) in entries {
            if let Entry::Pin(pin) = entry {
                pins += 1;
                size_bytes = size_bytes.saturating_add(pin.size_bytes);
            }
        }
        let count = u32::try_from(entries.len()).ok()?;
        Some(Self { first: first.clone(), last: last.clone(), count, pins, size_bytes, id })
    }
}

/// The leaves of a manifest, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub leaves: Vec<LeafRef>,
}

impl Root {
    /// The root of the map without entries.
    pub fn empty() -> Self {
        Self { leaves: Vec::new() }
    }

    /// How many entries there are, of all kinds.
    pub fn entries(&self) -> u64 {
        self.leaves.iter().map(|leaf| u64::from(leaf.count)).sum()
    }

    /// How many pins there are.
    pub fn pins(&self) -> u64 {
        self.leaves.iter().map(|leaf| u64::from(leaf.pins)).sum()
    }

    /// The sizes of the pins' contents together; `u64::MAX` when that is not enough.
    pub fn size_bytes(&self) -> u64 {
        self.leaves.iter().fold(0, |sum, leaf| sum.saturating_add(leaf.size_bytes))
    }

    /// The one leaf that may hold the key; `None` when none can.
    pub fn leaf_for(&self, key: &str) -> Option<&LeafRef> {
        let at = self.leaves.partition_point(|leaf| leaf.last.as_str() < key);
        self.leaves.get(at).filter(|leaf| leaf.first.as_str() <= key)
    }

    /// The leaves that may hold keys from `first` on and before `end`; `None` has no end.
    pub fn leaves_in(&self, first: &str, end: Option<&str>) -> &[LeafRef] {
        let from = self.leaves.partition_point(|leaf| leaf.last.as_str() < first);
        let to = end.map_or(self.leaves.len(), |end| self.leaves.partition_point(|leaf| leaf.first.as_str() < end));
        self.leaves.get(from..to).unwrap_or(&[])
    }

    /// The stored form. Its hash is the manifest's name.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(40 + self.leaves.len() * LEAF_BYTES_TYPICAL);
        writer.byte(VERSION);
        writer.byte(KIND);
        writer.number(self.entries());
        writer.number(self.pins());
        writer.number(self.size_bytes());
        writer.count(self.leaves.len());
        let mut previous = "";
        for leaf in &self.leaves {
            write_key(&mut writer, previous, &leaf.first);
            write_key(&mut writer, &leaf.first, &leaf.last);
            writer.number(leaf.count);
            writer.number(leaf.pins);
            writer.number(leaf.size_bytes);
            writer.raw(leaf.id.as_bytes());
            previous = &leaf.last;
        }
        writer.finish()
    }

    /// Reads what `encode` writes.
    ///
    /// # Errors
    /// Bytes that no root has: leaves out of order or overlapping, counts that contradict each other.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidFormat> {
        let mut reader = Reader::new("root of a manifest", bytes);
        reader.version(VERSION)?;
        if reader.byte()? != KIND {
            return Err(reader.broken("it is not a root"));
        }
        let totals = (reader.u64()?, reader.u64()?, reader.u64()?);
        let count = reader.count(LEAF_BYTES_MIN)?;
        let mut leaves: Vec<LeafRef> = Vec::with_capacity(count);
        for _ in 0..count {
            let leaf = read_leaf(&mut reader, leaves.last())?;
            leaves.push(leaf);
        }
        let root = Self { leaves };
        if totals != (root.entries(), root.pins(), root.size_bytes()) {
            return Err(reader.broken("its totals are not those of its leaves"));
        }
        reader.finish()?;
        Ok(root)
    }
}

fn read_leaf(reader: &mut Reader<'_>, previous: Option<&LeafRef>) -> Result<LeafRef, InvalidFormat> {
    let previous = previous.map(|leaf| leaf.last.as_str());
    let first = read_key(reader, previous.unwrap_or(""))?;
    let last = read_key(reader, &first)?;
    let (count, pins, size_bytes) = (reader.u32()?, reader.u32()?, reader.u64()?);
    if previous.is_some_and(|previous| previous >= first.as_str()) || first > last {
        return Err(reader.broken("its leaves are not in order"));
    }
    if count == 0 || count as usize > LEAF_ENTRIES_MAX || pins > count || (count == 1) != (first == last) {
        return Err(reader.broken("a leaf cannot have so many entries"));
    }
    Ok(LeafRef { first, last, count, pins, size_bytes, id: reader.chunk_id()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::samples::{Leaves, pins};
    use crate::manifest::shape::Shape;

    fn leaf(first: &str, last: &str, count: u32) -> LeafRef {
        let (first, last) = (first.to_owned(), last.to_owned());
        LeafRef { id: ChunkId::of(first.as_bytes()), first, last, count, pins: 1, size_bytes: 300 }
    }

    #[test]
    fn the_stored_form_stays_what_it_is() {
        let root = Root { leaves: vec![leaf("a/1", "a/9", 130), leaf("b", "b", 1)] };
        let expected = [
            b"\x01R\x83\x01\x02\xD8\x04\x02".as_slice(),
            b"\x00\x03a/1\x02\x019\x82\x01\x01\xAC\x02",
            ChunkId::of(b"a/1").as_bytes(),
            b"\x00\x01b\x01\x00\x01\x01\xAC\x02",
            ChunkId::of(b"b").as_bytes(),
        ]
        .concat();
        assert_eq!(root.encode(), expected);
        assert_eq!(Root::decode(&expected), Ok(root));
        assert_eq!(Root::empty().encode(), b"\x01R\0\0\0\0");
    }

    #[test]
    fn a_map_keeps_its_name() {
        let built = Leaves::default().build(&pins(1_000), Shape::STORED);
        assert_eq!(built.id.to_string(), "2c5df4571ce231d90c541f1cf6c13f5a5737b13dbba217066627516b8a9c213f");
    }

    #[test]
    fn a_root_that_breaks_the_rules_is_refused() {
        let refused = |leaves| matches!(Root::decode(&Root { leaves }.encode()), Err(InvalidFormat::Broken { .. }));
        assert!(refused(vec![leaf("b", "c", 2), leaf("a", "a", 1)]));
        assert!(refused(vec![leaf("a", "c", 2), leaf("c", "d", 2)]));
        assert!(refused(vec![leaf("b", "a", 2)]));
        assert!(refused(vec![leaf("a", "b", 1)]));
        assert!(refused(vec![leaf("a", "b", 0)]));
        assert!(refused(vec![leaf("a", "b", LEAF_ENTRIES_MAX as u32 + 1)]));
        assert!(refused(vec![LeafRef { pins: 3, ..leaf("a", "b", 2) }]));
        assert!(!refused(vec![leaf("a", "b", 2)]));

        let mut totals = Root { leaves: vec![leaf("a", "b", 2)] }.encode();
        totals[2] += 1;
        assert!(matches!(Root::decode(&totals), Err(InvalidFormat::Broken { .. })));
    }

    #[test]
    fn sizes_that_are_too_large_to_add_stay_readable() {
        let huge = |key| LeafRef { size_bytes: u64::MAX, ..leaf(key, key, 1) };
        let root = Root { leaves: vec![huge("a"), huge("b")] };
        assert_eq!(root.size_bytes(), u64::MAX);
        assert_eq!(Root::decode(&root.encode()), Ok(root));
    }
}
