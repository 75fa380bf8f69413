//! Releases: planned, built, compared, promoted, one beside another.

pub(super) mod comparing;
pub(super) mod conflicts;
pub(super) mod deployments;
pub(super) mod numbers;
pub(super) mod planned;
pub(super) mod planning;
pub(super) mod rebasing;
pub(super) mod side_by_side;
