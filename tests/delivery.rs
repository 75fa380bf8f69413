//! What delivery promises, tried over HTTP on a whole server.

mod access;
mod damage;
mod documents;
mod pinning;
mod ranges;
mod sending;
mod shelf;
mod validators;
