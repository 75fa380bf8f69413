//! Laws of the whole project, in one binary.

mod delivery;
mod http;
mod laws;
mod service;
mod tidy;
