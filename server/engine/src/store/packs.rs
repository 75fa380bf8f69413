//! Whole packs: written, deleted, listed, and their indexes.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStoreExt, PutPayload};
use shelfmark_domain::hash::PackId;
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::{PackIndex, ReadIndexError, SealedPack, read_index};
use shelfmark_domain::time::Timestamp;

use super::error::StoreError;
use super::{Store, blocking, keys};

/// How many KiB of packs may be on their way to the backend at the same time: two full packs.
pub(super) const PUT_KIB_IN_FLIGHT_MAX: usize = 128 << 10;

/// How much of a pack is written at once, in bytes. For more, Linux takes large pages in one piece, and those a virtual
/// machine may have given back to its host: getting them anew takes six times as long as writing.
const WRITTEN_AT_ONCE: usize = 256 << 10;

/// How much of a pack's end is read at first to find its index, in bytes: the indexes of most packs.
const TAIL_BYTES: u64 = 64 << 10;

/// A prefix under which nothing lies.
const NOTHING: &str = "probe";

/// What a listing tells about a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPack {
    pub id: PackId,
    pub size_bytes: u64,
    pub modified_at: Timestamp,
}

/// A pack that has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutPack {
    /// Where its chunks are now, for the rows that name them.
    pub locations: Vec<ChunkLocation>,
    /// The memory that held it, for the next pack; nothing when the store keeps it.
    pub room: Vec<u8>,
}

impl Store {
    /// Refuses a pack that has no room, before anything is written for it. Only a folder knows; a remote store says so
    /// when it is sent the pack.
    ///
    /// # Errors
    /// `Full`, `Internal`.
    pub async fn check_room(&self, bytes: usize) -> Result<(), StoreError> {
        let Some(folder) = self.inner.folder.clone() else { return Ok(()) };
        blocking(move || folder.check_room(bytes as u64).map_err(StoreError::of_folder)).await
    }

    /// Writes a pack; gives where its chunks are now. It is durable when this returns.
    /// Waits while too many bytes are being written. Nothing is compared with names: whoever fills a pack has hashed.
    ///
    /// Dropping the future half-way may leave the pack behind, which no row names.
    ///
    /// # Errors
    /// `Full`, `Unreachable`, `Internal`. The pack may be there or not.
    pub async fn put_pack(&self, pack: SealedPack) -> Result<PutPack, StoreError> {
        let SealedPack { id, bytes, entries } = pack;
        let size = bytes.len();
        let kib = size.div_ceil(1 << 10).clamp(1, PUT_KIB_IN_FLIGHT_MAX) as u32;
        let _permits = self.inner.puts.acquire_many(kib).await.expect("the semaphore is never closed");
        let bytes = Bytes::from(bytes);
        let pieces = (0..size).step_by(WRITTEN_AT_ONCE);
        let payload: PutPayload = pieces.map(|at| bytes.slice(at..size.min(at + WRITTEN_AT_ONCE))).collect();
        self.inner.objects.put(&keys::pack(&id), payload).await.map_err(StoreError::of_backend)?;
        if let Some(folder) = &self.inner.folder {
            folder.close(&id);
        }
        self.inner.counting.put(size);
        let location = |entry: shelfmark_domain::pack::PackEntry| ChunkLocation {
            chunk: entry.chunk,
            pack: id,
            offset: entry.offset,
            stored_length: entry.stored_length,
            length: entry.length,
            encoding: entry.encoding,
            reference: entry.reference,
        };
        let room = bytes.try_into_mut().map_or_else(|_| Vec::new(), Vec::from);
        Ok(PutPack { locations: entries.into_iter().map(location).collect(), room })
    }

