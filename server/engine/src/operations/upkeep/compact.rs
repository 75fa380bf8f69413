//! Compacting: what is still needed of packs that are mostly garbage is copied into new ones, as it is stored. A chunk
//! keeps its name, and what was compressed against it finds it by that. The new pack is durable before one transaction
//! makes it the place of its chunks; the old ones have no chunks then and are retired as any other. A reader that
//! still knows the old place and finds nothing there looks the chunk up again.

use bytes::Bytes;

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::PackId;
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::PackBuilder;
use shelfmark_domain::time::Timestamp;

use super::collect_garbage::CollectError;
use crate::Engine;
use crate::catalog::{MovedChunk, SparsePack};
use crate::store::{StoreError, decode};

/// How much of a pack is read at once, in bytes, unless a single chunk has more. What lies between two chunks is read
/// with them.
const READ_BYTES: u64 = 2 << 20;

/// What a compaction did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// The packs whose chunks are elsewhere now.
    pub packs: Vec<PackId>,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes that were needed and have been copied.
    pub copied_bytes: u64,
}

impl Compacted {
    fn count(&mut self, pack: &SparsePack) {
        self.packs.push(pack.id);
        self.bytes += pack.bytes;
        self.copied_bytes += pack.needed_bytes;
    }
}

/// The packs that a compaction takes now: as many as one run may copy, and at least one.
pub(crate) async fn sparse_packs(engine: &Engine, now: Timestamp) -> Result<Vec<SparsePack>, CollectError> {
    let limits = &engine.limits;
    let mut packs = engine.catalog.sparse_packs(now, limits.compact_below_permille).await?;
    let mut copied = 0;
    let beyond = packs.iter().position(|pack| {
        copied += pack.needed_bytes;
        copied > limits.compact_bytes_max
    });
    packs.truncate(beyond.map_or(packs.len(), |beyond| beyond.max(1)));
    Ok(packs)
}

/// Says what a compaction would do.
pub(crate) fn planned(packs: &[SparsePack]) -> Compacted {
    let mut compacted = Compacted::default();
    packs.iter().for_each(|pack| compacted.count(pack));
    compacted
}

/// Compacts. A pack that can't be read rightly stays as it is, for `fsck` to name.
///
/// # Errors
/// `Read`, `Store`, `Catalog`; `compacted` tells what was done before.
pub(crate) async fn compact(engine: &Engine, now: Timestamp, compacted: &mut Compacted) -> Result<(), CollectError> {
    let mut compaction = Compaction { engine, filling: None, compacted };
    for pack in sparse_packs(engine, now).await? {
        let locations = engine.catalog.locations_in_pack(pack.number).await?;
        if let Err(error) = compaction.copy(&pack, &locations).await {
            if error.kind() != FailureKind::Corrupt {
                return Err(error);
            }
            tracing::warn!(pack = %pack.id, %error, "a pack could not be compacted; check the store");
        }
    }
    compaction.store().await
}

/// A compaction under way.
struct Compaction<'e> {
    engine: &'e Engine,
    filling: Option<Filling>,
    compacted: &'e mut Compacted,
}

/// A new pack.
struct Filling {
    builder: PackBuilder,
    /// From where its chunks come, in their order.
    from: Vec<i64>,
    /// The packs of which the last chunks are in it.
    done: Vec<SparsePack>,
}

impl Compaction<'_> {
    /// Copies all chunks of a pack.
    async fn copy(&mut self, pack: &SparsePack, locations: &[ChunkLocation]) -> Result<(), CollectError> {
        for run in runs(locations) {
            let Some(first) = run.first() else { continue };
            let end = run.iter().map(end).max().unwrap_or(first.offset);
            let stored = self.engine.store.read_stored(&pack.id, first.offset..end).await?;
            let part = |location: &ChunkLocation| {
                let at = (location.offset - first.offset) as usize; // it lies within what was read
                (location.clone(), stored.slice(at..at + location.stored_length as usize))
            };
            let chunks = checked(self.engine, run.iter().map(part).collect()).await?;
            for (location, stored) in &chunks {
                self.push(pack.number, location, stored).await?;
            }
        }
        if let Some(filling) = &mut self.filling {
            filling.done.push(*pack);
        }
        Ok(())
    }

    async fn push(&mut self, from: i64, location: &ChunkLocation, stored: &[u8]) -> Result<(), CollectError> {
        let pack_bytes = self.engine.limits.pack_bytes;
        let is_full = |filling: &Filling| {
            let pack = &filling.builder;
            !pack.is_empty() && (pack.stored_bytes() + stored.len() > pack_bytes || !pack.has_room_for(stored.len()))
        };
        if self.filling.as_ref().is_some_and(is_full) {
            self.store().await?;
        }
        let begin = || Filling {
            builder: PackBuilder::new(*uuid::Uuid::now_v7().as_bytes(), 0),
            from: Vec::new(),
            done: Vec::new(),
        };
        let filling = self.filling.get_or_insert_with(begin);
        if filling.builder.contains(&location.chunk) {
            return Ok(()); // another collector has moved it while the packs were looked through
        }
        filling.builder.grow_to(pack_bytes, stored.len());
        filling.builder.push(location.chunk, stored, location.length, location.encoding, location.reference);
        filling.from.push(from);
        Ok(())
    }

    /// Stores the new pack and makes it the place of its chunks.
    async fn store(&mut self) -> Result<(), CollectError> {
        let Some(Filling { builder, from, done }) = self.filling.take() else { return Ok(()) };
        let Engine { catalog, store, clock, limits, .. } = self.engine;
        let pack = builder.seal();
        let moved = |(entry, from): (&shelfmark_domain::pack::PackEntry, &i64)| MovedChunk {
            chunk: entry.chunk,
            from: *from,
            offset: entry.offset,
        };
        let mut chunks: Vec<MovedChunk> = pack.entries.iter().zip(&from).map(moved).collect();
        chunks.sort_by_key(|moved| moved.chunk); // the order in which others lock them
        let held_until = clock.reached().plus_ms(limits.grace_ms);
        let number = catalog.announce_pack(pack.id, pack.bytes.len() as u64, None, held_until).await?;
        store.put_pack(pack).await?;
        if catalog.move_chunks(number, &chunks).await? {
            done.iter().for_each(|pack| self.compacted.count(pack));
        }
        Ok(())
    }
}

/// Chunks that are read together.
fn runs(locations: &[ChunkLocation]) -> impl Iterator<Item = &[ChunkLocation]> {
    let mut start = locations.first().map_or(0, |first| first.offset);
    locations.chunk_by(move |_, next| {
        let is_near = end(next) - start <= READ_BYTES;
        if !is_near {
            start = next.offset;
        }
        is_near
    })
}

/// Where the byte after a chunk lies in its pack.
fn end(location: &ChunkLocation) -> u64 {
    location.offset + u64::from(location.stored_length)
}

/// Compares stored bytes with the chunks' names: a read that went wrong must not become all that is left of them.
async fn checked(
    engine: &Engine,
    chunks: Vec<(ChunkLocation, Bytes)>,
) -> Result<Vec<(ChunkLocation, Bytes)>, CollectError> {
    let references = engine.chunks.references_for(chunks.iter().map(|(location, _)| location)).await?;
    let check = move || {
        for (location, stored) in &chunks {
            let reference = location.reference.and_then(|reference| references.get(&reference));
            decode(location, stored.clone(), reference)?;
        }
        Ok::<_, StoreError>(chunks)
    };
    let checked = tokio::task::spawn_blocking(check).await;
    Ok(checked.map_err(|error| StoreError::Internal(Box::new(error)))??)
}
