//! Reading a content segment by segment, while chunks may be moved to other packs.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use shelfmark_domain::hash::{ContentId, PackId};

use super::chunks::ReadError;
use crate::operations::contents::{Contents, Place};
use crate::store::{Piece, StoreError};

/// What has been read of a content, counted in its bytes.
pub(crate) trait Length {
    fn length(&self) -> u64;
}

impl Length for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }
}

type Items<T> = BoxStream<'static, Result<T, ReadError>>;

/// Reading what a range wants of one segment.
struct Reading<T> {
    contents: Contents,
    /// What is still to be read.
    rest: Range<u64>,
    items: Option<Items<T>>,
    /// A pack that was gone.
    missing: Option<PackId>,
}

impl<T: Length> Reading<T> {
    async fn next<F>(
        &mut self,
        id: ContentId,
        place: Place,
        get: &impl Fn(Vec<Piece>) -> F,
    ) -> Result<Option<T>, ReadError>
    where
        F: Future<Output = Result<Items<T>, ReadError>>,
    {
        let items = match &mut self.items {
            Some(items) => items,
            None => {
                self.rest.start = self.rest.start.max(self.contents.segment(id, place).await?.start());
                let pieces = self.contents.pieces(id, place, &self.rest).await?;
                self.items.insert(get(pieces).await?)
            }
        };
        let next = items.try_next().await?;
        self.rest.start += next.as_ref().map_or(0, Length::length);
        Ok(next)
    }
}

impl Contents {
    /// What `get` makes of the pieces of each segment that a range touches, one after the other.
    pub(crate) fn by_segment<T, F>(
        &self,
        id: ContentId,
        range: Range<u64>,
        get: impl Fn(Vec<Piece>) -> F + Clone + Send + Sync + 'static,
    ) -> Items<T>
    where
        T: Length + Send + 'static,
        F: Future<Output = Result<Items<T>, ReadError>> + Send + 'static,
    {
        if range.is_empty() {
            return stream::empty().boxed();
        }
        let (this, whole) = (self.clone(), range.clone());
        let places = async move { this.places(id, &whole).await };
        let this = self.clone();
        stream::once(places)
            .map_ok(|places| stream::iter(places.into_iter().map(Ok::<Place, ReadError>)))
            .try_flatten()
            .map_ok(move |place| this.clone().within_segment(id, place, range.clone(), get.clone()))
            .try_flatten()
            .boxed()
    }

    /// As `by_segment`, of one segment. Where chunks are is remembered; when a pack turns out to be gone, they are looked
    /// up again, and it goes on where they are now.
    fn within_segment<T, F>(
        self,
        id: ContentId,
        place: Place,
        range: Range<u64>,
        get: impl Fn(Vec<Piece>) -> F + Clone + Send + Sync + 'static,
    ) -> Items<T>
    where
        T: Length + Send + 'static,
        F: Future<Output = Result<Items<T>, ReadError>> + Send + 'static,
    {
        let reading = Reading { contents: self, rest: range, items: None, missing: None };
        let next = move |mut reading: Reading<T>| {
            let get = get.clone();
            async move {
                loop {
                    match reading.next(id, place, &get).await {
                        Ok(next) => return Ok(next.map(|item| (item, reading))),
                        Err(ReadError::Store(StoreError::Missing { pack })) if reading.missing != Some(pack) => {
                            reading.contents.forget(id, place);
                            (reading.items, reading.missing) = (None, Some(pack));
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        };
        stream::try_unfold(reading, next).boxed()
    }
}
