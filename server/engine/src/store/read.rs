//! Reading chunks and parts of chunks, in content order, in as few and as large reads as their places allow.
//!
//! In a folder: positional reads of about 256 KiB off the async threads, the next one under way while the last one is
//! handed on. In a remote store: one ranged request for each run of neighbours, however long, whose body is handed on
//! as it comes; the requests for the next runs are sent ahead. Memory: about 1 MiB, whatever the size of the content.

use std::sync::Arc;
use std::vec;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use shelfmark_domain::hash::PackId;
use shelfmark_domain::location::ChunkLocation;
use tokio_util::task::AbortOnDropHandle;

use super::deliver::deliver;
use super::error::StoreError;
use super::folder::Folder;
use super::plan::{Piece, Span, batches, run_range, runs, spans};
use super::reference::References;
use super::{Inner, Store, blocking};

/// How many reads of a folder are under way for one reader.
const READS_AHEAD: usize = 2;

/// How many requests to a remote store are open for one reader, when what it reads lies in several places.
const REQUESTS_AHEAD: usize = 4;

/// Up to here, in bytes, checking and decoding is done where the bytes arrive: it takes less than 0.1 ms.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// Wanted bytes in order.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

impl Store {
    /// Reads pieces of chunks in the given order. `references` holds, by name, each reference that a location names.
    /// The items do not follow the pieces: neighbouring raw bytes come as one, of 256 KiB or so.
    ///
    /// Chunks are compared with their names before any of their bytes are handed on. In a folder that is done once by
    /// a process; after that, only what is wanted of a raw chunk is read.
    ///
    /// # Errors
    /// The stream ends with `Missing`, `Damaged` (a chunk that is not what it is named, is cut short, or whose
    /// reference is not given), `DamagedPack`, `Unreachable` or `Internal`; what came before is right.
    pub fn read(&self, pieces: Vec<Piece>, references: References) -> ByteStream {
        let spans = match spans(pieces, |location| self.inner.checked.needs_check(location)) {
            Ok(spans) => spans,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let references = Arc::new(references);
        match &self.inner.folder {
            Some(folder) => self.read_folder(folder.clone(), spans, references),
            None => self.read_remote(spans, references),
        }
    }

    /// Reads one whole chunk.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn read_chunk(&self, location: ChunkLocation, references: References) -> Result<Bytes, StoreError> {
        let mut items = self.read(vec![Piece::whole(location)], references);
        Ok(items.try_next().await?.unwrap_or_default()) // a chunk is one item; an empty one is none
    }

    fn read_folder(&self, folder: Arc<Folder>, spans: Vec<Span>, references: Arc<References>) -> ByteStream {
        let inner = self.inner.clone();
        let reads = stream::iter(batches(spans)).map(move |batch| {
            let (inner, folder, references) = (inner.clone(), folder.clone(), references.clone());
            // Spawned here, not when polled, so that it proceeds while its predecessor is handed on.
            let task = tokio::task::spawn_blocking(move || inner.read_batch(&folder, &batch, &references));
            async move { task.await.map_err(StoreError::of_task)? }
        });
        flat(reads.buffered(READS_AHEAD))
    }

    fn read_remote(&self, spans: Vec<Span>, references: Arc<References>) -> ByteStream {
        let store = self.clone();
        let runs: Vec<Vec<Span>> = runs(&spans).map(<[Span]>::to_vec).collect();
        let requests = stream::iter(runs).map(move |run| {
            let (store, references) = (store.clone(), references.clone());
            let task = AbortOnDropHandle::new(tokio::spawn(async move { store.request(run, references).await }));
            async move { task.await.map_err(StoreError::of_task)? }
        });
        requests.buffered(REQUESTS_AHEAD).map_ok(Arriving::into_stream).try_flatten().boxed()
    }

    /// Sends the request for a run.
    async fn request(&self, run: Vec<Span>, references: Arc<References>) -> Result<Arriving, StoreError> {
        let (pack, range) = run_range(&run).expect("a run is not empty");
        let body = self.get(&pack, range).await?.into_stream();
        let (rest, batches) = (Bytes::new(), batches(run).into_iter());
        Ok(Arriving { inner: self.inner.clone(), references, pack, body, rest, batches })
    }
}

impl Inner {
    /// Reads, checks and decodes a batch in one go. Blocks.
    fn read_batch(&self, folder: &Folder, batch: &[Span], references: &References) -> Result<Vec<Bytes>, StoreError> {
        let mut wanted = Vec::new();
        for run in runs(batch) {
            let Some((pack, range)) = run_range(run) else { continue };
            self.counting.get();
            let stored: Bytes = folder.read(&pack, range).map_err(|error| StoreError::of_file(pack, error))?.into();
            self.counting.read(stored.len());
            let delivered = deliver(run, &stored, references, &self.checked);
            if delivered.is_err() {
                folder.close(&pack); // it may be replaced by a whole one
            }
            wanted.append(&mut delivered?);
        }
        Ok(wanted)
    }
}

/// The body of a request for a run, as it comes in.
struct Arriving {
    inner: Arc<Inner>,
    references: Arc<References>,
    pack: PackId,
    body: BoxStream<'static, object_store::Result<Bytes>>,
    /// What has come in and belongs to a later batch.
    rest: Bytes,
    batches: vec::IntoIter<Vec<Span>>,
}

impl Arriving {
    fn into_stream(self) -> ByteStream {
        let delivered = stream::try_unfold(self, |mut arriving| async move {
            let Some(batch) = arriving.batches.next() else { return Ok(None) };
            let wanted = arriving.batch(batch).await?;
            Ok(Some((wanted, arriving)))
        });
        flat(delivered)
    }

    async fn batch(&mut self, batch: Vec<Span>) -> Result<Vec<Bytes>, StoreError> {
        let length = run_range(&batch).map_or(0, |(_, range)| range.end - range.start);
        let stored = self.fill(length as usize).await?;
        self.inner.counting.read(stored.len());
        if stored.len() <= INLINE_BYTES_MAX {
            return deliver(&batch, &stored, &self.references, &self.inner.checked);
        }
        let (inner, references) = (self.inner.clone(), self.references.clone());
        blocking(move || deliver(&batch, &stored, &references, &inner.checked)).await
    }

    /// The next `wanted` bytes of the body; fewer when it ends before. They are copied only when they come in parts.
    async fn fill(&mut self, wanted: usize) -> Result<Bytes, StoreError> {
        let mut filled = BytesMut::new();
        loop {
            let missing = wanted - filled.len();
            if filled.is_empty() && self.rest.len() >= missing {
                return Ok(self.rest.split_to(missing));
            }
            filled.reserve(missing);
            filled.extend_from_slice(&self.rest.split_to(missing.min(self.rest.len())));
            if filled.len() == wanted {
                return Ok(filled.freeze());
            }
            match self.body.next().await {
                Some(part) => self.rest = part.map_err(|error| StoreError::of_pack(self.pack, error))?,
                None => return Ok(filled.freeze()),
            }
        }
    }
}

fn flat(batches: impl futures::Stream<Item = Result<Vec<Bytes>, StoreError>> + Send + 'static) -> ByteStream {
    batches.map_ok(|wanted| stream::iter(wanted.into_iter().map(Ok))).try_flatten().boxed()
}
