//! Checking a pack without the service: the seal, every file, and the chain of the audit extract.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Seek};

use zip::ZipArchive;

use shelfmark_domain::audit::{BrokenExtract, CHAIN_START, ExtractChain, Link};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use super::format::{AUDIT, AuditLine, FORMAT, INDEX, PackFile, PackIndex, SEAL, seal_line};

/// The largest index that is read, in bytes.
const INDEX_BYTES_MAX: u64 = 64 << 20;
/// The longest line of the audit extract that is read, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// A pack that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackCheck {
    pub project: ProjectName,
    pub release: ReleaseNumber,
    pub exported_at: Timestamp,
    pub files: u64,
    /// Audit entries that are told whole.
    pub entries: u64,
    /// How far the trail had been written then.
    pub head_sequence: i64,
    pub head: ContentId,
    /// Of the whole pack.
    pub seal: ContentId,
}

/// Why a pack does not hold.
#[derive(Debug, thiserror::Error)]
pub enum BrokenPack {
    #[error("the file can't be read as an evidence pack: {0}")]
    Unreadable(String),
    #[error("the pack has no {0}")]
    Missing(String),
    #[error("{0} is not named in the index")]
    Unlisted(String),
    #[error("{0} stands in the pack twice")]
    Twice(String),
    #[error("{0} has been changed: its hash is not the one in the index")]
    Changed(String),
    #[error("the index has been changed: its hash is not the one in the seal")]
    Seal,
    #[error("the index can't be understood: {0}")]
    Index(String),
    #[error("line {line} of the audit extract can't be understood: {why}")]
    Line { line: u64, why: String },
    #[error("the audit extract is broken: {0}")]
    Chain(#[from] BrokenExtract),
}

fn unreadable(error: impl std::fmt::Display) -> BrokenPack {
    BrokenPack::Unreadable(error.to_string())
}

/// Checks a pack: the seal fits the index, the index the files, and the audit extract is a chain up to the head.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify_pack(pack: impl Read + Seek) -> Result<PackCheck, BrokenPack> {
    let mut zip = ZipArchive::new(pack).map_err(unreadable)?;
    let text = read_whole(&mut zip, INDEX)?;
    if read_whole(&mut zip, SEAL)? != seal_line(&text).into_bytes() {
        return Err(BrokenPack::Seal);
    }
    let index: PackIndex = serde_json::from_slice(&text).map_err(|why| BrokenPack::Index(why.to_string()))?;
    if index.format != FORMAT {
        return Err(BrokenPack::Index(format!("its format is {:?}, not {FORMAT:?}", index.format)));
    }
    check_files(&mut zip, &index)?;
    let entries = check_chain(&mut zip, &index)?;
    Ok(PackCheck {
        project: index.project,
        release: index.release,
        exported_at: index.exported_at,
        files: index.files.len() as u64,
        entries,
        head_sequence: index.head.sequence,
        head: index.head.hash,
        seal: ContentId::of(&text),
    })
}

fn read_whole<R: Read + Seek>(zip: &mut ZipArchive<R>, path: &str) -> Result<Vec<u8>, BrokenPack> {
    let file = zip.by_name(path).map_err(|_| BrokenPack::Missing(path.to_owned()))?;
    let mut bytes = Vec::new();
    file.take(INDEX_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > INDEX_BYTES_MAX {
        return Err(BrokenPack::Index(format!("it is longer than {INDEX_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Whether the archive has the files of the index and no others, each with the bytes that the index names.
fn check_files<R: Read + Seek>(zip: &mut ZipArchive<R>, index: &PackIndex) -> Result<(), BrokenPack> {
    let mut expected: BTreeMap<&str, &PackFile> = BTreeMap::new();
    for file in &index.files {
        if expected.insert(&file.path, file).is_some() {
            return Err(BrokenPack::Twice(file.path.clone()));
        }
    }
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).map_err(unreadable)?;
        let path = file.name().map_err(unreadable)?.into_owned();
        if matches!(path.as_str(), INDEX | SEAL) {
            continue;
        }
        let Some(known) = expected.remove(path.as_str()) else { return Err(BrokenPack::Unlisted(path)) };
        let mut hasher = blake3::Hasher::new();
        // One byte more than there should be is enough to know.
        let read = std::io::copy(&mut (&mut file).take(known.bytes + 1), &mut hasher).map_err(unreadable)?;
        if read != known.bytes || ContentId::from(hasher.finalize()) != known.blake3 {
            return Err(BrokenPack::Changed(path));
        }
    }
    expected.into_keys().next().map_or(Ok(()), |path| Err(BrokenPack::Missing(path.to_owned())))
}

/// Whether the audit extract is a chain up to the head; returns how many entries it tells.
fn check_chain<R: Read + Seek>(zip: &mut ZipArchive<R>, index: &PackIndex) -> Result<u64, BrokenPack> {
    let file = zip.by_name(AUDIT).map_err(|_| BrokenPack::Missing(AUDIT.to_owned()))?;
    let mut lines = BufReader::new(file);
    let mut chain = ExtractChain::after(0, CHAIN_START);
    let (mut line, mut entries) = (0, 0);
    loop {
        let mut text = String::new();
        (&mut lines).take(LINE_BYTES_MAX).read_line(&mut text).map_err(unreadable)?;
        if text.is_empty() {
            break;
        }
        line += 1;
        let wrong = |why: String| BrokenPack::Line { line, why };
        let read: AuditLine = serde_json::from_str(&text).map_err(|why| wrong(why.to_string()))?;
        let again = serde_json::to_string(&read).map_err(|why| wrong(why.to_string()))?;
        if text != again + "\n" {
            return Err(wrong("it is not written as an export writes it".to_owned()));
        }
        let link = Link::from(read);
        chain.read(&link)?;
        entries += u64::from(matches!(link, Link::Entry { .. }));
    }
    chain.finish((index.head.sequence, *index.head.hash.as_bytes()))?;
    Ok(entries)
}
