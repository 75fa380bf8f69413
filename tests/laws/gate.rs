//! The gate: what stands between a build and an environment, and that nothing goes around it.

mod approving;
mod locking;
mod people;
mod sequences;
mod waiting;
mod working;