    /// Deletes a pack. One that is not there is as good as deleted. Its rows are gone before, and no reader that
    /// still knows them is left: that is the collector's business.
    ///
    /// # Errors
    /// `Unreachable`, `Internal`. The pack may be there or not.
    pub async fn delete_pack(&self, pack: &PackId) -> Result<(), StoreError> {
        let outcome = self.inner.objects.delete(&keys::pack(pack)).await;
        if let Some(folder) = &self.inner.folder {
            folder.close(pack);
        }
        match outcome {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::of_backend(error)),
        }
    }

    /// All packs of the store, in no order, whether rows name them or not.
    ///
    /// # Errors
    /// An item of the stream may be `Unreachable` or `Internal`; what was listed before is right but not all.
    pub fn list_packs(&self) -> BoxStream<'static, Result<StoredPack, StoreError>> {
        let listed = self.inner.objects.list(Some(&Path::from(keys::PACKS)));
        let known = listed.filter_map(|listed| async move {
            let meta = match listed {
                Ok(meta) => meta,
                Err(error) => return Some(Err(StoreError::of_backend(error))),
            };
            let Some(id) = keys::parse_pack(&meta.location) else {
                tracing::warn!(key = %meta.location, "what lies among the packs is not one");
                return None;
            };
            let modified_at = Timestamp::from_micros(meta.last_modified.timestamp_micros());
            Some(Ok(StoredPack { id, size_bytes: meta.size, modified_at }))
        });
        known.boxed()
    }

    /// What a pack says it holds, read from its end.
    ///
    /// # Errors
    /// `Missing`; `DamagedPack` when the end is not that of this pack; `Unreachable`, `Internal`.
    pub async fn pack_index(&self, pack: &PackId) -> Result<PackIndex, StoreError> {
        let damaged = |why: String| StoreError::DamagedPack { pack: *pack, why };
        let size = self.pack_size(pack).await?;
        let mut tail = TAIL_BYTES;
        loop {
            let bytes = self.read_stored(pack, size.saturating_sub(tail)..size).await?;
            match read_index(&bytes, size) {
                Ok(index) if index.id == *pack => return Ok(index),
                Ok(index) => return Err(damaged(format!("its index is that of pack {}", index.id))),
                Err(ReadIndexError::NeedsMore(needed)) if needed as u64 > tail => tail = needed as u64,
                Err(error) => return Err(damaged(error.to_string())),
            }
        }
    }

    /// A whole pack as it is stored, unchecked.
    ///
    /// # Errors
    /// `Missing`, `Unreachable`, `Internal`.
    pub async fn read_pack(&self, pack: &PackId) -> Result<Bytes, StoreError> {
        let size = self.pack_size(pack).await?;
        self.read_stored(pack, 0..size).await
    }

    /// One read of stored bytes, unchecked.
    ///
    /// # Errors
    /// `Missing`; `DamagedPack` when the pack ends before the range does; `Unreachable`, `Internal`.
    pub async fn read_stored(&self, pack: &PackId, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let wanted = range.end - range.start;
        let bytes = match self.inner.folder.clone() {
            Some(folder) => {
                let (pack, range) = (*pack, range.clone());
                self.inner.counting.get();
                blocking(move || folder.read(&pack, range).map_err(|error| StoreError::of_file(pack, error)))
                    .await?
                    .into()
            }
            None => {
                let body = self.get(pack, range.clone()).await?.bytes().await;
                body.map_err(|error| StoreError::of_pack(*pack, error))?
            }
        };
        self.inner.counting.read(bytes.len());
        if bytes.len() as u64 != wanted {
            let why = format!("it ends after {} of the {wanted} bytes from {} on", bytes.len(), range.start);
            return Err(StoreError::DamagedPack { pack: *pack, why });
        }
        Ok(bytes)
    }

    /// Whether the store can be used at present: cheap enough to be asked every few seconds.
    ///
    /// # Errors
    /// What every other request would fail with now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        if let Some(folder) = self.inner.folder.clone() {
            return blocking(move || folder.probe().map_err(StoreError::of_folder)).await;
        }
        // A listing of nothing, and not a HEAD: that says "not found" also when the whole bucket is.
        match self.inner.objects.list(Some(&Path::from(NOTHING))).next().await {
            Some(Err(error)) => Err(StoreError::of_backend(error)),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Removes what writes that a crash cut off have left in a folder before the instant; gives how many files. Such
    /// files are neither listed nor read. The instant must be older than any write that may still be under way.
    ///
    /// # Errors
    /// `Internal`, with some of them removed.
    pub async fn remove_unfinished(&self, before: Timestamp) -> Result<u64, StoreError> {
        let Some(folder) = self.inner.folder.clone() else { return Ok(0) };
        let since_epoch = Duration::from_micros(u64::try_from(before.as_micros()).unwrap_or(0));
        let before = SystemTime::UNIX_EPOCH + since_epoch;
        blocking(move || folder.remove_unfinished(before).map_err(StoreError::of_folder)).await
    }

    async fn pack_size(&self, pack: &PackId) -> Result<u64, StoreError> {
        if let Some(folder) = self.inner.folder.clone() {
            let pack = *pack;
            return blocking(move || folder.size(&pack).map_err(|error| StoreError::of_file(pack, error))).await;
        }
        let meta = self.inner.objects.head(&keys::pack(pack)).await;
        meta.map(|meta| meta.size).map_err(|error| StoreError::of_pack(*pack, error))
    }

    /// One ranged request to a remote store.
    pub(super) async fn get(&self, pack: &PackId, range: Range<u64>) -> Result<GetResult, StoreError> {
        self.inner.counting.get();
        let options = GetOptions::new().with_range(Some(range.clone()));
        match self.inner.objects.get_opts(&keys::pack(pack), options).await {
            Ok(result) => Ok(result),
            Err(error @ object_store::Error::Generic { .. }) => Err(self.beyond_the_end(pack, range, error).await),
            Err(error) => Err(StoreError::of_pack(*pack, error)),
        }
    }

    /// What an error means that may say that the range lies behind the pack's end: backends do not tell that apart.
    async fn beyond_the_end(&self, pack: &PackId, range: Range<u64>, error: object_store::Error) -> StoreError {
        match self.pack_size(pack).await {
            Ok(size) if size < range.end => {
                StoreError::DamagedPack { pack: *pack, why: format!("it has {size} bytes and should have more") }
            }
            _ => StoreError::of_pack(*pack, error),
        }
    }
}
