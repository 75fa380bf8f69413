//! References: found, declared, and what depends on them.

pub(super) mod depending;
pub(super) mod examining;
pub(super) mod using;
