//! Storing chunks: those that are new go into packs, each one durable write. While an upload goes on, its packs are
//! entered with provisional rows; the last pack, and all of a small upload, is entered in the transaction that refers
//! to the chunks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use tokio::task::JoinHandle;

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ChunkId;
use shelfmark_domain::pack::{PackBuilder, SealedPack};

use super::cutting::{NewChunk, SINGLE_CHUNK_BYTES_MAX, Storing};
use super::encoding::{Against, EncodedChunk, LEVEL};
use super::pack_memory::{PackMemory, Rooms, Share};
use crate::catalog::{CatalogError, ChunkRow, KnownChunk, ProjectRow, Write};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::operations::contents::chunks::{Chunks, ReadError};
use crate::store::{Compressor, Reference, StoreError};

/// How many references may stand behind a chunk: more save a little space and cost reads.
const DEPTH_MAX: u32 = 32;
/// Most chunks of other uploads that one upload may wait to make permanent.
const ADOPTED_MAX: usize = 1_000_000;

/// Why bytes could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("the upload took longer than unfinished bytes are kept; send it again")]
    Expired,
    #[error("another upload of the same bytes is under way; send this one again when it is done")]
    Crowded,
    #[error("storing was interrupted; send it again")]
    Interrupted,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for PackError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Expired | Self::Crowded | Self::Interrupted => FailureKind::Busy,
            Self::Read(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// What packing needs of its surroundings.
#[derive(Clone)]
pub(crate) struct Packer {
    pub chunks: Chunks,
    pub clock: Clock,
    pub limits: Arc<Limits>,
    pub memory: PackMemory,
}

/// Chunks on their way into packs.
pub(crate) struct Packing {
    packer: Packer,
    upload: [u8; 16],
    dictionary: Option<Reference>,
    builder: Option<PackBuilder>,
    /// The share of the memory that the pack being filled takes.
    share: Option<Share>,
    rooms: Rooms,
    depths: HashMap<ChunkId, u32>,
    /// The pack that is being stored, and its chunks.
    storing: Option<JoinHandle<Result<Entered, PackError>>>,
    in_flight: HashSet<ChunkId>,
    adopted: HashSet<ChunkId>,
    entered: u64,
    has_entered: bool,
}

/// A pack that was entered with provisional rows.
struct Entered {
    own: u64,
    foreign: Vec<ChunkId>,
    /// The memory that held it.
    room: Vec<u8>,
}

/// Stored chunks that wait for the transaction that refers to them.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// The upload under which packs have been entered, and how many chunks they brought.
    upload: Option<([u8; 16], u64)>,
    /// Provisional chunks of others that this upload refers to.
    adopted: Vec<ChunkId>,
    /// A stored pack that isn't entered yet.
    last: Option<(i64, Vec<ChunkRow>)>,
}

impl Packer {
    /// Begins an upload. Small chunks are stored with the dictionary.
    pub(crate) fn begin(&self, dictionary: Option<Reference>) -> Packing {
        Packing {
            packer: self.clone(),
            upload: *uuid::Uuid::now_v7().as_bytes(),
            dictionary,
            builder: None,
            share: None,
            rooms: self.memory.rooms(),
            depths: HashMap::new(),
            storing: None,
            in_flight: HashSet::new(),
            adopted: HashSet::new(),
            entered: 0,
            has_entered: false,
        }
    }

    /// The dictionary of a project, if it has one yet.
    pub(crate) async fn dictionary(&self, project: &ProjectRow) -> Result<Option<Reference>, PackError> {
        match project.dictionary {
            Some(dictionary) => Ok(Some(self.chunks.reference(dictionary).await?)),
            None => Ok(None),
        }
    }

    /// Names a pack in the catalog and stores it; gives its number, its rows, and the memory that held it.
    async fn store(
        &self,
        pack: SealedPack,
        depths: &HashMap<ChunkId, u32>,
        upload: Option<[u8; 16]>,
    ) -> Result<(i64, Vec<ChunkRow>, Vec<u8>), PackError> {
        let row = |entry: &shelfmark_domain::pack::PackEntry| {
            let depth = depths.get(&entry.chunk).copied().unwrap_or_default();
            ChunkRow { entry: entry.clone(), depth }
        };
        let rows: Vec<ChunkRow> = pack.entries.iter().map(row).collect();
        let held_until = self.clock.reached().plus_ms(self.limits.grace_ms);
        self.chunks.store().check_room(pack.bytes.len()).await?; // first: refusals must not fill the disk with rows
        let number = self.chunks.catalog().announce_pack(pack.id, pack.bytes.len() as u64, upload, held_until).await?;
        let room = self.chunks.store().put_pack(pack).await?.room;
        Ok((number, rows, room))
    }
}

