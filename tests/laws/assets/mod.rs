//! Assets: uploads, batches, moves, repetition.

pub(super) mod batches;
pub(super) mod crowding;
pub(super) mod moving;
pub(super) mod putting;
pub(super) mod repeating;
pub mod tars;
