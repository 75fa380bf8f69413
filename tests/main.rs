//! Laws of the whole project, in one binary.

mod tidy;