impl Packing {
    /// The id under which this upload's rows stand until it is done.
    pub fn upload(&self) -> [u8; 16] {
        self.upload
    }

    /// Uses this dictionary, or none, for small chunks from now on.
    pub fn use_dictionary(&mut self, dictionary: Option<Reference>) {
        self.dictionary = dictionary;
    }

    /// Stores chunks; those that are there already are only noted.
    pub async fn add(&mut self, chunks: Vec<NewChunk>) -> Result<(), PackError> {
        let mut asked = HashSet::new();
        let is_here = |packing: &Self, id: &ChunkId| {
            packing.in_flight.contains(id) || packing.builder.as_ref().is_some_and(|pack| pack.contains(id))
        };
        let chunks: Vec<NewChunk> =
            chunks.into_iter().filter(|chunk| !is_here(self, &chunk.id) && asked.insert(chunk.id)).collect();
        if chunks.is_empty() {
            return Ok(());
        }
        let relatives = chunks.iter().filter_map(|chunk| match chunk.storing {
            Storing::Against(relative) => Some(relative),
            Storing::Raw | Storing::Compressed => None,
        });
        asked.extend(relatives);
        let ids: Vec<ChunkId> = asked.into_iter().collect();
        let known = self.packer.chunks.catalog().known_chunks(&ids).await?;
        let (there, new): (Vec<NewChunk>, Vec<NewChunk>) =
            chunks.into_iter().partition(|chunk| known.contains_key(&chunk.id));
        for chunk in there {
            self.note(chunk.id, known[&chunk.id])?;
        }
        let encoded = self.encode(new, &known).await?;
        let mut expected: usize = encoded.iter().map(|chunk| chunk.stored.len()).sum();
        for chunk in encoded {
            let stored = chunk.stored.len();
            self.push(chunk, expected).await?;
            expected -= stored;
        }
        Ok(())
    }

    /// Takes a share of the memory for so many bytes more. When there is none, what has been filled goes first.
    async fn take_memory(&mut self, bytes: usize) -> Result<(), PackError> {
        let share = match self.packer.memory.try_take(bytes) {
            Some(share) => share,
            None => {
                self.store_pack().await?;
                self.packer.memory.take(bytes).await
            }
        };
        match &mut self.share {
            Some(taken) => taken.merge(share),
            none => *none = Some(share),
        }
        Ok(())
    }

    /// Returns when this upload should send off what it has filled because others wait for memory; never when it has
    /// filled nothing.
    pub async fn should_give_way(&self) {
        match &self.builder {
            Some(_) => self.packer.memory.is_wanted().await,
            None => std::future::pending().await,
        }
    }

    /// A chunk that others have brought: one that nothing refers to yet is made permanent with this upload.
    fn note(&mut self, id: ChunkId, known: KnownChunk) -> Result<(), PackError> {
        if !known.is_permanent {
            self.adopted.insert(id);
        }
        if self.adopted.len() > ADOPTED_MAX { Err(PackError::Crowded) } else { Ok(()) }
    }

