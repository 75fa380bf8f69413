//! What happens in Shelfmark: the store of bytes, the catalog of rows, and the operations on both.

pub mod store;
