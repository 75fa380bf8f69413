//! Contents on their way out: from memory, or as stretches of files that the system sends without our reading them,
//! or as bytes that are read while they are sent.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use shelfmark_domain::hash::ContentId;

use super::chunks::ReadError;
use super::reading::Length;
use crate::operations::contents::{COPIED_BYTES_MAX, Contents};
use crate::store::{Piece, Stretch};

/// The most stretches that a part of a content may lie in to be sent from files. Where it is more scattered, reading
/// some of it ahead is quicker.
const STRETCHES_MAX: usize = 64;
/// Pieces that are looked at together while a content is sent: about 1 MiB of them.
const PIECES_AT_ONCE: usize = 16;

/// Some bytes of a content.
#[derive(Clone, Debug)]
pub enum Part {
    Bytes(Bytes),
    Stretch(Stretch),
}

impl Length for Part {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.length(),
            Self::Stretch(stretch) => stretch.length,
        }
    }
}

/// Bytes of a content in order.
pub type PartStream = BoxStream<'static, Result<Part, ReadError>>;

/// A part of a content, ready to be sent.
pub enum Sendable {
    Memory(Bytes),
    Parts(PartStream),
}

impl Contents {
    /// Bytes of a content of `size_bytes`; the range must lie within it. Small contents are kept in memory, unless
    /// they lie in local files as they are: those the system keeps in memory already.
    ///
    /// # Errors
    /// As `read`, also in the stream.
    pub async fn sendable(&self, id: ContentId, size_bytes: u64, range: Range<u64>) -> Result<Sendable, ReadError> {
        let slice = |whole: Bytes| Sendable::Memory(whole.slice(range.start as usize..range.end as usize));
        if size_bytes <= COPIED_BYTES_MAX {
            return self.whole(id, size_bytes).await.map(slice);
        }
        if let Some(stretches) = self.stretches(id, &range).await? {
            return Ok(Sendable::Parts(stream::iter(stretches.into_iter().map(Part::Stretch).map(Ok)).boxed()));
        }
        if self.is_small(size_bytes) {
            return self.whole(id, size_bytes).await.map(slice);
        }
        Ok(Sendable::Parts(self.parts(id, range)))
    }

    /// As `sendable`, without distinction.
    pub fn sendable_parts(&self, id: ContentId, size_bytes: u64, range: Range<u64>) -> PartStream {
        let this = self.clone();
        let opened = async move {
            Ok::<PartStream, ReadError>(match this.sendable(id, size_bytes, range).await? {
                Sendable::Memory(bytes) => stream::iter([Ok(Part::Bytes(bytes))]).boxed(),
                Sendable::Parts(parts) => parts,
            })
        };
        stream::once(opened).try_flatten().boxed()
    }

    fn parts(&self, id: ContentId, range: Range<u64>) -> PartStream {
        let this = self.clone();
        self.by_segment(id, range, move |pieces| {
            let this = this.clone();
            let windows: Vec<Vec<Piece>> = pieces.chunks(PIECES_AT_ONCE).map(<[Piece]>::to_vec).collect();
            let parts = stream::iter(windows).then(move |window| this.clone().window(window)).try_flatten();
            std::future::ready(Ok(parts.boxed()))
        })
    }

    /// Some neighbouring pieces, from files when they lie there as they are. What has not been compared with its name
    /// yet is compared before any of it is sent.
    async fn window(self, pieces: Vec<Piece>) -> Result<PartStream, ReadError> {
        if self.store().is_plain(&pieces) {
            self.store().check(pieces.clone()).await?;
            if let Some(stretches) = self.store().stretches(&pieces) {
                return Ok(stream::iter(stretches.into_iter().map(Part::Stretch).map(Ok)).boxed());
            }
        }
        Ok(self.read_pieces(pieces).await?.map_ok(Part::Bytes).boxed())
    }

    /// A range that lies in one segment as stretches of files, if it can be had so.
    pub(crate) async fn stretches(&self, id: ContentId, range: &Range<u64>) -> Result<Option<Vec<Stretch>>, ReadError> {
        let places = if range.is_empty() { Vec::new() } else { self.places(id, range).await? };
        let [place] = places[..] else { return Ok(None) };
        let pieces = self.pieces(id, place, range).await?;
        Ok(self.store().stretches(&pieces).filter(|stretches| stretches.len() <= STRETCHES_MAX))
    }
}
