//! What assets refer to. What was found in contents is derived from them and can be thrown away; what people have
//! declared can't.

mod declared;
mod found;
mod impact;
mod pending;
mod place;

pub use declared::{Declaration, DeclaredRow, Need};
pub use found::{ExaminedContent, Findings};
pub use impact::AffectedRelease;
pub use pending::PendingAsset;
pub use place::{NewPlace, PlaceId};

/// The media types in which references are looked for, as a condition on `v.media_type`.
/// `shelfmark_domain::references::Format::of` says the same.
pub(super) const MAY_REFER: &str = "(v.media_type IN ('image/svg+xml', 'text/html', 'application/xhtml+xml', \
     'text/css', 'text/markdown', 'text/x-markdown', 'application/json', 'text/json') OR v.media_type LIKE '%+json')";
