//! Bytes: nothing needed is lost, nothing else stays.

pub(super) mod compacting;
pub(super) mod faults;
pub(super) mod garbage;
pub(super) mod races;
pub(super) mod statements;
