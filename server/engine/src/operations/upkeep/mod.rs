//! Keeping the store healthy: collecting garbage, compacting packs, reading everything again.

pub(super) mod check_store;
pub(super) mod collect_garbage;
pub(super) mod compact;
