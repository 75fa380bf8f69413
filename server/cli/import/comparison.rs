//! What differs between a folder and the library. Pure: both sides are sorted lists.

use std::cmp::Ordering;
use std::collections::HashSet;

use shelfmark_domain::hash::ContentId;

use super::hashing::HashedFile;

/// What an import has to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Comparison<'a> {
    pub added: Vec<&'a HashedFile>,
    pub changed: Vec<&'a HashedFile>,
    pub unchanged: usize,
    /// Paths that only the library has and that are to go.
    pub removed: Vec<&'a str>,
    /// How many paths only the library has and keeps.
    pub kept: usize,
}

impl<'a> Comparison<'a> {
    /// Compares; what only the library has is removed when `prunes`. Both sides are sorted by path.
    pub fn of(local: &'a [HashedFile], library: &'a [(String, ContentId)], prunes: bool) -> Self {
        let mut found = Self::default();
        let mut only_there: Vec<&'a str> = Vec::new();
        let mut local = local.iter().peekable();
        let mut library = library.iter().peekable();
        loop {
            let order = match (local.peek(), library.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(here), Some((there, _))) => here.path.as_str().cmp(there),
            };
            let here = if order.is_le() { local.next() } else { None };
            let there = if order.is_ge() { library.next() } else { None };
            match (here, there) {
                (Some(file), Some((_, content))) if file.content == *content => found.unchanged += 1,
                (Some(file), Some(_)) => found.changed.push(file),
                (Some(file), None) => found.added.push(file),
                (None, Some((path, _))) => only_there.push(path),
                (None, None) => {}
            }
        }
        if prunes {
            found.removed = only_there;
        } else {
            found.kept = only_there.len();
        }
        found
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// What the library holds when all of it has been done and nobody else has changed anything.
    pub fn outcome(&self, library: &[(String, ContentId)]) -> Vec<(String, ContentId)> {
        let replaced = self.changed.iter().map(|file| file.path.as_str());
        let gone: HashSet<&str> = self.removed.iter().copied().chain(replaced).collect();
        let stays = library.iter().filter(|(path, _)| !gone.contains(path.as_str())).cloned();
        let mut after: Vec<(String, ContentId)> =
            stays.chain(self.to_put().map(|file| (file.path.clone(), file.content))).collect();
        after.sort_unstable();
        after
    }

    /// The files that get a version.
    pub fn to_put(&self) -> impl Iterator<Item = &'a HashedFile> {
        self.added.iter().chain(&self.changed).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::Stamp;
    use super::*;

    fn file(path: &str, bytes: &[u8]) -> HashedFile {
        let stamp = Stamp { size_bytes: bytes.len() as u64, mtime_ns: 0, ctime_ns: 0, inode: 0 };
        HashedFile { path: path.into(), stamp, content: ContentId::of(bytes) }
    }

    fn there(path: &str, bytes: &[u8]) -> (String, ContentId) {
        (path.to_owned(), ContentId::of(bytes))
    }

    #[test]
    fn each_path_is_added_changed_unchanged_or_removed() {
        let local = [file("a", b"1"), file("b", b"2"), file("d", b"4"), file("e", b"5")];
        let library = [there("b", b"2"), there("c", b"3"), there("d", b"old"), there("f", b"6")];
        let found = Comparison::of(&local, &library, true);
        assert_eq!(found.added, [&local[0], &local[3]]);
        assert_eq!(found.changed, [&local[2]]);
        assert_eq!((found.unchanged, found.kept), (1, 0));
        assert_eq!(found.removed, ["c", "f"]);
    }

    #[test]
    fn nothing_is_removed_unless_asked_for() {
        let library = [there("b", b"2")];
        let found = Comparison::of(&[], &library, false);
        assert!(found.is_empty());
        assert_eq!(found.kept, 1);
        assert!(!Comparison::of(&[], &library, true).is_empty());
    }

    #[test]
    fn the_outcome_is_the_folder_with_what_is_kept() {
        let local = [file("a", b"1"), file("b", b"2"), file("d", b"4")];
        let library = [there("b", b"old"), there("c", b"3"), there("d", b"4")];
        let outcome = |prunes| Comparison::of(&local, &library, prunes).outcome(&library);
        assert_eq!(outcome(true), [there("a", b"1"), there("b", b"2"), there("d", b"4")]);
        assert_eq!(outcome(false), [there("a", b"1"), there("b", b"2"), there("c", b"3"), there("d", b"4")]);
    }

    #[test]
    fn equal_sides_need_nothing() {
        let local = [file("a", b"1"), file("a/b", b"2")];
        let library = [there("a", b"1"), there("a/b", b"2")];
        assert!(Comparison::of(&local, &library, true).is_empty());
        assert!(Comparison::of(&[], &[], true).is_empty());
    }
}
