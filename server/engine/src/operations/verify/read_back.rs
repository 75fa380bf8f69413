//! Reading contents back from the store, past everything that remembers that they were right once, one chunk at a time.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::{ContentId, ManifestId};
use shelfmark_domain::pin::{Entry, Pin};

use crate::Engine;
use crate::operations::contents::chunks::ReadError;
use crate::operations::upkeep::check_store::reread_moved;

/// Damaged contents that are named; more are counted.
const NAMED: usize = 20;

/// What reading back has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadBack {
    pub contents: u64,
    pub bytes: u64,
    /// Paths with what is wrong with their bytes.
    damaged: Vec<String>,
    damaged_count: u64,
}

impl ReadBack {
    pub(super) fn passed(&self) -> bool {
        self.damaged_count == 0
    }

    /// As a sentence.
    pub(super) fn reason(&self) -> String {
        let read = format!("{} changed contents of {} bytes were read back", self.contents, self.bytes);
        if self.passed() {
            return format!("{read} and have their hashes");
        }
        let more = self.damaged_count.saturating_sub(self.damaged.len() as u64);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{read}; damaged: {}{more}", self.damaged.join(", "))
    }
}

/// Reads every content back that is served now and was not before.
///
/// # Errors
/// What kept the reading from going on; damage is no error.
pub(super) async fn read_back(
    engine: &Engine,
    (before, now): (Option<ManifestId>, ManifestId),
) -> Result<ReadBack, ReadError> {
    let mut found = ReadBack::default();
    for change in engine.manifests.between(before, Some(now)).await? {
        let Some(Entry::Pin(pin)) = &change.after else { continue };
        if matches!(&change.before, Some(Entry::Pin(was)) if was.content == pin.content) {
            continue;
        }
        found.contents += 1;
        found.bytes += pin.size_bytes;
        match reread(engine, pin).await {
            Ok(()) => {}
            Err(error) if error.kind() == FailureKind::Corrupt => {
                found.damaged_count += 1;
                if found.damaged.len() < NAMED {
                    found.damaged.push(format!("{} ({error})", change.key));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

async fn reread(engine: &Engine, pin: &Pin) -> Result<(), ReadError> {
    let (mut hasher, mut length) = (blake3::Hasher::new(), 0);
    let range = 0..pin.size_bytes;
    let places = if range.is_empty() { Vec::new() } else { engine.contents.places(pin.content, &range).await? };
    for place in places {
        for piece in engine.contents.pieces(pin.content, place, &range).await? {
            let bytes = reread_moved(engine, &piece.location).await?;
            let bytes = bytes.ok_or(ReadError::NoChunk(piece.location.chunk))?;
            length += bytes.len() as u64;
            hasher.update(&bytes);
        }
    }
    if length != pin.size_bytes || ContentId::from_slice(hasher.finalize().as_bytes()) != Some(pin.content) {
        return Err(ReadError::WrongSize(pin.content));
    }
    Ok(())
}
