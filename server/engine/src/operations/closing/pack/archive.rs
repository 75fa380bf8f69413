//! The archive of a pack while it is written, on a thread of its own: into a file that is gone when nobody holds it any
//! more. Equal files give equal archives: their order, and an instant in 1980 for each.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};

use bytes::Bytes;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::{JoinHandle, spawn_blocking};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use shelfmark_domain::hash::ContentId;

use super::PackError;
use super::format::{INDEX, PackFile, PackIndex, SEAL, seal_line};

/// Pieces that may wait for the thread.
const PIECES_WAITING: usize = 8;

enum Piece {
    /// The file before is complete, and this one begins.
    Begin(String),
    Bytes(Bytes),
    /// The last file is complete; the index is all but its files.
    Finish(Box<PackIndex>),
}

/// A finished archive.
pub(super) struct Finished {
    pub file: File,
    pub bytes: u64,
    pub seal: ContentId,
}

/// An archive under way.
pub(super) struct Archive {
    pieces: Sender<Piece>,
    thread: JoinHandle<io::Result<Option<Finished>>>,
    /// The paths so far and how many lines each has; `None` for what is not made of lines.
    pub written: Vec<(String, Option<u64>)>,
}

impl Archive {
    /// Begins one.
    pub fn start() -> Self {
        let (pieces, mut waiting) = channel(PIECES_WAITING);
        let thread = spawn_blocking(move || {
            let mut writing = Writing::start()?;
            while let Some(piece) = waiting.blocking_recv() {
                match piece {
                    Piece::Begin(path) => writing.begin(path)?,
                    Piece::Bytes(bytes) => writing.write(&bytes)?,
                    Piece::Finish(index) => return writing.finish(*index).map(Some),
                }
            }
            Ok(None) // given up
        });
        Self { pieces, thread, written: Vec::new() }
    }

    async fn send(&mut self, piece: Piece) -> Result<(), PackError> {
        if self.pieces.send(piece).await.is_ok() {
            return Ok(());
        }
        Err(PackError::Io(match (&mut self.thread).await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => io::Error::other("the thread that writes the archive has ended"),
        }))
    }

    /// Begins a file of lines.
    pub async fn begin(&mut self, path: impl Into<String>) -> Result<(), PackError> {
        let path = path.into();
        self.written.push((path.clone(), Some(0)));
        self.send(Piece::Begin(path)).await
    }

    /// Adds lines to the file that was begun last.
    pub async fn lines(&mut self, lines: impl IntoIterator<Item = serde_json::Value>) -> Result<(), PackError> {
        self.records(lines).await
    }

    /// Adds a line for each record to the file that was begun last. Fields stand in the record's order.
    pub async fn records<T: serde::Serialize>(
        &mut self,
        records: impl IntoIterator<Item = T>,
    ) -> Result<(), PackError> {
        let mut text = String::new();
        for record in records {
            text.push_str(&serde_json::to_string(&record).map_err(io::Error::from)?);
            text.push('\n');
            if let Some((_, Some(count))) = self.written.last_mut() {
                *count += 1;
            }
        }
        if text.is_empty() { Ok(()) } else { self.send(Piece::Bytes(text.into())).await }
    }

    /// Adds a file of lines.
    pub async fn list(
        &mut self,
        path: &str,
        lines: impl IntoIterator<Item = serde_json::Value>,
    ) -> Result<(), PackError> {
        self.begin(path).await?;
        self.lines(lines).await
    }

    /// Begins a file of bytes.
    pub async fn begin_bytes(&mut self, path: impl Into<String>) -> Result<(), PackError> {
        let path = path.into();
        self.written.push((path.clone(), None));
        self.send(Piece::Begin(path)).await
    }

    /// Adds bytes to the file that was begun last.
    pub async fn bytes(&mut self, bytes: impl Into<Bytes>) -> Result<(), PackError> {
        self.send(Piece::Bytes(bytes.into())).await
    }

    /// Adds a file.
    pub async fn text(&mut self, path: &str, text: impl Into<Bytes>) -> Result<(), PackError> {
        self.begin_bytes(path).await?;
        self.bytes(text).await
    }

    /// Adds the index and its seal, and ends.
    pub async fn finish(mut self, index: PackIndex) -> Result<Finished, PackError> {
        self.send(Piece::Finish(Box::new(index))).await?;
        let ended = || io::Error::other("the thread that writes the archive has ended");
        let finished = self.thread.await.map_err(|_| ended())??;
        Ok(finished.ok_or_else(ended)?)
    }
}

/// The thread's side.
struct Writing {
    zip: ZipWriter<File>,
    files: Vec<PackFile>,
    open: Option<(String, u64, blake3::Hasher)>,
}

impl Writing {
    fn start() -> io::Result<Self> {
        Ok(Self { zip: ZipWriter::new(tempfile::tempfile()?), files: Vec::new(), open: None })
    }

    fn begin(&mut self, path: String) -> io::Result<()> {
        self.close();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644);
        self.zip.start_file(path.as_str(), options.large_file(true)).map_err(io::Error::from)?;
        self.open = Some((path, 0, blake3::Hasher::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((_, length, hasher)) = &mut self.open {
            *length += bytes.len() as u64;
            hasher.update(bytes);
        }
        self.zip.write_all(bytes)
    }

    fn close(&mut self) {
        if let Some((path, bytes, hasher)) = self.open.take() {
            self.files.push(PackFile { path, bytes, blake3: hasher.finalize().into() });
        }
    }

    fn finish(mut self, index: PackIndex) -> io::Result<Finished> {
        self.close();
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let text = serde_json::to_string_pretty(&PackIndex { files, ..index }).map_err(io::Error::from)? + "\n";
        self.begin(INDEX.to_owned())?;
        self.write(text.as_bytes())?;
        self.begin(SEAL.to_owned())?;
        self.write(seal_line(text.as_bytes()).as_bytes())?;
        let mut file = self.zip.finish().map_err(io::Error::from)?;
        let bytes = file.stream_position()?;
        file.rewind()?;
        Ok(Finished { file, bytes, seal: ContentId::of(text.as_bytes()) })
    }
}
