//! The files of a folder, with what tells whether one has changed. Whole folders are read in parallel; so are the
//! stats of one large folder.

use std::fs::{DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use rayon::prelude::*;
use shelfmark_domain::path::{AssetPath, FolderPath};

use super::super::output::count;
use super::shown;

/// What changes whenever a file's bytes do, on a file system that keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub size_bytes: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub inode: u64,
}

impl Stamp {
    /// The stamp of a file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size_bytes: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// A file and the path that it gets.
#[derive(Clone, Debug)]
pub struct LocalFile {
    pub path: String,
    pub stamp: Stamp,
}

/// A folder as it was found, apart from its files.
#[derive(Debug)]
pub struct Tree {
    dir: PathBuf,
    to: FolderPath,
    /// Links, devices and the like, which are not mirrored.
    pub skipped: Vec<PathBuf>,
    /// When looking began, in nanoseconds since the Unix epoch.
    pub looked_at_ns: i64,
}

impl Tree {
    /// Where the file of an asset path is.
    pub fn file_of(&self, path: &str) -> PathBuf {
        let below = if self.to.is_root() { path } else { path.get(self.to.as_str().len() + 1..).unwrap_or(path) };
        self.dir.join(below)
    }
}

/// What one folder gave.
#[derive(Default)]
struct Part {
    files: Vec<LocalFile>,
    skipped: Vec<PathBuf>,
    refused: Vec<String>,
}

impl Part {
    fn join(mut self, mut other: Self) -> Self {
        self.files.append(&mut other.files);
        self.skipped.append(&mut other.skipped);
        self.refused.append(&mut other.refused);
        self
    }
}

/// Looks at every file below `dir`; the files are sorted by path.
///
/// # Errors
/// When a folder cannot be read; when names are no paths, with all of them and what would be right.
pub fn walk(dir: &Path, to: &FolderPath) -> anyhow::Result<(Tree, Vec<LocalFile>)> {
    if !dir.is_dir() {
        bail!("{} is not a folder; to upload a file use `shelfmark put`", shown(dir));
    }
    let looked_at_ns = now_ns();
    let top = if to.is_root() { String::new() } else { format!("{to}/") };
    let mut part = visit(dir, &top)?;
    if !part.refused.is_empty() {
        part.refused.sort();
        let names = count(part.refused.len() as u64, "name");
        bail!("nothing was sent: {names} cannot be a path\n  {}", part.refused.join("\n  "));
    }
    part.files.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    part.skipped.sort();
    let tree = Tree { dir: dir.to_owned(), to: to.clone(), skipped: part.skipped, looked_at_ns };
    Ok((tree, part.files))
}

/// Looks into one folder, whose files' paths start with `prefix`: empty, or ending in a slash.
fn visit(dir: &Path, prefix: &str) -> anyhow::Result<Part> {
    let unreadable = || format!("{} cannot be read", shown(dir));
    let entries: Vec<DirEntry> = std::fs::read_dir(dir).and_then(Iterator::collect).with_context(unreadable)?;
    let larger_first = |a: Part, b: Part| if a.files.len() >= b.files.len() { a.join(b) } else { b.join(a) };
    entries
        .into_par_iter()
        .with_min_len(256)
        .try_fold(Part::default, |part, entry| look_at(part, &entry, prefix))
        .try_reduce(Part::default, |a, b| Ok(larger_first(a, b)))
}

fn look_at(mut part: Part, entry: &DirEntry, prefix: &str) -> anyhow::Result<Part> {
    let unreadable = || format!("{} cannot be read", shown(&entry.path()));
    let kind = entry.file_type().with_context(unreadable)?;
    if !kind.is_file() && !kind.is_dir() {
        part.skipped.push(entry.path());
        return Ok(part);
    }
    let Ok(name) = entry.file_name().into_string() else {
        let file = shown(&entry.path());
        part.refused.push(format!("{file}: the name is not UTF-8; rename the file"));
        return Ok(part);
    };
    if kind.is_dir() {
        return Ok(part.join(visit(&entry.path(), &format!("{prefix}{name}/"))?));
    }
    match AssetPath::try_from([prefix, &name].concat()) {
        Ok(path) => {
            let stamp = Stamp::of(&entry.metadata().with_context(unreadable)?);
            part.files.push(LocalFile { path: path.into(), stamp });
        }
        Err(invalid) => part.refused.push(format!("{}: {invalid}", shown(&entry.path()))),
    }
    Ok(part)
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn files_are_found_at_every_depth_and_sorted_by_path() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("b/c")).unwrap();
        for name in ["z.svg", "b/c/d.svg", "b.svg", ".hidden"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("z.svg", dir.path().join("link")).unwrap();
        let (tree, files) = walk(dir.path(), &"img".parse().unwrap()).unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["img/.hidden", "img/b.svg", "img/b/c/d.svg", "img/z.svg"]);
        assert_eq!(files[2].stamp.size_bytes, 9);
        assert_eq!(tree.file_of("img/b/c/d.svg"), dir.path().join("b/c/d.svg"));
        assert_eq!(tree.skipped, [dir.path().join("link")]);
    }

    #[test]
    fn all_names_that_are_no_paths_are_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"a\\b"[..], b"caf\x65\xcc\x81", b"\xff\xfe", b"fine"] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), b"").unwrap();
        }
        let told = walk(dir.path(), &FolderPath::root()).unwrap_err().to_string();
        assert!(told.contains("3 names cannot be a path"), "{told}");
        assert!(told.contains("backslash") && told.contains("write it as \"café\"") && told.contains("not UTF-8"));
    }
}
