//! Laws of the whole project, in one binary.

mod delivery;
mod faults;
mod http;
mod kill;
mod laws;
mod memory;
mod process;
mod service;
mod tidy;