    /// Finds out against what each chunk is stored, and compresses off the async threads, on all cores.
    async fn encode(
        &mut self,
        chunks: Vec<NewChunk>,
        known: &HashMap<ChunkId, KnownChunk>,
    ) -> Result<Vec<EncodedChunk>, PackError> {
        let mut work = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let against = match chunk.storing {
                Storing::Raw => Against::Nothing { level: None },
                Storing::Compressed => match &self.dictionary {
                    Some(dictionary) if chunk.bytes.len() <= SINGLE_CHUNK_BYTES_MAX => {
                        Against::Dictionary(dictionary.clone())
                    }
                    _ => Against::Nothing { level: Some(LEVEL) },
                },
                Storing::Against(relative) => match known.get(&relative) {
                    Some(state) if state.depth < DEPTH_MAX => {
                        self.note(relative, *state)?;
                        Against::Relative(self.packer.chunks.reference(relative).await?, state.depth)
                    }
                    _ => Against::Nothing { level: Some(LEVEL) },
                },
            };
            work.push((chunk, against));
        }
        if work.iter().all(|(_, against)| matches!(against, Against::Nothing { level: None })) {
            let mut compressor = Compressor::default();
            return Ok(work.into_iter().map(|(chunk, raw)| raw.encode(&mut compressor, chunk)).collect());
        }
        let encode = move || {
            work.into_par_iter()
                .with_min_len(4)
                .map_init(Compressor::default, |c, (chunk, a)| a.encode(c, chunk))
                .collect()
        };
        tokio::task::spawn_blocking(encode).await.map_err(|_| PackError::Interrupted)
    }

    /// Puts a chunk into the pack; `expected` bytes are known to come, its own included.
    async fn push(&mut self, chunk: EncodedChunk, expected: usize) -> Result<(), PackError> {
        let pack_bytes = self.packer.limits.pack_bytes;
        let is_full = |pack: &PackBuilder| {
            !pack.is_empty()
                && (pack.stored_bytes() + chunk.stored.len() > pack_bytes || !pack.has_room_for(chunk.stored.len()))
        };
        if self.builder.as_ref().is_some_and(is_full) {
            self.store_pack().await?;
        }
        self.take_memory(chunk.stored.len()).await?;
        let begin = || PackBuilder::within(*uuid::Uuid::now_v7().as_bytes(), self.rooms.take(expected.min(pack_bytes)));
        let builder = self.builder.get_or_insert_with(begin);
        builder.grow_to(pack_bytes, chunk.stored.len());
        builder.push(chunk.id, &chunk.stored, chunk.length, chunk.encoding, chunk.reference);
        self.depths.insert(chunk.id, chunk.depth);
        Ok(())
    }

    /// Sends the pack on its way and waits only for the one before it.
    pub async fn store_pack(&mut self) -> Result<(), PackError> {
        self.settle().await?;
        let Some(builder) = self.builder.take() else { return Ok(()) };
        let (pack, depths, share) = (builder.seal(), std::mem::take(&mut self.depths), self.share.take());
        self.in_flight = depths.keys().copied().collect();
        self.has_entered = true;
        let (packer, upload) = (self.packer.clone(), self.upload);
        self.storing = Some(tokio::spawn(async move {
            let (number, rows, room) = packer.store(pack, &depths, Some(upload)).await?;
            drop(share);
            let held_until = packer.clock.reached().plus_ms(packer.limits.grace_ms);
            let foreign = packer.chunks.catalog().enter_pack(number, &rows, held_until).await?;
            let foreign = foreign.ok_or(PackError::Expired)?;
            Ok(Entered { own: (rows.len() - foreign.len()) as u64, foreign, room })
        }));
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), PackError> {
        let Some(storing) = self.storing.take() else { return Ok(()) };
        let entered = storing.await.map_err(|_| PackError::Interrupted)??;
        self.entered += entered.own;
        // Some of them may be permanent by now; making them so once more does no harm.
        self.adopted.extend(entered.foreign);
        self.in_flight.clear();
        self.rooms.give_back(entered.room);
        Ok(())
    }

    /// Gives up. What has been stored is garbage from now on; a pack on its way is waited for, so that nothing of this
    /// upload happens later.
    pub async fn abandon(mut self) {
        if let Err(error) = self.settle().await {
            tracing::debug!(%error, "a pack of an abandoned upload was not stored");
        }
    }

    /// Stores what is left.
    pub async fn finish(mut self) -> Result<Packed, PackError> {
        self.settle().await?;
        let last = match self.builder.take() {
            Some(builder) if !builder.is_empty() => {
                let (number, rows, _) = self.packer.store(builder.seal(), &self.depths, None).await?;
                Some((number, rows))
            }
            _ => None,
        };
        let upload = self.has_entered.then_some((self.upload, self.entered));
        Ok(Packed { upload, adopted: self.adopted.into_iter().collect(), last })
    }
}

impl Packed {
    /// Leaves out every chunk but these, when the rest is not going to be referred to.
    pub fn keep(&mut self, needed: &HashSet<ChunkId>) {
        self.adopted.retain(|chunk| needed.contains(chunk));
        if let Some((_, rows)) = &mut self.last {
            rows.retain(|row| needed.contains(&row.entry.chunk));
        }
        // A pack without rows stays announced only, and the collector takes it after the grace period.
        self.last.take_if(|(_, rows)| rows.is_empty());
    }

    /// Makes everything permanent, in the transaction that refers to it.
    ///
    /// # Errors
    /// `Expired` when the collector has taken some of it meanwhile; the transaction must be given up.
    pub async fn enter(&self, write: &mut Write) -> Result<(), PackError> {
        if let Some((upload, chunks)) = self.upload
            && write.adopt_upload(upload).await? != chunks
        {
            return Err(PackError::Expired);
        }
        if !write.adopt_chunks(self.adopted.iter().copied()).await? {
            return Err(PackError::Expired);
        }
        if let Some((pack, rows)) = &self.last
            && !write.insert_pack(*pack, rows).await?
        {
            return Err(PackError::Expired);
        }
        Ok(())
    }
}
