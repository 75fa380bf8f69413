//! Commands of the gate: policies, what they would say, and what they ask for.

pub mod build;
pub mod checklist;
pub mod freeze;
pub mod locks;
pub mod policy;
pub mod preview;
pub mod review;
pub mod waiver;
