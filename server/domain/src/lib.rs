//! What is true in Shelfmark, whoever asks and wherever it is stored: names, stored formats, manifests, the rules
//! of releases, environments and access. No IO, no async, no clock: instants and chance come in as arguments.

pub mod access;
pub mod audit;
pub mod chunk_list;
pub mod chunking;
pub mod environment;
pub mod failure;
pub mod filter;
pub mod format;
pub mod gate;
pub mod hash;
pub mod letter_case;
pub mod location;
pub mod manifest;
pub mod metadata;
pub mod name;
pub mod negotiation;
pub mod notes;
pub mod notify;
pub mod pack;
pub mod path;
pub mod pin;
pub mod rebase;
pub mod references;
pub mod release;
pub mod schedule;
pub mod target;
pub mod time;
pub mod work_item;
