//! Reading a tar stream strictly: plain files only, valid paths, each once, and a proper end.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tar::{Archive, Entry, EntryType};

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::{InvalidMetadata, METADATA_BYTES_MAX, Metadata};
use shelfmark_domain::path::{AssetPath, InvalidPath};

use super::cutting::{CutContent, cut_content};
use super::facts::{Facts, facts};
use super::transfer::{ArrivingBody, Stages};
use crate::store::Compressor;

/// A tar archive ends with two blocks of zeros.
const END_BYTES: u64 = 1_024;
const BLOCK_BYTES: u64 = 512;
/// What may come before an entry to describe it: a long name, its records. They are read into memory as a whole.
const RECORDS_BYTES_MAX: u64 = 1 << 20;

/// What an archive may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TarLimits {
    pub content_bytes_max: u64,
    pub bytes_max: u64,
    pub entries_max: usize,
}

/// One entry that has been read.
#[derive(Clone, Debug)]
pub(crate) struct TarEntry {
    pub path: AssetPath,
    pub metadata: Option<Metadata>,
    pub action: TarAction,
}

/// What an entry asks for.
#[derive(Clone, Debug)]
pub(crate) enum TarAction {
    /// A content that has come, without its head: what there is to know from that is known.
    Content(CutContent, Facts),
    /// A content that the project is said to have.
    Known(ContentId),
    Remove,
}

/// Why an archive is refused. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    #[error("the tar stream can't be read: {0}; make it again and send all of it")]
    Broken(String),
    #[error("the tar stream ends too early; send all of it, with the two zero blocks at its end")]
    CutShort,
    #[error("entry {path:?} is a {kind}; put only plain files into the archive")]
    NotAFile { path: String, kind: &'static str },
    #[error("entry {0:?} has an absolute path; write paths relative to the project's root")]
    Absolute(String),
    #[error("entry {0:?} has a path that is not UTF-8; rename it")]
    NotUtf8(String),
    #[error(transparent)]
    Path(#[from] InvalidPath),
    #[error("the path {0} comes twice; leave one out")]
    Twice(String),
    #[error("entry {path} has the record {record} with a value that can't be used: {why}")]
    Record { path: String, record: &'static str, why: String },
    #[error("the archive's global records set {0}, which would hold for every file; set it on single entries")]
    Global(String),
    #[error("entry {path} was announced as {announced}, but is {came}; the file changed, or the record is wrong")]
    WrongContent { path: String, announced: ContentId, came: ContentId },
    #[error("there are more than {0} bytes, the most that is accepted; send larger files one by one")]
    TooLarge(u64),
    #[error("there are more than {0} entries, the most that one batch takes; send several batches")]
    TooMany(usize),
    #[error("the archive is empty; put files into it")]
    Empty,
    #[error("storing has stopped")]
    Stopped,
}

impl Failure for TarError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Broken(_)
            | Self::CutShort
            | Self::NotAFile { .. }
            | Self::Absolute(_)
            | Self::NotUtf8(_)
            | Self::Path(_)
            | Self::Twice(_)
            | Self::Record { .. }
            | Self::Global(_)
            | Self::WrongContent { .. }
            | Self::Empty => FailureKind::Invalid,
            Self::TooLarge(_) | Self::TooMany(_) => FailureKind::TooLarge,
            Self::Stopped => FailureKind::Busy,
        }
    }
}

/// How far an archive has been read, so that a missing end is noticed, and how far it may be read for now.
#[derive(Debug, Default)]
struct Progress {
    count: AtomicU64,
    end: AtomicU64,
}

struct Counted<R> {
    reader: R,
    progress: Arc<Progress>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.count.load(Ordering::Relaxed) > self.progress.end.load(Ordering::Relaxed) {
            return Err(io::Error::other(format!("an entry has more than {RECORDS_BYTES_MAX} bytes of records")));
        }
        let length = self.reader.read(buffer)?;
        self.progress.count.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// The PAX records that mean something here.
#[derive(Debug, Default)]
struct Records {
    content: Option<ContentId>,
    is_known: bool,
    removes: bool,
    metadata: Option<Metadata>,
}

/// Reads an archive to its end and cuts the contents of its files.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn read_tar(body: ArrivingBody, limits: &TarLimits, stages: &mut Stages) -> Result<Vec<TarEntry>, TarError> {
    let progress = Arc::new(Progress::default());
    let mut archive = Archive::new(Counted { reader: body, progress: progress.clone() });
    let mut compressor = Compressor::default();
    let mut entries = Vec::new();
    let mut paths = HashSet::new();
    let (mut bytes, mut end) = (0, 0);
    let mut rest = archive.entries().map_err(broken)?;
    loop {
        progress.end.store(end + RECORDS_BYTES_MAX, Ordering::Relaxed);
        let Some(entry) = rest.next() else { break };
        progress.end.store(u64::MAX, Ordering::Relaxed);
        let mut entry = entry.map_err(broken)?;
        let size = entry.size();
        end = entry.raw_file_position() + size.next_multiple_of(BLOCK_BYTES);
        bytes += size;
        if bytes > limits.bytes_max {
            return Err(TarError::TooLarge(limits.bytes_max));
        }
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            check_global(&mut entry)?;
            continue;
        }
        let Some(path) = file_path(&entry)? else { continue };
        if !paths.insert(path.clone()) {
            return Err(TarError::Twice(path.to_string()));
        }
        if entries.len() == limits.entries_max {
            return Err(TarError::TooMany(limits.entries_max));
        }
        let records = records(&mut entry, &path)?;
        let metadata = records.metadata.clone();
        let action = action(&mut entry, &path, records, limits, &mut compressor, stages)?;
        entries.push(TarEntry { path, metadata, action });
    }
    progress.end.store(u64::MAX, Ordering::Relaxed);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?; // the padding after the end
    if progress.count.load(Ordering::Relaxed) < end + END_BYTES {
        return Err(TarError::CutShort);
    }
    if entries.is_empty() { Err(TarError::Empty) } else { Ok(entries) }
}

