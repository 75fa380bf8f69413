//! Assets: where they are, their versions, the letter case of paths.

pub(super) mod asset;
pub(super) mod letter_case;
pub(super) mod place;
pub(super) mod version;
