//! What differs between two manifests. Leaves that both have are equal and are not read.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Leaf, Root};
use crate::hash::ChunkId;
use crate::pin::Entry;

/// The leaves of `a` that `b` does not have, and those of `b` that `a` does not have, each in the order of their
/// keys. All that differs lies in them.
pub fn differing(a: &Root, b: &Root) -> (Vec<ChunkId>, Vec<ChunkId>) {
    let (mut only_a, mut only_b) = (Vec::new(), Vec::new());
    let (mut rest_a, mut rest_b) = (a.leaves.iter().peekable(), b.leaves.iter().peekable());
    loop {
        // Equal leaves have equal first keys, so a leaf can only be found again where the other map has its first key.
        match (rest_a.peek(), rest_b.peek()) {
            (Some(x), Some(y)) if x.id == y.id => {
                rest_a.next();
                rest_b.next();
            }
            (Some(x), Some(y)) if x.first <= y.first => only_a.extend(rest_a.next().map(|leaf| leaf.id)),
            (_, Some(_)) => only_b.extend(rest_b.next().map(|leaf| leaf.id)),
            (Some(_), None) => only_a.extend(rest_a.next().map(|leaf| leaf.id)),
            (None, None) => return (only_a, only_b),
        }
    }
}

/// A key whose entries differ. `before` or `after` is absent where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

/// The differences between the entries of the leaves that [`differing`] names, each list in the order of its keys.
/// They come in the order of their keys.
pub fn compare(a: &[Arc<Leaf>], b: &[Arc<Leaf>]) -> Vec<Difference> {
    let mut before = a.iter().flat_map(|leaf| &leaf.entries).peekable();
    let mut after = b.iter().flat_map(|leaf| &leaf.entries).peekable();
    let mut differences = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some((x, _)), Some((y, _))) => x.cmp(y),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return differences,
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        let (old_entry, new_entry) = (old.map(|(_, entry)| entry), new.map(|(_, entry)| entry));
        if old_entry != new_entry
            && let Some((key, _)) = old.or(new)
        {
            let (before, after) = (old_entry.cloned(), new_entry.cloned());
            differences.push(Difference { key: key.clone(), before, after });
        }
    }
}
