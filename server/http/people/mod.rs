//! People, machines, and what they may do.

pub(super) mod me;
pub(super) mod tokens;
pub(super) mod users;
