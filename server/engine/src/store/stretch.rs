//! Stored bytes that can be sent without being read: chunks that lie raw in a pack of a local folder and were compared
//! with their names before. The system reads the file when it sends: who writes into a pack at that moment changes what
//! leaves. Shelfmark never does; a pack that is deleted stays whole for those who have it open.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use shelfmark_domain::pack::Encoding;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::deliver::check;
use super::error::StoreError;
use super::folder::Folder;
use super::plan::{Piece, Span, spans};
use super::{Inner, Store, blocking};

/// Bytes of an open file.
#[derive(Clone, Debug)]
pub struct Stretch {
    pub file: Arc<File>,
    /// Of the first byte, in the file.
    pub offset: u64,
    /// How many bytes there are.
    pub length: u64,
}

impl Stretch {
    /// Takes the first bytes off, at most `most` of them.
    #[must_use]
    pub fn split_to(&mut self, most: u64) -> Self {
        let length = most.min(self.length);
        let first = Self { file: self.file.clone(), offset: self.offset, length };
        self.offset += length;
        self.length -= length;
        first
    }

    /// Whether its ends are in memory, so that sending it will hardly wait for the disk. Where the system can't tell,
    /// they are taken to be.
    pub fn is_warm(&self) -> bool {
        let last = (self.offset + self.length).saturating_sub(1);
        is_byte_warm(&self.file, self.offset) && is_byte_warm(&self.file, last)
    }

    /// Reads it, so that it is in memory then. Blocks.
    pub fn warm(&self) {
        const READ_BYTES: usize = 256 << 10;
        let mut rest = self.clone();
        let mut bytes = vec![0; READ_BYTES];
        while rest.length > 0 {
            let part = rest.split_to(READ_BYTES as u64);
            // A failure shows again when the bytes are sent.
            if !matches!(rustix::io::pread(&*part.file, &mut bytes[..part.length as usize], part.offset), Ok(1..)) {
                return;
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn is_byte_warm(file: &File, offset: u64) -> bool {
    use rustix::io::{Errno, ReadWriteFlags};
    let mut byte = [0];
    let read = rustix::io::preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], offset, ReadWriteFlags::NOWAIT);
    read != Err(Errno::AGAIN)
}

#[cfg(not(target_os = "linux"))]
fn is_byte_warm(_: &File, _: u64) -> bool {
    true
}

impl Store {
    /// Whether pieces lie raw in a local folder.
    pub fn is_plain(&self, pieces: &[Piece]) -> bool {
        self.inner.folder.is_some() && pieces.iter().all(is_plain)
    }

    /// Compares chunks of a local folder with their names where that is still to be done. Needs the memory of one chunk
    /// for each processor, however many ask.
    ///
    /// # Errors
    /// As `read`.
    pub async fn check(&self, pieces: Vec<Piece>) -> Result<(), StoreError> {
        let Some(folder) = self.inner.folder.clone() else { return Ok(()) };
        let unchecked = pieces.into_iter().filter(|piece| self.inner.checked.needs_check(&piece.location));
        let spans: Vec<Span> = spans(unchecked.collect(), |_| true)?;
        if spans.is_empty() {
            return Ok(());
        }
        let turn = self.inner.checking.turn().await;
        let inner = self.inner.clone();
        blocking(move || {
            let mut turn = turn; // until the last byte is compared, also when nobody waits any more
            spans.iter().try_for_each(|span| inner.check_span(&folder, span, &mut turn.buffer))
        })
        .await
    }

    /// Pieces as stretches of files, neighbours joined; `None` when not all of them can be had so: they are remote,
    /// encoded, or still to be compared with their names.
    pub fn stretches(&self, pieces: &[Piece]) -> Option<Vec<Stretch>> {
        let folder = self.inner.folder.as_ref()?;
        let mut stretches: Vec<(&Piece, Stretch)> = Vec::new();
        for piece in pieces.iter().filter(|piece| piece.take > 0) {
            let at = &piece.location;
            if !is_plain(piece) || self.inner.checked.needs_check(at) {
                return None;
            }
            let (offset, length) = (at.offset + u64::from(piece.skip), u64::from(piece.take));
            match stretches.last_mut() {
                Some((last, stretch)) if last.location.pack == at.pack && stretch.offset + stretch.length == offset => {
                    stretch.length += length;
                }
                _ => stretches.push((piece, Stretch { file: folder.opened(&at.pack)?, offset, length })),
            }
        }
        Some(stretches.into_iter().map(|(_, stretch)| stretch).collect())
    }
}

impl Inner {
    /// Reads one chunk and compares it with its name. Blocks.
    fn check_span(&self, folder: &Folder, span: &Span, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        let (location, pack) = (&span.piece.location, span.piece.location.pack);
        self.counting.get();
        folder.read_into(&pack, span.stored.clone(), buffer).map_err(|error| StoreError::of_file(pack, error))?;
        self.counting.read(buffer.len());
        check(location, buffer, &self.checked).inspect_err(|_| folder.close(&pack)) // it may be replaced by a whole one
    }
}

/// Who compares chunks with their names on the way to readers: one for each processor, each with a buffer that stays.
pub(super) struct Checking {
    turns: Arc<Semaphore>,
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A turn at checking. When it is dropped, the next one has it.
struct Turn {
    buffer: Vec<u8>,
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Checking {
    pub(super) fn new() -> Self {
        let turns = std::thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(turns)), buffers: Arc::default() }
    }

    async fn turn(&self) -> Turn {
        let permit = self.turns.clone().acquire_owned().await.ok(); // it is never closed
        let buffer = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Turn { buffer, buffers: self.buffers.clone(), _permit: permit }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// Whether the wanted bytes are stored as they are, and lie within their chunk.
fn is_plain(piece: &Piece) -> bool {
    let at = &piece.location;
    at.encoding == Encoding::Raw
        && at.stored_length == at.length
        && u64::from(piece.skip) + u64::from(piece.take) <= u64::from(at.length)
        && at.offset.checked_add(u64::from(at.length)).is_some()
}
