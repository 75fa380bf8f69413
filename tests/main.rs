//! Laws of the whole project, in one binary.

mod delivery;
mod laws;
mod tidy;
