//! Bringing bytes and versions in: uploads of one file, batches, and what lies below them. Bytes are cut, hashed and
//! packed while they come in; orders then make versions of them, many in one transaction.

pub(super) mod batch;
pub(super) mod committer;
pub(super) mod cutting;
pub(super) mod decide;
pub(super) mod encoding;
pub(super) mod facts;
pub(super) mod order;
pub(super) mod pack_memory;
pub(super) mod packing;
pub(super) mod put;
pub(super) mod repeat;
pub(super) mod tar;
pub(super) mod transfer;
