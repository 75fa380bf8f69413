//! How chunks are made small before they are stored. The outcome never changes a chunk's name; the decision is what
//! costs least: raw unless zstd saves at least 1/32, a reference only where it saves more than its own name.

use std::borrow::Cow;

use shelfmark_domain::hash::ChunkId;
use shelfmark_domain::pack::Encoding;
use zstd::zstd_safe::{CCtx, CParameter, MAGICNUMBER, SafeResult, compress_bound};

use super::reference::{Reference, looks_like_dictionary};

/// How much of a sample is compressed to find out whether the rest is worth it, in bytes.
const PROBE_BYTES_MAX: usize = 16 << 10;

/// What a reference costs, in bytes: its name in the chunk's row, which has none otherwise (32 in SQLite, 33 in
/// PostgreSQL). In the pack's index it mostly costs nothing: its number shares a byte with the encoding, and the
/// chunks of a pack share the name in its table.
const REFERENCE_BYTES: usize = 33;

/// Up to which length of prefix and input together, as a power of two, every level sees all of both by itself.
const REACH_LOG_SHORT: u32 = 18;

/// The same for levels from 3 on.
const REACH_LOG_LEVEL_3: u32 = 21;

/// The largest window, as a power of two: 128 MiB, more than any pack.
const WINDOW_LOG_MAX: u32 = 27;

/// How to store a chunk.
#[derive(Clone, Copy, Debug)]
pub enum How<'r> {
    /// As it is.
    Raw,
    /// As zstd.
    Plain { level: i32 },
    /// As zstd after the bytes of a near relative.
    Against { reference: &'r Reference, level: i32 },
    /// As zstd with a trained dictionary.
    Dictionary { reference: &'r Reference, level: i32 },
}

/// The stored form of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<'b> {
    pub encoding: Encoding,
    /// Borrowed from the chunk's bytes when they are stored as they are.
    pub stored: Cow<'b, [u8]>,
    /// Given for encodings that need one.
    pub reference: Option<ChunkId>,
}

/// A compressor for one thread at a time, whose working memory (about 1 MiB, none before it compresses) is used again
/// for every chunk.
#[derive(Default)]
pub struct Compressor {
    context: Option<CCtx<'static>>,
    buffer: Vec<u8>,
}

impl Compressor {
    /// Brings a chunk into its stored form. What was asked for is what is tried; `Encoded` says what came of it.
    pub fn encode<'b>(&mut self, bytes: &'b [u8], how: How<'_>) -> Encoded<'b> {
        let encoded = match how {
            How::Raw => None,
            How::Plain { level } => self.plain(bytes, level),
            How::Against { reference, level } => {
                let stored = self.against(bytes, reference, level);
                self.cheaper(bytes, stored, Encoding::ZstdWithReference, reference, level)
            }
            How::Dictionary { reference, level } => {
                let stored = self.with_dictionary(bytes, reference, level);
                self.cheaper(bytes, stored, Encoding::ZstdWithDictionary, reference, level)
            }
        };
        let raw = || Encoded { encoding: Encoding::Raw, stored: Cow::Borrowed(bytes), reference: None };
        encoded.filter(|encoded| saves(bytes, encoded.stored.len())).unwrap_or_else(raw)
    }

    /// Whether bytes like these shrink at all. Media that is compressed already is told apart by 16 KiB out of the
    /// middle, at a cost of microseconds.
    pub fn worth_compressing(&mut self, sample: &[u8]) -> bool {
        let from = sample.len().saturating_sub(PROBE_BYTES_MAX) / 2;
        let sample = &sample[from..sample.len().min(from + PROBE_BYTES_MAX)];
        self.plain(sample, 1).is_some_and(|encoded| saves(sample, encoded.stored.len()))
    }

    /// The form with a reference, unless plain zstd is as good. Plain is only tried where the reference helped
    /// little: a chunk that it has halved would not be smaller without.
    fn cheaper<'b>(
        &mut self,
        bytes: &'b [u8],
        stored: Option<Vec<u8>>,
        encoding: Encoding,
        reference: &Reference,
        level: i32,
    ) -> Option<Encoded<'b>> {
        let Some(stored) = stored else { return self.plain(bytes, level) };
        let cost = stored.len() + REFERENCE_BYTES;
        if cost > bytes.len() / 2
            && let Some(plain) = self.plain(bytes, level)
            && plain.stored.len() <= cost
        {
            return Some(plain);
        }
        Some(Encoded { encoding, stored: Cow::Owned(stored), reference: Some(reference.chunk()) })
    }

    fn plain<'b>(&mut self, bytes: &[u8], level: i32) -> Option<Encoded<'b>> {
        let (context, buffer) = self.ready_for(bytes);
        context.compress(buffer, bytes, level).ok()?;
        Some(Encoded { encoding: Encoding::Zstd, stored: Cow::Owned(buffer.as_slice().into()), reference: None })
    }

    fn with_dictionary(&mut self, bytes: &[u8], dictionary: &Reference, level: i32) -> Option<Vec<u8>> {
        let (context, buffer) = self.ready_for(bytes);
        let prepared = dictionary.compressing(level)?;
        context.compress_using_cdict(buffer, bytes, &prepared).ok()?;
        without_magic(buffer)
    }

    fn against(&mut self, bytes: &[u8], prefix: &Reference, level: i32) -> Option<Vec<u8>> {
        let (context, buffer) = self.ready_for(bytes);
        let prefix = prefix.bytes();
        let reach = (prefix.len() + bytes.len()).next_power_of_two().ilog2();
        if reach <= REACH_LOG_SHORT && !looks_like_dictionary(prefix) {
            // For a manifest's leaf five times as fast as a context of its own, with the same outcome.
            context.compress_using_dict(buffer, bytes, prefix, level).ok()?;
        } else {
            against_far(buffer, bytes, prefix, level, reach).ok()?;
        }
        without_magic(buffer)
    }

    /// The working memory, with room for these bytes in compressed form.
    fn ready_for(&mut self, bytes: &[u8]) -> (&mut CCtx<'static>, &mut Vec<u8>) {
        self.buffer.clear();
        self.buffer.reserve(compress_bound(bytes.len()));
        (self.context.get_or_insert_with(CCtx::create), &mut self.buffer)
    }
}

/// Compresses after a long prefix, all of which stays in sight. The context borrows the prefix, so it lives no longer
/// than this call.
fn against_far(buffer: &mut Vec<u8>, bytes: &[u8], prefix: &[u8], level: i32, reach: u32) -> SafeResult {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(level))?;
    if reach > REACH_LOG_LEVEL_3 || level < 3 {
        // Without these, the far end of the prefix is out of the window, or its hashes are overwritten.
        context.set_parameter(CParameter::WindowLog(reach.min(WINDOW_LOG_MAX)))?;
        context.set_parameter(CParameter::EnableLongDistanceMatching(true))?;
    }
    context.ref_prefix(prefix)?;
    context.compress2(buffer, bytes)
}

/// The stored form of a frame with a reference: such frames are often tiny, and the magic is the same in all.
fn without_magic(frame: &[u8]) -> Option<Vec<u8>> {
    frame.strip_prefix(&MAGICNUMBER.to_le_bytes()).map(<[u8]>::to_vec)
}

/// Whether the stored form is smaller than the bytes by at least 1/32: less is not worth decoding.
fn saves(bytes: &[u8], stored: usize) -> bool {
    stored < bytes.len() - bytes.len() / 32
}

#[cfg(test)]
mod tests;
