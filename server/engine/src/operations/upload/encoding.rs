//! What becomes of a chunk's bytes before they go into a pack.

use std::borrow::Cow;

use bytes::Bytes;

use shelfmark_domain::hash::ChunkId;
use shelfmark_domain::pack::Encoding;

use super::cutting::NewChunk;
use crate::store::{Compressor, How, Reference};

/// The level at which chunks are compressed.
pub(crate) const LEVEL: i32 = 3;
/// A higher level saves two percent of small pictures and takes six times as long.
const DICTIONARY_LEVEL: i32 = 3;

/// A chunk in its stored form.
pub(crate) struct EncodedChunk {
    pub id: ChunkId,
    pub stored: Bytes,
    pub length: u32,
    pub encoding: Encoding,
    pub reference: Option<ChunkId>,
    pub depth: u32,
}

/// What a chunk is compressed against.
pub(crate) enum Against {
    /// `None`: it isn't compressed.
    Nothing {
        level: Option<i32>,
    },
    Dictionary(Reference),
    /// A relative, with the number of references behind it.
    Relative(Reference, u32),
}

impl Against {
    /// Brings a chunk into its stored form.
    pub fn encode(&self, compressor: &mut Compressor, chunk: NewChunk) -> EncodedChunk {
        let (how, depth) = match self {
            Self::Nothing { level: None } => (How::Raw, 0),
            Self::Nothing { level: Some(level) } => (How::Plain { level: *level }, 0),
            Self::Dictionary(reference) => (How::Dictionary { reference, level: DICTIONARY_LEVEL }, 0),
            Self::Relative(reference, depth) => (How::Against { reference, level: LEVEL }, *depth),
        };
        let encoded = compressor.encode(&chunk.bytes, how);
        EncodedChunk {
            id: chunk.id,
            length: chunk.bytes.len() as u32, // a chunk is far smaller than 4 GiB
            encoding: encoded.encoding,
            reference: encoded.reference,
            depth: encoded.reference.map_or(0, |_| depth + 1),
            // What isn't compressed is not copied either: an upload of media is nearly all of that kind.
            stored: match encoded.stored {
                Cow::Borrowed(_) => chunk.bytes.clone(),
                Cow::Owned(stored) => stored.into(),
            },
        }
    }
}
