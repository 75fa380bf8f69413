//! The manifest that some edits make of another one. It scans the map as if it were built anew, but passes over
//! every leaf that begins where a new leaf begins and that no edit falls into: that leaf comes out the same. So the
//! outcome is the one that the map alone decides, at the cost of the leaves around the edits.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use super::shape::Shape;
use super::{Leaf, LeafRef, Root};
use crate::hash::{ChunkId, ManifestId};
use crate::pin::Entry;

/// What is to change, by key: the entry that it gets, or `None` to remove it.
pub type Edits = BTreeMap<String, Option<Entry>>;

/// What the caller of [`Rebuild::step`] has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Supply this leaf of the base.
    Need(ChunkId),
    /// Store this new leaf. `replaces` is the leaf of the base that most of its entries come from, against which it
    /// compresses well.
    Leaf { id: ChunkId, bytes: Vec<u8>, replaces: Option<ChunkId> },
    /// Store the root. There are no more steps.
    Done(RebuiltRoot),
}

/// The root of the new manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuiltRoot {
    pub root: Root,
    pub id: ManifestId,
    pub bytes: Vec<u8>,
}

/// A rebuild under way. It holds the root, the edits and the leaf it is at; leaves supplied ahead as well.
#[derive(Debug)]
pub struct Rebuild {
    shape: Shape,
    base: Arc<Root>,
    edits: Peekable<vec::IntoIter<(String, Option<Entry>)>>,
    affected: Vec<ChunkId>,
    /// The leaf of the base that the scan is at.
    at: usize,
    /// The entries of that leaf which the scan has not come to; `None` before the leaf is opened.
    unread: Option<Peekable<vec::IntoIter<(String, Entry)>>>,
    supplied: HashMap<ChunkId, Vec<(String, Entry)>>,
    /// The entries of the new leaf so far.
    open: Vec<(String, Entry)>,
    /// Which leaves of the base they come from, and how many from each.
    origins: Vec<(usize, usize)>,
    built: Vec<LeafRef>,
}

impl Rebuild {
    /// Starts to make the edits to the map of `base`. Removing what is not there and setting what is there already
    /// change nothing.
    pub fn new(base: Arc<Root>, edits: Edits) -> Self {
        Self::with_shape(base, edits, Shape::STORED)
    }

    pub(super) fn with_shape(base: Arc<Root>, mut edits: Edits, shape: Shape) -> Self {
        let mut affected = Vec::new();
        edits.retain(|key, entry| {
            let at = base.leaves.partition_point(|leaf| leaf.last < *key);
            let Some(leaf) = base.leaves.get(at) else { return entry.is_some() };
            // Before a leaf, but after the one before it: there is nothing to remove, and an insertion begins a leaf.
            let is_change = entry.is_some() || leaf.first <= *key;
            if is_change && affected.last() != Some(&leaf.id) {
                affected.push(leaf.id);
            }
            is_change
        });
        if let (Some(last), Some((key, _))) = (base.leaves.last(), edits.last_key_value())
            && *key > last.last
            && grows_at_its_end(last, shape)
            && affected.last() != Some(&last.id)
        {
            affected.push(last.id);
        }
        Self {
            shape,
            base,
            edits: edits.into_iter().collect::<Vec<_>>().into_iter().peekable(),
            affected,
            at: 0,
            unread: None,
            supplied: HashMap::new(),
            open: Vec::new(),
            origins: Vec::new(),
            built: Vec::new(),
        }
    }

    /// The leaves that edits fall into, to be fetched ahead in one go. The rebuild will need all of these, and now
    /// and then one that follows them.
    pub fn affected(&self) -> Vec<ChunkId> {
        self.affected.clone()
    }

    /// Hands over a leaf of the base, asked for or ahead of that.
    pub fn supply(&mut self, id: ChunkId, leaf: &Leaf) {
        self.supplied.insert(id, leaf.entries.clone());
    }

