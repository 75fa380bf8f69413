//! The manifest: the immutable map from key to entry that a build is. Its entries are sorted by key and lie in
//! leaves; one root lists the leaves. Leaves and root are stored as chunks, and the root's name is the manifest's.
//!
//! - What a manifest looks like depends on its map alone: the same map has the same root, however it was reached, and
//!   two maps that differ in k entries have all but about k leaves in common. Where a leaf ends follows from the keys.
//! - A lookup needs the root and one leaf, a comparison the root and the leaves that differ, a change the leaves
//!   that it falls into. All are immutable, so whoever reads may keep them for ever.
//! - Nothing here fetches: [`Rebuild`] says which leaf it needs and which it has made.

mod compare;
mod leaf;
mod lookup;
mod prefix;
mod rebuild;
mod root;
mod shape;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod samples;

pub use compare::{Difference, compare, differing};
pub use leaf::Leaf;
pub use lookup::visibility;
pub use rebuild::{Edits, Rebuild, RebuiltRoot, Step};
pub use root::{LeafRef, Root};
pub use shape::{LEAF_ENTRIES_MAX, LEAF_ENTRIES_MIN};
