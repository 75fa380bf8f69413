//! Telling others what has happened: which events someone wants, when a failed delivery is tried again, when a digest
//! is due, and which addresses on the network may be called.

pub mod address;
pub mod backoff;
pub mod interest;
pub mod pattern;
pub mod timing;
