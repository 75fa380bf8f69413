//! What holds for all manifests.

use proptest::prelude::*;

use super::samples::{Leaves, Map, SMALL, any_entry, pin, pins};
use super::shape::Shape;
use super::{Difference, Edits, Leaf, Root, compare, differing};
use crate::hash::ChunkId;
use crate::pin::Entry;

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,4}", "[ab]/[ab]/[a-zé]"]
}

fn map() -> impl Strategy<Value = Map> {
    prop::collection::btree_map(key(), (0_u64..20).prop_map(|seed| Entry::Pin(pin(seed))), 0..60)
}

fn edits() -> impl Strategy<Value = Edits> {
    let entry = prop::option::of((0_u64..20).prop_map(|seed| Entry::Pin(pin(seed))));
    prop::collection::btree_map(key(), entry, 0..12)
}

fn apply(map: &Map, edits: &Edits) -> Map {
    let mut map = map.clone();
    for (key, entry) in edits {
        match entry {
            Some(entry) => map.insert(key.clone(), entry.clone()),
            None => map.remove(key),
        };
    }
    map
}

fn naive(before: &Map, after: &Map) -> Vec<Difference> {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differences = keys.into_iter().map(|key| Difference {
        key: key.clone(),
        before: before.get(key).cloned(),
        after: after.get(key).cloned(),
    });
    differences.filter(|difference| difference.before != difference.after).collect()
}

