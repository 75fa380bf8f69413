//! Shelfmark, the root package: who asks. `http` is the API, `delivery` serves what environments pin, `jobs` run by
//! themselves, `cli` is the command line; `web` holds what every answer has in common, and `app` opens it all.

pub mod app;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod http;
pub mod jobs;
pub mod memory;
pub mod web;

pub use app::Services;
