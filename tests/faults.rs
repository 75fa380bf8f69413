//! What surrounds the server fails: its disk, its database, its store, its clock, its supervisor. The program itself is
//! started, with the fault put between it and the rest. Whatever fails, nothing acknowledged is lost, the answer says
//! what is wrong, and when the fault is over the same request succeeds without anyone's help.

mod clock;
mod distant_store;
mod ending;
mod failing_calls;
mod full_disk;
mod ledger;
mod lock;
mod open_files;
mod postgres;
mod proxy;
mod unknown_outcome;
