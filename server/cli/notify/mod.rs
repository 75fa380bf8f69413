//! `shelfmark webhook`, `events`, `subscribe`: being told of what happens.

pub mod events;
pub mod subscription;
pub mod webhook;
mod webhook_log;
