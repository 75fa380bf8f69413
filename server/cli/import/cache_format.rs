//! The stored form of the cache. It is read before anything else is done, so it is laid out to be read quickly:
//!
//! ```text
//! magic 25 | BLAKE3 of the rest 32
//! looked at i64 | number of files u32 | of each: size u64, mtime i64, ctime i64, inode u64, content 32
//! length u32, paths of the files, each ended by a line feed (which no path has)
//! 0 or 1 | then, if 1: length u32, project's creation | asset revision i64
//!   number of assets u32 | content 32 of each | length u32, their paths as above
//! ```
//!
//! Numbers are little-endian. Whatever is not exactly so is no cache.

use shelfmark_domain::hash::ContentId;

use super::hashing::HashedFile;
use super::library::{Library, ProjectState};
use super::stat_cache::StatCache;
use super::walk::Stamp;

/// The start of the file; the number is the version of the format.
const MAGIC: &[u8] = b"shelfmark import cache 1\n";
const HASH_BYTES: usize = 32;
const STAMP_BYTES: usize = 32;

/// The stored form; `None` for a cache that is too large for it.
pub fn encode(cache: &StatCache) -> Option<Vec<u8>> {
    let mut out = [MAGIC, &[0; HASH_BYTES]].concat();
    out.extend(cache.looked_at_ns.to_le_bytes());
    out.extend(u32::try_from(cache.files.len()).ok()?.to_le_bytes());
    for HashedFile { stamp, content, .. } in &cache.files {
        out.extend(stamp.size_bytes.to_le_bytes());
        out.extend(stamp.mtime_ns.to_le_bytes());
        out.extend(stamp.ctime_ns.to_le_bytes());
        out.extend(stamp.inode.to_le_bytes());
        out.extend(content.as_bytes());
    }
    put_paths(&mut out, cache.files.iter().map(|file| file.path.as_str()))?;
    out.push(u8::from(cache.library.is_some()));
    if let Some(Library { state, contents }) = &cache.library {
        out.extend(u32::try_from(state.created_at.len()).ok()?.to_le_bytes());
        out.extend(state.created_at.as_bytes());
        out.extend(state.asset_revision.to_le_bytes());
        out.extend(u32::try_from(contents.len()).ok()?.to_le_bytes());
        contents.iter().for_each(|(_, content)| out.extend(content.as_bytes()));
        put_paths(&mut out, contents.iter().map(|(path, _)| path.as_str()))?;
    }
    let (head, rest) = out.split_at_mut(MAGIC.len() + HASH_BYTES);
    head[MAGIC.len()..].copy_from_slice(blake3::hash(rest).as_bytes());
    Some(out)
}

/// Reads what `encode` wrote; `None` for anything else.
pub fn decode(bytes: &[u8]) -> Option<StatCache> {
    let (hash, rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(HASH_BYTES)?;
    if blake3::hash(rest).as_bytes() != hash {
        return None;
    }
    let mut reader = Reader(rest);
    let looked_at_ns = i64::from_le_bytes(reader.array()?);
    let count = reader.length()?;
    let records = reader.take(count.checked_mul(STAMP_BYTES + HASH_BYTES)?)?;
    let paths = reader.paths()?;
    let records = records.chunks_exact(STAMP_BYTES + HASH_BYTES);
    let files: Option<Vec<HashedFile>> = records.zip(paths).map(|(record, path)| file(record, path)).collect();
    let library = match reader.array()? {
        [0] => None,
        [1] => Some(library(&mut reader)?),
        _ => return None,
    };
    let files = files.filter(|files| files.len() == count && reader.0.is_empty())?;
    Some(StatCache { looked_at_ns, files, library })
}

fn file(record: &[u8], path: &str) -> Option<HashedFile> {
    let mut reader = Reader(record);
    let stamp = Stamp {
        size_bytes: u64::from_le_bytes(reader.array()?),
        mtime_ns: i64::from_le_bytes(reader.array()?),
        ctime_ns: i64::from_le_bytes(reader.array()?),
        inode: u64::from_le_bytes(reader.array()?),
    };
    Some(HashedFile { path: path.to_owned(), stamp, content: ContentId::from_bytes(reader.array()?) })
}

fn library(reader: &mut Reader<'_>) -> Option<Library> {
    let created_at = reader.text()?.to_owned();
    let asset_revision = i64::from_le_bytes(reader.array()?);
    let count = reader.length()?;
    let contents = reader.take(count.checked_mul(HASH_BYTES)?)?.chunks_exact(HASH_BYTES);
    let paths = reader.paths()?;
    let contents: Option<Vec<(String, ContentId)>> =
        contents.zip(paths).map(|(content, path)| Some((path.to_owned(), ContentId::from_slice(content)?))).collect();
    let contents = contents.filter(|contents| contents.len() == count)?;
    Some(Library { state: ProjectState { created_at, asset_revision }, contents })
}

fn put_paths<'a>(out: &mut Vec<u8>, paths: impl Iterator<Item = &'a str>) -> Option<()> {
    let start = out.len();
    out.extend([0; 4]);
    for path in paths {
        out.extend_from_slice(path.as_bytes());
        out.push(b'\n');
    }
    let length = u32::try_from(out.len() - start - 4).ok()?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Some(())
}

/// The bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn paths(&mut self) -> Option<std::str::SplitTerminator<'a, char>> {
        Some(self.text()?.split_terminator('\n'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(library: Option<Library>) -> StatCache {
        let file = |path: &str, n: u64| {
            let stamp = Stamp { size_bytes: n, mtime_ns: -1, ctime_ns: i64::MAX, inode: u64::MAX };
            HashedFile { path: path.into(), stamp, content: ContentId::of(path.as_bytes()) }
        };
        StatCache { looked_at_ns: 9, files: vec![file("a", 1), file("größe/b", 2)], library }
    }

    fn library(paths: &[&str]) -> Library {
        let state = ProjectState { created_at: "2026-01-01T00:00:00.000000Z".into(), asset_revision: 4 };
        let contents = paths.iter().map(|&path| (path.to_owned(), ContentId::of(b"x"))).collect();
        Library { state, contents }
    }

    #[test]
    fn what_was_written_is_read() {
        for cache in [StatCache::default(), cache(None), cache(Some(library(&[]))), cache(Some(library(&["a", "z"])))] {
            assert_eq!(decode(&encode(&cache).unwrap()), Some(cache));
        }
    }

    #[test]
    fn the_form_of_version_1_does_not_drift() {
        let bytes = encode(&cache(Some(library(&["a"])))).unwrap();
        let hash = blake3::hash(&bytes).to_hex();
        assert_eq!((bytes.len(), &hash[..16]), (295, "29f32d7c72dca77d"));
    }

    #[test]
    fn anything_else_is_no_cache() {
        let bytes = encode(&cache(Some(library(&["a"])))).unwrap();
        for at in [0, 30, 60, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(decode(&flipped), None, "byte {at}");
        }
        for length in [0, 25, 57, bytes.len() - 1] {
            assert_eq!(decode(&bytes[..length]), None, "{length} bytes");
        }
        // A right hash over a wrong layout: more files than there are.
        let mut wrong = bytes.clone();
        wrong[65] = 3;
        let hash = blake3::hash(&wrong[57..]);
        wrong[25..57].copy_from_slice(hash.as_bytes());
        assert_eq!(decode(&wrong), None);
    }
}
