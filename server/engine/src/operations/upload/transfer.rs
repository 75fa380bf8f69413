//! Taking bytes in while they arrive: from the async side, where they come, to a blocking thread that reads and cuts
//! them, and back to the async side, which packs. Both hand-overs are short queues, so a slow store slows the sender
//! and memory stays bounded whatever the size.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::cutting::{CutError, NewChunk, Piece};
use super::packing::{PackError, Packing};
use crate::operations::contents::chunks::Chunks;
use crate::store::{Reference, train_dictionary};

/// Pieces of a request's body that wait to be read.
const ARRIVED_MAX: usize = 4;
/// Cut chunks are handed on in stages of about this many bytes, two of which may wait.
const STAGE_BYTES: usize = 1 << 20;
/// The same for the first stage, when a dictionary may be trained on it.
const TRAINING_STAGE_BYTES: usize = 4 << 20;
const STAGES_MAX: usize = 1;
/// A dictionary is trained when so many small chunks come at once; fewer don't show what is typical.
const DICTIONARY_SAMPLES_MIN: usize = 200;
const DICTIONARY_SAMPLE_BYTES_MAX: usize = 16 << 10;

/// A body broke off or can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off: {0}; send it again")]
pub struct BodyError(pub String);

/// Reads, on a blocking thread, what arrives on the async side.
pub(crate) struct ArrivingBody {
    arrived: mpsc::Receiver<Result<Bytes, BodyError>>,
    current: Bytes,
}

impl Read for ArrivingBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.arrived.blocking_recv() {
                Some(Ok(bytes)) => self.current = bytes,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Chunks and full segments that have been cut since the stage before.
#[derive(Debug, Default)]
struct Stage {
    chunks: Vec<NewChunk>,
    segments: Vec<(u32, u64, Vec<u8>)>,
    bytes: usize,
}

/// Where the blocking thread puts what it has cut.
pub(crate) struct Stages {
    stage: Stage,
    /// How many bytes the stage gets.
    bytes_wanted: usize,
    queue: mpsc::Sender<Stage>,
}

impl Stages {
    /// Takes a piece; waits when the stages before have not been packed yet.
    pub fn put(&mut self, piece: Piece) -> Result<(), CutError> {
        match piece {
            Piece::Chunk(chunk) => {
                self.stage.bytes += chunk.bytes.len();
                self.stage.chunks.push(chunk);
            }
            Piece::Segment { position, start, list } => self.stage.segments.push((position, start, list)),
        }
        if self.stage.bytes < self.bytes_wanted { Ok(()) } else { self.hand_on() }
    }

    fn hand_on(&mut self) -> Result<(), CutError> {
        let stage = std::mem::take(&mut self.stage);
        self.bytes_wanted = STAGE_BYTES;
        self.queue.blocking_send(stage).map_err(|_| CutError::Stopped)
    }
}

/// What came of a transfer.
pub(crate) struct Transferred<T> {
    /// What the blocking side made of the body.
    pub cut: T,
    pub packing: Packing,
    /// A dictionary that has been trained on the way.
    pub dictionary: Option<Reference>,
}

/// Why a transfer failed; `E` is the blocking side's own reason.
pub(crate) enum TransferError<E> {
    Pack(PackError),
    Cut(E),
}

/// Runs `work` on a blocking thread over a body that arrives, and packs what it cuts. With `trains`, the first stage
/// may give the project a dictionary.
pub(crate) async fn transfer<B, T, E>(
    body: B,
    mut packing: Packing,
    chunks: &Chunks,
    trains: bool,
    work: impl FnOnce(ArrivingBody, &mut Stages) -> Result<T, E> + Send + 'static,
) -> Result<Transferred<T>, TransferError<E>>
where
    B: Stream<Item = Result<Bytes, BodyError>>,
    T: Send + 'static,
    E: From<CutError> + Send + 'static,
{
    let (arriving, arrived) = mpsc::channel(ARRIVED_MAX);
    let (queue, mut stages) = mpsc::channel(STAGES_MAX);
    let bytes_wanted = if trains { TRAINING_STAGE_BYTES } else { STAGE_BYTES };
    let cutting = tokio::task::spawn_blocking(move || {
        let mut sink = Stages { stage: Stage::default(), bytes_wanted, queue };
        let cut = work(ArrivingBody { arrived, current: Bytes::new() }, &mut sink)?;
        sink.hand_on()?;
        Ok::<T, E>(cut)
    });
    let feed = async {
        futures::pin_mut!(body);
        while let Some(bytes) = body.next().await {
            if arriving.send(bytes).await.is_err() {
                break; // the reader has given up and says why
            }
        }
        drop(arriving);
    };
    let mut dictionary = None;
    let pack = async {
        let mut may_train = trains;
        loop {
            let stage = tokio::select! {
                biased;
                stage = stages.recv() => stage,
                () = packing.should_give_way() => {
                    packing.store_pack().await?;
                    continue;
                }
            };
            let Some(stage) = stage else { break };
            if std::mem::take(&mut may_train) {
                dictionary = train(&stage.chunks, &mut packing).await?;
            }
            for (position, start, list) in stage.segments {
                chunks.catalog().enter_segment(packing.upload(), position, start, list).await?;
            }
            packing.add(stage.chunks).await?;
        }
        drop(stages);
        Ok::<(), PackError>(())
    };
    let ((), packed) = futures::join!(feed, pack);
    let cut = cutting.await.map_err(|_| TransferError::Pack(PackError::Interrupted));
    let cut = match (packed, cut) {
        (Ok(()), Ok(Ok(cut))) => cut,
        (packed, cut) => {
            packing.abandon().await;
            packed.map_err(TransferError::Pack)?;
            return Err(cut?.map_or_else(TransferError::Cut, |_| TransferError::Pack(PackError::Interrupted)));
        }
    };
    Ok(Transferred { cut, packing, dictionary })
}

/// Trains a dictionary on many small chunks and stores them, and those to come, with it.
async fn train(chunks: &[NewChunk], packing: &mut Packing) -> Result<Option<Reference>, PackError> {
    let samples: Vec<Bytes> = chunks
        .iter()
        .filter(|chunk| chunk.bytes.len() <= DICTIONARY_SAMPLE_BYTES_MAX)
        .map(|chunk| chunk.bytes.clone())
        .collect();
    if samples.len() < DICTIONARY_SAMPLES_MIN {
        return Ok(None);
    }
    let train = move || train_dictionary(&samples.iter().map(|sample| &sample[..]).collect::<Vec<_>>());
    let trained = tokio::task::spawn_blocking(train).await.map_err(|_| PackError::Interrupted)?;
    let Some(bytes) = trained.map(Bytes::from) else { return Ok(None) };
    let chunk = NewChunk {
        id: shelfmark_domain::hash::ChunkId::of(&bytes),
        bytes: bytes.clone(),
        storing: super::cutting::Storing::Compressed,
    };
    let dictionary = Reference::new(chunk.id, bytes);
    packing.add(vec![chunk]).await?;
    packing.use_dictionary(Some(dictionary.clone()));
    Ok(Some(dictionary))
}
