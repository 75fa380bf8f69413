//! Verbs: what can be done. Each operation checks who asks, writes bytes first and then moves rows in one transaction
//! with its audit entry. A read may go straight to the catalog; a change goes through here.

mod chunks;
mod cutting;
mod packing;
mod contents;
mod manifests;

pub use chunks::{Chunks, ReadError};
pub use contents::{ContentStream, Contents};
pub use manifests::{AccessRules, Manifests};
