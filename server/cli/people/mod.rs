//! People and tokens, and signing in as one of them.

pub(super) mod credentials;
pub(super) mod login;
pub(super) mod session;
pub(super) mod token;
pub(super) mod user;
