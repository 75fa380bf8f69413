//! What the store holds: chunks, packs, contents, who uses them, and what may go.

pub(super) mod chunk;
pub(super) mod compaction;
pub(super) mod content;
pub(super) mod pack;
pub(super) mod statistics;
pub(super) mod sweep;
pub(super) mod usage;
