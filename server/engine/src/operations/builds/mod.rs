//! Builds and what they pin: making them, reading their manifests, comparing what two of them serve.

pub(super) mod build;
pub(super) mod compare;
pub(super) mod compare_folders;
pub(super) mod latest;
pub(super) mod manifests;
