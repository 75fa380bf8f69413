//! Releases, their builds, and the environments that serve them.

pub(super) mod build;
pub(super) mod change;
pub(super) mod deployment;
pub(super) mod environment;
pub(super) mod publication;
pub(super) mod release;
