//! People and tokens.

pub(super) mod token;
pub(super) mod user;
