//! What the store has been asked for since it was opened: for metrics, and for tests that bound the requests.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much the store has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packs written.
    pub puts: u64,
    /// Reads: ranged requests to a remote store, positional reads of a local one.
    pub gets: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
}

/// The counters as they are counted.
#[derive(Default)]
pub(super) struct Counting {
    puts: AtomicU64,
    gets: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl Counting {
    pub(super) fn put(&self, bytes: usize) {
        self.puts.fetch_add(1, Relaxed);
        self.bytes_written.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn get(&self) {
        self.gets.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            puts: self.puts.load(Relaxed),
            gets: self.gets.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
        }
    }
}
