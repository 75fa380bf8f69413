//! From the stored form back to the chunk. Nothing is trusted: the length is known before, room is made for no more,
//! and the outcome is compared with its name.

use std::borrow::Cow;

use bytes::Bytes;
use shelfmark_domain::hash::ChunkId;
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::Encoding;
use zstd::zstd_safe::{DCtx, MAGICNUMBER, SafeResult, get_frame_content_size};

use super::error::StoreError;
use super::reference::{Reference, looks_like_dictionary};

/// Decodes one chunk and compares it with its name. `stored` are the bytes that its location means, `reference` what
/// its location names as reference.
///
/// # Errors
/// `Damaged` when the bytes are not the chunk's, whatever the reason.
pub fn decode(location: &ChunkLocation, stored: Bytes, reference: Option<&Reference>) -> Result<Bytes, StoreError> {
    let bytes = Decoder::default().decode(location, stored, reference)?;
    verify(location, &bytes)?;
    Ok(bytes)
}

/// Compares a chunk's bytes with its name.
pub(super) fn verify(location: &ChunkLocation, bytes: &[u8]) -> Result<(), StoreError> {
    if ChunkId::of(bytes) != location.chunk {
        return Err(damaged(location, "its bytes do not have its name"));
    }
    Ok(())
}

/// What is wrong with a chunk.
pub(super) fn damaged(location: &ChunkLocation, why: &'static str) -> StoreError {
    StoreError::Damaged { chunk: location.chunk, pack: location.pack, why }
}

/// A decoder for one thread at a time; its working memory is made when first needed and used for all its chunks.
#[derive(Default)]
pub(super) struct Decoder {
    context: Option<DCtx<'static>>,
}

impl Decoder {
    /// Decodes without comparing with the name.
    pub(super) fn decode(
        &mut self,
        location: &ChunkLocation,
        stored: Bytes,
        reference: Option<&Reference>,
    ) -> Result<Bytes, StoreError> {
        if stored.len() as u64 != u64::from(location.stored_length) {
            return Err(damaged(location, "its pack is cut short"));
        }
        let decoded = match location.encoding {
            Encoding::Raw => stored,
            Encoding::Zstd | Encoding::ZstdWithReference | Encoding::ZstdWithDictionary => {
                self.decompress(location, &stored, reference)?.into()
            }
        };
        if decoded.len() as u64 != u64::from(location.length) {
            return Err(damaged(location, "it has another length"));
        }
        Ok(decoded)
    }

    fn decompress(
        &mut self,
        location: &ChunkLocation,
        stored: &[u8],
        reference: Option<&Reference>,
    ) -> Result<Vec<u8>, StoreError> {
        let frame = frame(location, stored);
        // A frame says how long its content is; room is made only where that is what the row says as well. The
        // content then goes straight into that room, so a window as large as it may be costs no memory.
        if !matches!(get_frame_content_size(&frame), Ok(Some(length)) if length == u64::from(location.length)) {
            return Err(damaged(location, "its zstd frame is not one of its length"));
        }
        let reference = || reference.ok_or_else(|| damaged(location, "the chunk it was compressed against is missing"));
        let mut bytes = Vec::with_capacity(location.length as usize);
        let outcome = match location.encoding {
            Encoding::Raw | Encoding::Zstd => self.context().decompress(&mut bytes, &frame),
            Encoding::ZstdWithReference => self.decompress_after(&mut bytes, &frame, reference()?.bytes()),
            Encoding::ZstdWithDictionary => {
                let not_one = || damaged(location, "its dictionary is not one");
                let dictionary = reference()?.decompressing().ok_or_else(not_one)?;
                self.context().decompress_using_ddict(&mut bytes, &frame, dictionary)
            }
        };
        outcome.map_err(|_| damaged(location, "its zstd frame cannot be decoded"))?;
        Ok(bytes)
    }

    fn decompress_after(&mut self, bytes: &mut Vec<u8>, frame: &[u8], prefix: &[u8]) -> SafeResult {
        if looks_like_dictionary(prefix) {
            let mut context = DCtx::create(); // it borrows the prefix, so it lives no longer than this call
            context.ref_prefix(prefix)?;
            return context.decompress(bytes, frame);
        }
        self.context().decompress_using_dict(bytes, frame, prefix)
    }

    fn context(&mut self) -> &mut DCtx<'static> {
        self.context.get_or_insert_with(DCtx::create)
    }
}

/// The zstd frame of a stored chunk: with a reference it is stored without its magic.
fn frame<'s>(location: &ChunkLocation, stored: &'s [u8]) -> Cow<'s, [u8]> {
    if location.encoding.needs_reference() {
        [&MAGICNUMBER.to_le_bytes(), stored].concat().into()
    } else {
        stored.into()
    }
}