/// Edits of a map, and edits that take each its own part of them.
fn parts(edits: &Edits, count: usize) -> Vec<Edits> {
    let mut parts = vec![Edits::new(); count];
    for (at, (key, entry)) in edits.iter().enumerate() {
        parts[at * 7 % count].insert(key.clone(), entry.clone());
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_rebuild_has_the_root_of_the_same_map_built_from_nothing(base in map(), edits in edits()) {
        let mut leaves = Leaves::default();
        let before = leaves.build(&base, SMALL);
        let after = apply(&base, &edits);

        let rebuilt = leaves.rebuild(&before.root, edits, SMALL);

        prop_assert_eq!(leaves.map(&rebuilt.root), after.clone());
        prop_assert_eq!(rebuilt.root.entries(), after.len() as u64);
        prop_assert_eq!(rebuilt, leaves.build(&after, SMALL));
    }

    #[test]
    fn a_run_that_is_removed_and_put_back_leaves_no_trace(
        base in map(), from: prop::sample::Index, run in 0_usize..30,
    ) {
        let mut leaves = Leaves::default();
        let before = leaves.build(&base, SMALL);
        let first = if base.is_empty() { 0 } else { from.index(base.len()) };
        let removed: Vec<_> = base.iter().skip(first).take(run).collect();
        let without: Edits = removed.iter().map(|(key, _)| ((*key).clone(), None)).collect();
        let again: Edits = removed.iter().map(|(key, entry)| ((*key).clone(), Some((*entry).clone()))).collect();

        let shorter = leaves.rebuild(&before.root, without.clone(), SMALL);
        let scratch = leaves.build(&apply(&base, &without), SMALL);
        prop_assert_eq!(&shorter, &scratch);
        prop_assert_eq!(leaves.rebuild(&shorter.root, again, SMALL), before);
    }

    #[test]
    fn the_order_of_edits_does_not_matter(base in map(), edits in edits(), count in 1_usize..5) {
        let mut leaves = Leaves::default();
        let base = leaves.build(&base, SMALL).root;
        let at_once = leaves.rebuild(&base, edits.clone(), SMALL);
        let mut parts = parts(&edits, count);
        for _ in 0..2 {
            let mut root = base.clone();
            for part in &parts {
                root = leaves.rebuild(&root, part.clone(), SMALL).root;
            }
            prop_assert_eq!(&root, &at_once.root);
            parts.reverse();
        }
    }

    #[test]
    fn edits_that_change_nothing_make_no_leaf(base in map(), absent in prop::collection::vec(key(), 0..5)) {
        let mut leaves = Leaves::default();
        let before = leaves.build(&base, SMALL);
        let same = base.iter().step_by(3).map(|(key, entry)| (key.clone(), Some(entry.clone())));
        let absent = absent.into_iter().filter(|key| !base.contains_key(key)).map(|key| (key, None));
        let after = leaves.rebuild(&before.root, same.chain(absent).collect(), SMALL);
        prop_assert_eq!(leaves.made, 0);
        prop_assert_eq!(after, before);
    }

    #[test]
    fn a_comparison_finds_what_differs(a in map(), b in map(), edits in edits()) {
        let mut leaves = Leaves::default();
        let root_a = leaves.build(&a, SMALL).root;
        for b in [b, apply(&a, &edits)] {
            let root_b = leaves.build(&b, SMALL).root;
            let (only_a, only_b) = differing(&root_a, &root_b);
            prop_assert!(only_a.iter().all(|id| root_b.leaves.iter().all(|leaf| leaf.id != *id)));
            prop_assert!(only_b.iter().all(|id| root_a.leaves.iter().all(|leaf| leaf.id != *id)));
            prop_assert_eq!(compare(&leaves.get(&only_a), &leaves.get(&only_b)), naive(&a, &b));
        }
    }

    #[test]
    fn a_lookup_finds_what_the_map_has(base in map(), wanted in key(), end in prop::option::of(key())) {
        let mut leaves = Leaves::default();
        let root = leaves.build(&base, SMALL).root;
        for key in base.keys().chain([&wanted]) {
            let found = root.leaf_for(key).and_then(|leaf| leaves.stored[&leaf.id].get(key));
            prop_assert_eq!(found, base.get(key));
        }
        let in_range = |key: &&String| **key >= wanted && end.as_ref().is_none_or(|end| *key < end);
        let ids: Vec<ChunkId> = root.leaves_in(&wanted, end.as_deref()).iter().map(|leaf| leaf.id).collect();
        let read = leaves.get(&ids);
        let found = read.iter().flat_map(|leaf| &leaf.entries).map(|(key, _)| key).filter(in_range);
        prop_assert_eq!(found.collect::<Vec<_>>(), base.keys().filter(in_range).collect::<Vec<_>>());
    }

    #[test]
    fn nodes_are_read_as_they_were_written(
        entries in prop::collection::btree_map("[-a-zé/]{1,300}", any_entry(), 1..20),
        mutation: (prop::sample::Index, u8),
    ) {
        let mut leaves = Leaves::default();
        let rebuilt = leaves.build(&entries, SMALL); // reads every node back
        prop_assert_eq!(leaves.map(&rebuilt.root), entries.clone());
        let leaf = Leaf { entries: entries.into_iter().collect() };
        let mut bytes = leaf.encode();
        prop_assert_eq!(Leaf::decode(&bytes), Ok(leaf));
        let at = mutation.0.index(bytes.len());
        prop_assert!(Leaf::decode(&bytes[..at]).is_err());
        bytes[at] ^= mutation.1;
        let _ = Leaf::decode(&bytes);
        let mut bytes = rebuilt.bytes;
        let at = mutation.0.index(bytes.len());
        prop_assert!(Root::decode(&bytes[..at]).is_err());
        bytes[at] ^= mutation.1;
        let _ = Root::decode(&bytes);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Leaf::decode(&[&b"\x01L"[..], &bytes].concat());
        let _ = Leaf::decode(&[&b"\x01L\x01\x00\x01a"[..], &bytes].concat());
        let _ = Root::decode(&[&b"\x01R"[..], &bytes].concat());
        let _ = Root::decode(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_rebuild_in_leaves_of_stored_size_leaves_no_trace(
        changes in prop::collection::vec((0_u64..1_700, 1_u64..300, prop::option::of(0_u64..20)), 1..6),
    ) {
        let mut leaves = Leaves::default();
        let all = pins(1_700);
        let keys: Vec<&String> = all.keys().collect();
        let base: Map = all.iter().skip(100).take(1_500).map(|(key, entry)| (key.clone(), entry.clone())).collect();
        let before = leaves.build(&base, Shape::STORED);
        let mut edits = Edits::new();
        for (first, run, seed) in changes {
            for key in keys.iter().skip(first as usize).take(run as usize) {
                edits.insert((*key).clone(), seed.map(|seed| Entry::Pin(pin(seed))));
            }
        }
        let after = leaves.rebuild(&before.root, edits.clone(), Shape::STORED);
        prop_assert_eq!(after, leaves.build(&apply(&base, &edits), Shape::STORED));
    }
}

#[test]
fn few_edits_of_many_entries_make_few_leaves() {
    let mut leaves = Leaves::default();
    let base = pins(20_000);
    let before = leaves.build(&base, Shape::STORED);
    let average = base.len() / before.root.leaves.len();
    assert!((110..140).contains(&average), "{average} entries in a leaf");

    let (mut made, mut read, mut edited) = (0, 0, 0);
    for round in 0..20 {
        let mut edits = Edits::new();
        for (at, key) in base.keys().skip(round * 37).step_by(2_003).enumerate() {
            match at % 3 {
                0 => edits.insert(key.clone(), Some(Entry::Pin(pin(1 << 40)))),
                1 => edits.insert(key.clone(), None),
                _ => edits.insert(format!("{key}.bak"), Some(Entry::Pin(pin(1 << 41)))),
            };
        }
        edited += edits.len();
        let after = leaves.rebuild(&before.root, edits.clone(), Shape::STORED);
        (made, read) = (made + leaves.made, read + leaves.read);
        assert_eq!(after.id, leaves.build(&apply(&base, &edits), Shape::STORED).id);
    }
    assert!(made <= edited * 3 / 2 && read <= edited * 3 / 2, "{edited} edits made {made} leaves and read {read}");
}

#[test]
fn a_run_of_new_entries_makes_only_its_own_leaves() {
    let mut leaves = Leaves::default();
    let before = leaves.build(&pins(20_000), Shape::STORED);
    for place in ["a/", "icons/010/icon-0010500.svg/", "z/"] {
        let edits = (0..1_000).map(|seed| (format!("{place}{seed:04}"), Some(Entry::Pin(pin(seed))))).collect();
        leaves.rebuild(&before.root, edits, Shape::STORED);
        assert!(leaves.made <= 12 && leaves.read <= 3, "made {}, read {}", leaves.made, leaves.read);
    }
}

#[test]
fn a_map_may_become_empty() {
    let mut leaves = Leaves::default();
    let base = pins(1_000);
    let before = leaves.build(&base, Shape::STORED);
    let edits = base.into_keys().map(|key| (key, None)).collect();
    let after = leaves.rebuild(&before.root, edits, Shape::STORED);
    assert_eq!((after.root, leaves.made), (Root::empty(), 0));
}
