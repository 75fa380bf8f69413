//! What happens in Shelfmark: the store of bytes, the catalog of rows, and the operations on both.
//! This is the only package that knows databases and object stores.

pub mod catalog;
pub mod clock;
pub mod limits;
pub mod operations;
pub mod store;

mod engine;

pub use engine::{Engine, EngineParts};
