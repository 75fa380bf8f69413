//! Entries, maps and a store of leaves for the tests of manifests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;

use super::shape::Shape;
use super::{Edits, Leaf, Rebuild, RebuiltRoot, Root, Step};
use crate::hash::{ChunkId, ContentId};
use crate::metadata::Metadata;
use crate::pin::{AssetId, Entry, Parameter, Pin, Visibility};
use crate::time::Timestamp;

pub(super) type Map = BTreeMap<String, Entry>;

/// Leaves of 2 to 6 entries, so that a small map has many.
pub(super) const SMALL: Shape = Shape { entries_min: 2, entries_max: 6, mask: 3 };

/// A pin as imports make them; another seed makes another.
pub(super) fn pin(seed: u64) -> Pin {
    let mut asset = [0; 16];
    asset[8..].copy_from_slice(&seed.to_be_bytes());
    Pin {
        asset: AssetId(asset),
        version: 1,
        content: ContentId::of(&seed.to_le_bytes()),
        size_bytes: 1_000 + seed % 1_000,
        media_type: "image/svg+xml".to_owned(),
        dimensions: Some((24, 24)),
        modified_at: Timestamp::from_micros(1_772_000_000_000_000),
        metadata: Metadata::default(),
    }
}

/// A map of so many pins.
pub(super) fn pins(count: u64) -> Map {
    (0..count).map(|seed| (format!("icons/{:03}/icon-{seed:07}.svg", seed / 1_000), Entry::Pin(pin(seed)))).collect()
}

/// Any entry: every kind, with every field at its ends.
pub(super) fn any_entry() -> impl Strategy<Value = Entry> {
    let metadata = ("[a-zé\"\\\\]{0,9}", prop::collection::vec("[a-z]{1,3}", 0..3), any::<bool>()).prop_map(
        |(title, tags, is_empty)| match is_empty {
            true => Metadata::default(),
            false => {
                let expires_on = Some(jiff::civil::date(2027, 12, 31));
                Metadata { title: Some(title), tags, expires_on, ..Metadata::default() }
            }
        },
    );
    let media = prop_oneof!["[a-c]/[a-c]", "x{254,257}", Just(String::new())];
    let pin = (any::<([u8; 16], i64, [u8; 32], u64)>(), media, any::<(Option<(u32, u32)>, i64)>(), metadata).prop_map(
        |((asset, version, content, size_bytes), media_type, (dimensions, modified_at), metadata)| Pin {
            asset: AssetId(asset),
            version,
            content: ContentId::from_bytes(content),
            size_bytes,
            media_type,
            dimensions,
            modified_at: Timestamp::from_micros(modified_at),
            metadata,
        },
    );
    let values = prop::collection::btree_map("[a-c]{1,2}", "[a-zß]{0,4}", 0..3);
    let parameter = (".{0,8}", values).prop_map(|(value, by_environment)| Parameter {
        value,
        by_environment: by_environment.into_iter().map(|(name, value)| (name.parse().unwrap(), value)).collect(),
    });
    prop_oneof![
        6 => pin.prop_map(Entry::Pin),
        2 => parameter.prop_map(Entry::Parameter),
        1 => Just(Entry::Access(Visibility::Public)),
        1 => Just(Entry::Access(Visibility::Private)),
    ]
}

/// The leaves that rebuilds have made.
#[derive(Default)]
pub(super) struct Leaves {
    pub(super) stored: HashMap<ChunkId, Arc<Leaf>>,
    /// How many leaves the last rebuild made, and how many it read.
    pub(super) made: usize,
    pub(super) read: usize,
}

impl Leaves {
    /// Makes the edits, and checks what every rebuild promises on the way.
    pub(super) fn rebuild(&mut self, base: &Root, edits: Edits, shape: Shape) -> RebuiltRoot {
        (self.made, self.read) = (0, 0);
        let mut rebuild = Rebuild::with_shape(Arc::new(base.clone()), edits, shape);
        let mut affected = rebuild.affected();
        loop {
            match rebuild.step() {
                Step::Need(id) => {
                    assert_eq!(rebuild.step(), Step::Need(id));
                    self.read += 1;
                    affected.retain(|other| *other != id);
                    rebuild.supply(id, &self.stored[&id]);
                }
                Step::Leaf { id, bytes, replaces } => {
                    assert_eq!(id, ChunkId::of(&bytes));
                    assert!(replaces.is_none_or(|old| old != id && base.leaves.iter().any(|leaf| leaf.id == old)));
                    assert!(base.leaves.iter().all(|leaf| leaf.id != id), "a leaf of the base is not made again");
                    self.made += 1;
                    self.stored.insert(id, Arc::new(Leaf::decode(&bytes).unwrap()));
                }
                Step::Done(done) => {
                    assert!(affected.is_empty(), "what is announced is needed");
                    assert_eq!(rebuild.step(), Step::Done(done.clone()));
                    assert_eq!(Root::decode(&done.bytes), Ok(done.root.clone()));
                    return done;
                }
            }
        }
    }

    /// The manifest of a map, built from nothing.
    pub(super) fn build(&mut self, map: &Map, shape: Shape) -> RebuiltRoot {
        let edits = map.iter().map(|(key, entry)| (key.clone(), Some(entry.clone()))).collect();
        self.rebuild(&Root::empty(), edits, shape)
    }

    pub(super) fn get(&self, ids: &[ChunkId]) -> Vec<Arc<Leaf>> {
        ids.iter().map(|id| Arc::clone(&self.stored[id])).collect()
    }

    /// All entries of a manifest.
    pub(super) fn map(&self, root: &Root) -> Map {
        root.leaves.iter().flat_map(|leaf| self.stored[&leaf.id].entries.clone()).collect()
    }
}