    /// Goes on until there is something to do for the caller. A leaf that is needed is asked for until it is there.
    pub fn step(&mut self) -> Step {
        let base = Arc::clone(&self.base);
        loop {
            let made = if self.unread.is_some() {
                self.scan_entry()
            } else if let Some(leaf) = base.leaves.get(self.at) {
                if self.open.is_empty() && !self.is_edited(leaf) {
                    self.built.push(leaf.clone());
                    self.at += 1;
                } else if let Some(entries) = self.supplied.remove(&leaf.id) {
                    self.unread = Some(entries.into_iter().peekable());
                } else {
                    return Step::Need(leaf.id);
                }
                None
            } else if let Some((key, entry)) = self.edits.next() {
                entry.and_then(|entry| self.append(key, entry))
            } else if self.open.is_empty() {
                return Step::Done(self.root());
            } else {
                self.close()
            };
            if let Some(step) = made {
                return step;
            }
        }
    }

    /// Whether an edit falls into this leaf of the base, which the scan is at.
    fn is_edited(&mut self, leaf: &LeafRef) -> bool {
        let is_last = self.at + 1 == self.base.leaves.len();
        match self.edits.peek() {
            Some((key, _)) => *key <= leaf.last || (is_last && grows_at_its_end(leaf, self.shape)),
            None => false,
        }
    }

    /// Takes the next entry of the leaf that the scan is at, or the edit that stands before or instead of it.
    fn scan_entry(&mut self) -> Option<Step> {
        let unread = self.unread.as_mut()?;
        let end = &self.base.leaves[self.at].last;
        let edit = self.edits.peek().map(|(key, _)| key).filter(|key| *key <= end);
        let order = match (unread.peek(), edit) {
            (Some((key, _)), Some(edit)) => key.cmp(edit),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => {
                self.unread = None;
                self.at += 1;
                return None;
            }
        };
        let old = if order.is_le() { unread.next() } else { None };
        let is_old = old.is_some();
        let (key, entry) =
            if order.is_lt() { old.map(|(key, entry)| (key, Some(entry)))? } else { self.edits.next()? };
        let entry = entry?;
        if is_old {
            match self.origins.last_mut() {
                Some((leaf, entries)) if *leaf == self.at => *entries += 1,
                _ => self.origins.push((self.at, 1)),
            }
        }
        self.append(key, entry)
    }

    fn append(&mut self, key: String, entry: Entry) -> Option<Step> {
        let is_end = self.shape.ends_leaf(self.open.len() + 1, &key);
        self.open.push((key, entry));
        if is_end { self.close() } else { None }
    }

    /// Ends the new leaf; a step unless the base has that leaf.
    fn close(&mut self) -> Option<Step> {
        let leaf = Leaf { entries: std::mem::take(&mut self.open) };
        let origins = std::mem::take(&mut self.origins);
        let bytes = leaf.encode();
        let id = ChunkId::of(&bytes);
        let described = LeafRef::describe(&leaf.entries, id)?;
        let same = self.base.leaves.binary_search_by(|old| old.first.cmp(&described.first));
        let is_stored = same.is_ok_and(|at| self.base.leaves[at].id == id);
        self.built.push(described);
        if is_stored {
            return None;
        }
        let nearest = origins.into_iter().max_by_key(|(_, entries)| *entries);
        let replaces = nearest.map(|(at, _)| self.base.leaves[at].id);
        Some(Step::Leaf { id, bytes, replaces })
    }

    fn root(&self) -> RebuiltRoot {
        let root = Root { leaves: self.built.clone() };
        let bytes = root.encode();
        RebuiltRoot { root, id: ManifestId::of(&bytes), bytes }
    }
}

/// Whether this last leaf of a map ends only because the map does, so that an entry after it belongs into it.
fn grows_at_its_end(last: &LeafRef, shape: Shape) -> bool {
    !shape.ends_leaf(last.count as usize, &last.last)
}
