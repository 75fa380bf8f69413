//! Where leaves end. A leaf ends after an entry whose key's hash says so, once it has some entries, at the latest
//! when it is full; and at the end of the map. This is a function of the keys alone, not of their entries and not
//! of history. A cut that a hash makes is found again after an edit before it, so that a change stays local.

/// The fewest entries of a leaf, but for the last.
pub const LEAF_ENTRIES_MIN: usize = 64;
/// The most entries of a leaf.
pub const LEAF_ENTRIES_MAX: usize = 256;

/// The sizes of leaves. Stored manifests all have [`Shape::STORED`]; tests use smaller leaves to have more of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) entries_min: usize,
    pub(super) entries_max: usize,
    /// The bits of the first byte of a key's BLAKE3 that must be 0 for a cut after it.
    pub(super) mask: u8,
}

impl Shape {
    /// Leaves of 64 to 256 entries, 125 on average. Changing it gives every map another root.
    pub(super) const STORED: Self = Self { entries_min: LEAF_ENTRIES_MIN, entries_max: LEAF_ENTRIES_MAX, mask: 0x3F };

    /// Whether a leaf ends after its entry number `count`, counted from 1, which has this key.
    pub(super) fn ends_leaf(self, count: usize, key: &str) -> bool {
        count >= self.entries_max
            || (count >= self.entries_min && blake3::hash(key.as_bytes()).as_bytes()[0] & self.mask == 0)
    }
}
