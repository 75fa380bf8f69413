//! Laws of the whole project, in one binary.

mod http;
mod service;
mod tidy;
