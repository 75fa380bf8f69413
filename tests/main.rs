//! Laws of the whole project, in one binary.

mod laws;
mod tidy;
