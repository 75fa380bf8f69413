//! What the last import saw: stamps and contents of files, and the library afterwards. With it, an unchanged folder
//! costs its stats and one request. It is only ever a shortcut: a cache that is missing, damaged or of another
//! version is as good as none.
//!
//! A stamp is trusted only if it lies well before the moment at which the file was looked at. A file that changes
//! again within the clock's step after it was hashed keeps its stamp, and the cache would hide the change.

use std::path::{Path, PathBuf};

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::path::FolderPath;

use super::cache_format;
use super::hashing::HashedFile;
use super::library::Library;
use super::walk::{LocalFile, Stamp};
use crate::cli::people::credentials::base_folder;

/// How far before the look a stamp must lie, in nanoseconds: the coarsest step of a file system's clock (FAT).
const COARSE_STEP_NS: i64 = 2_000_000_000;
/// The same where the stamp shows that the clock has finer steps than a millisecond: such clocks are read at the
/// kernel's ticks, ten milliseconds apart at most, and this is ten times as much.
const FINE_STEP_NS: i64 = 100_000_000;

/// What is kept between imports of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatCache {
    /// When looking began, in nanoseconds since the Unix epoch.
    pub looked_at_ns: i64,
    /// Sorted by path.
    pub files: Vec<HashedFile>,
    /// The library below the target folder, where it is known.
    pub library: Option<Library>,
}

impl StatCache {
    /// What was seen when looking began at `looked_at_ns`.
    pub fn new(looked_at_ns: i64, files: &[HashedFile], library: Option<Library>) -> Self {
        Self { looked_at_ns, files: files.to_vec(), library }
    }

    /// The contents of the files that have not changed, file by file. The files are sorted by path.
    pub fn contents_of(&self, files: &[LocalFile]) -> Vec<Option<ContentId>> {
        let mut cached = self.files.iter().peekable();
        let content_of = |file: &LocalFile| {
            while cached.next_if(|known| known.path < file.path).is_some() {}
            let known = cached.next_if(|known| known.path == file.path)?;
            (known.stamp == file.stamp && self.trusts(&known.stamp)).then_some(known.content)
        };
        files.iter().map(content_of).collect()
    }

    fn trusts(&self, stamp: &Stamp) -> bool {
        // Others than the file system's clock may set the time of modification, but not that of change.
        let step_ns = if stamp.ctime_ns % 1_000_000 == 0 { COARSE_STEP_NS } else { FINE_STEP_NS };
        stamp.mtime_ns.max(stamp.ctime_ns).saturating_add(step_ns) <= self.looked_at_ns
    }
}

/// Where the cache of one folder, project and target is; nowhere when there is no home.
#[derive(Clone, Debug)]
pub struct CachePlace(Option<PathBuf>);

impl CachePlace {
    /// The place for this import in the user's cache folder.
    pub fn of(url: &str, project: &ProjectName, dir: &Path, to: &FolderPath) -> Self {
        let folder = base_folder("XDG_CACHE_HOME", ".cache");
        Self(folder.map(|folder| folder.join(file_name(url, project, dir, to))))
    }

    /// What was stored; an empty cache when there is none that can be used.
    pub fn load(&self) -> StatCache {
        let bytes = self.0.as_ref().and_then(|file| std::fs::read(file).ok());
        bytes.and_then(|bytes| cache_format::decode(&bytes)).unwrap_or_default()
    }

    /// Replaces what was stored. That it fails is only told: the import itself is done.
    pub fn store(&self, cache: &StatCache) {
        let Some((file, bytes)) = self.0.as_ref().zip(cache_format::encode(cache)) else { return };
        if let Err(error) = write(file, &bytes) {
            eprintln!("warning: {} was not written, so the next import hashes again: {error}", file.display());
        }
    }
}

fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, file))
}

fn file_name(url: &str, project: &ProjectName, dir: &Path, to: &FolderPath) -> String {
    let dir = dir.as_os_str().as_encoded_bytes();
    let mut hasher = blake3::Hasher::new();
    for part in [url.as_bytes(), project.as_str().as_bytes(), dir, to.as_str().as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let hex = hasher.finalize().to_hex();
    format!("import-{}.cache", &hex[..32])
}

#[cfg(test)]
mod tests {
    use super::super::library::ProjectState;
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn stamp(at: i64) -> Stamp {
        Stamp { size_bytes: 3, mtime_ns: at, ctime_ns: at, inode: 9 }
    }

    fn cache(looked_at: i64, at: i64) -> StatCache {
        let file = |path: &str| HashedFile { path: path.into(), stamp: stamp(at), content: ContentId::of(b"abc") };
        let state = ProjectState { created_at: "2026-01-01T00:00:00.000000Z".into(), asset_revision: 4 };
        let library = Library { state, contents: vec![("a".into(), ContentId::of(b"abc"))] };
        StatCache::new(looked_at, &[file("a"), file("b"), file("d")], Some(library))
    }

    fn local(path: &str, stamp: Stamp) -> LocalFile {
        LocalFile { path: path.into(), stamp }
    }

    #[test]
    fn a_stored_cache_is_read_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = CachePlace(Some(folder.path().join("deep/x.cache")));
        assert_eq!(place.load(), StatCache::default());
        place.store(&cache(9 * SECOND, 0));
        assert_eq!(place.load(), cache(9 * SECOND, 0));

        std::fs::write(folder.path().join("deep/x.cache"), b"damaged").unwrap();
        assert_eq!(place.load(), StatCache::default());
    }

    #[test]
    fn only_files_with_the_same_stamp_are_known() {
        let other = Stamp { inode: 8, ..stamp(0) };
        let files = [local("a", stamp(0)), local("b", other), local("c", stamp(0)), local("d", stamp(0))];
        let known: Vec<bool> = cache(9 * SECOND, 0).contents_of(&files).iter().map(Option::is_some).collect();
        assert_eq!(known, [true, false, false, true]);
    }

    #[test]
    fn a_file_touched_just_before_the_look_is_not_trusted() {
        let known = |looked_at, at| cache(looked_at, at).contents_of(&[local("a", stamp(at))])[0].is_some();
        assert!(!known(9 * SECOND, 8 * SECOND));
        assert!(!known(9 * SECOND, 10 * SECOND));
        assert!(known(9 * SECOND, 7 * SECOND));
        let changed_late = Stamp { ctime_ns: 8 * SECOND, ..stamp(0) };
        assert!(!cache(9 * SECOND, 0).trusts(&changed_late));
        let fine = |before_ns| Stamp { ctime_ns: 9 * SECOND - before_ns, ..stamp(0) };
        assert!(cache(9 * SECOND, 0).trusts(&fine(100_000_001)));
        assert!(!cache(9 * SECOND, 0).trusts(&fine(99_999_999)));
    }

    #[test]
    fn every_import_has_a_cache_of_its_own() {
        let name = |project: &str, to: &str| {
            file_name("http://a", &project.parse().unwrap(), Path::new("/x"), &to.parse().unwrap())
        };
        assert_ne!(name("site", ""), name("site", "img"));
        assert_ne!(name("site", ""), name("site2", ""));
    }
}
