//! Shelfmark, the root package: who asks. The command line is in `cli`; `app` opens what a server needs.

pub mod app;
pub mod cli;
