//! Laws of the whole project, in one binary.

mod delivery;
mod disk_faults;
mod faults;
mod http;
mod kill;
mod laws;
mod load;
mod memory;
mod notify;
mod power;
mod process;
mod service;
mod tidy;
