//! The contents of files: hashed in parallel, never more of a file in memory than one piece.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;
use shelfmark_domain::hash::ContentId;

use super::walk::{LocalFile, Stamp, Tree};
use super::{progress, shown};

/// How much of a file is read at once; a file up to this size is read whole.
pub const PIECE_BYTES: usize = 1024 * 1024;

/// A file, the path that it gets, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedFile {
    pub path: String,
    pub stamp: Stamp,
    pub content: ContentId,
}

/// A file was written to while we read it. What was acknowledged before stays.
#[derive(Debug, thiserror::Error)]
#[error("{0} changed while it was being read; run the command again when nothing writes to it")]
pub struct FileChanged(pub String);

/// The contents of all files; `known` tells those that need not be read, file by file.
///
/// # Errors
/// `FileChanged`; a file that cannot be read.
pub fn hash(tree: &Tree, files: Vec<LocalFile>, known: &[Option<ContentId>]) -> anyhow::Result<Vec<HashedFile>> {
    let unknown: Vec<&LocalFile> =
        files.iter().zip(known).filter(|(_, known)| known.is_none()).map(|(file, _)| file).collect();
    let bar = progress::bar("hashing", unknown.iter().map(|file| file.stamp.size_bytes).sum());
    let read = unknown.into_par_iter().map(|file| {
        let content = content_of(&tree.file_of(&file.path), &file.stamp)?;
        bar.inc(file.stamp.size_bytes);
        Ok(content)
    });
    let read: Vec<ContentId> = read.collect::<anyhow::Result<_>>()?;
    bar.finish_and_clear();
    let mut read = read.into_iter();
    let contents = known.iter().filter_map(|known| known.or_else(|| read.next()));
    let hashed = files.into_iter().zip(contents);
    Ok(hashed.map(|(LocalFile { path, stamp }, content)| HashedFile { path, stamp, content }).collect())
}

/// The content of a file that has this stamp before and after.
///
/// # Errors
/// `FileChanged`; a file that cannot be read.
pub fn content_of(path: &Path, stamp: &Stamp) -> anyhow::Result<ContentId> {
    let unreadable = || format!("{} cannot be read", shown(path));
    let mut file = File::open(path).with_context(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; piece_bytes(stamp.size_bytes)];
    let mut read_bytes = 0;
    loop {
        let length = file.read(&mut piece).with_context(unreadable)?;
        if length == 0 {
            break;
        }
        hasher.update(&piece[..length]);
        read_bytes += length as u64;
    }
    let is_same = Stamp::of(&file.metadata().with_context(unreadable)?) == *stamp;
    if is_same && read_bytes == stamp.size_bytes {
        Ok(hasher.finalize().into())
    } else {
        Err(FileChanged(shown(path)).into())
    }
}

/// A buffer that reads a small file at once: one byte more than the file has, so that its end is seen with it.
pub fn piece_bytes(size_bytes: u64) -> usize {
    usize::try_from(size_bytes).unwrap_or(PIECE_BYTES).saturating_add(1).min(PIECE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use shelfmark_domain::path::FolderPath;

    use super::super::walk::walk;
    use super::*;

    #[test]
    fn small_and_large_files_have_the_hash_of_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let large = vec![7; 2 * PIECE_BYTES + 3];
        for (name, bytes) in [("empty", &b""[..]), ("large", &large), ("small", b"abc")] {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let (tree, files) = walk(dir.path(), &FolderPath::root()).unwrap();
        let known = ContentId::of(b"trusted");
        let files = hash(&tree, files, &[None, None, Some(known)]).unwrap();
        let contents: Vec<ContentId> = files.iter().map(|file| file.content).collect();
        assert_eq!(contents, [ContentId::empty(), ContentId::of(&large), known]);
    }

    #[test]
    fn a_file_that_changed_after_it_was_looked_at_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), b"one").unwrap();
        let (tree, files) = walk(dir.path(), &FolderPath::root()).unwrap();
        fs::write(dir.path().join("a"), b"three").unwrap();
        assert!(hash(&tree, files, &[None]).unwrap_err().is::<FileChanged>());
    }
}