fn broken(error: io::Error) -> TarError {
    TarError::Broken(error.to_string())
}

/// Passes over the records for all entries, such as the commit that `git archive` names. Those that would change what
/// the files are can't be passed over.
fn check_global<R: Read>(entry: &mut Entry<'_, R>) -> Result<(), TarError> {
    if entry.size() > RECORDS_BYTES_MAX {
        return Err(TarError::Broken(format!("its global records have more than {RECORDS_BYTES_MAX} bytes")));
    }
    for record in entry.pax_extensions().map_err(broken)?.into_iter().flatten() {
        let record = record.map_err(broken)?;
        let key = record.key().map_err(|_| TarError::Global("a record that is not UTF-8".to_owned()))?;
        if matches!(key, "path" | "linkpath" | "size") || key.starts_with("SHELFMARK.") {
            return Err(TarError::Global(key.chars().take(200).collect()));
        }
    }
    Ok(())
}

/// The path of a plain file; `None` for a folder, which needs no entry of its own here.
fn file_path<R: Read>(entry: &Entry<'_, R>) -> Result<Option<AssetPath>, TarError> {
    let raw = entry.path_bytes();
    let lossy = || String::from_utf8_lossy(&raw).chars().take(200).collect::<String>();
    let refused = |kind| Err(TarError::NotAFile { path: lossy(), kind });
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Directory => return Ok(None),
        EntryType::Link => return refused("hard link"),
        EntryType::Symlink => return refused("symbolic link"),
        EntryType::Char | EntryType::Block => return refused("device"),
        EntryType::Fifo => return refused("pipe"),
        EntryType::GNUSparse => return refused("sparse file"),
        _ => return refused("special entry"),
    }
    let text = std::str::from_utf8(&raw).map_err(|_| TarError::NotUtf8(lossy()))?;
    if text.starts_with('/') {
        return Err(TarError::Absolute(lossy()));
    }
    // `tar -c .` writes every path with this prefix.
    Ok(Some(text.strip_prefix("./").unwrap_or(text).parse()?))
}

fn records<R: Read>(entry: &mut Entry<'_, R>, path: &AssetPath) -> Result<Records, TarError> {
    let mut records = Records::default();
    let Some(extensions) = entry.pax_extensions().map_err(broken)? else { return Ok(records) };
    for extension in extensions {
        let extension = extension.map_err(broken)?;
        let Ok(key) = extension.key() else { continue };
        let wrong = |record, why: String| TarError::Record { path: path.to_string(), record, why };
        let value = |record| extension.value().map_err(|_| wrong(record, "it is not UTF-8".to_owned()));
        match key {
            "SHELFMARK.content" => {
                let content = value("SHELFMARK.content")?.parse();
                records.content = Some(
                    content
                        .map_err(|e: shelfmark_domain::hash::InvalidHash| wrong("SHELFMARK.content", e.to_string()))?,
                );
            }
            "SHELFMARK.known" => records.is_known = value("SHELFMARK.known")? == "1",
            "SHELFMARK.remove" => records.removes = value("SHELFMARK.remove")? == "1",
            "SHELFMARK.metadata" => {
                let read = metadata(value("SHELFMARK.metadata")?).map_err(|why| wrong("SHELFMARK.metadata", why))?;
                records.metadata = Some(read);
            }
            _ => {}
        }
    }
    Ok(records)
}

fn metadata(json: &str) -> Result<Metadata, String> {
    if json.len() > METADATA_BYTES_MAX {
        return Err(InvalidMetadata::TooLarge(json.len()).to_string());
    }
    let metadata: Metadata = serde_json::from_str(json).map_err(|error| error.to_string())?;
    metadata.checked().map_err(|error| error.to_string())
}

fn action<R: Read>(
    entry: &mut Entry<'_, R>,
    path: &AssetPath,
    records: Records,
    limits: &TarLimits,
    compressor: &mut Compressor,
    stages: &mut Stages,
) -> Result<TarAction, TarError> {
    let size = entry.size();
    let wrong = |record, why: &str| TarError::Record { path: path.to_string(), record, why: why.to_owned() };
    if records.removes {
        return if size == 0 { Ok(TarAction::Remove) } else { Err(wrong("SHELFMARK.remove", "the entry has bytes")) };
    }
    if records.is_known {
        let content = records.content.ok_or_else(|| wrong("SHELFMARK.known", "SHELFMARK.content is missing"))?;
        return if size == 0 {
            Ok(TarAction::Known(content))
        } else {
            Err(wrong("SHELFMARK.known", "the entry has bytes"))
        };
    }
    let mut cut = cut_content(entry, limits.content_bytes_max, false, compressor, &mut |piece| stages.put(piece))?;
    if cut.size_bytes != size {
        return Err(TarError::CutShort);
    }
    match records.content {
        Some(announced) if announced != cut.id => {
            Err(TarError::WrongContent { path: path.to_string(), announced, came: cut.id })
        }
        _ => {
            // Found out here and not when all has come: the heads of all entries may be more than fits into memory.
            let facts = facts(path.as_str(), None, &std::mem::take(&mut cut.head));
            Ok(TarAction::Content(cut, facts))
        }
    }
}
