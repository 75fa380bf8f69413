//! In which pieces an import is sent.
//!
//! What fits into one batch goes as one, and so takes effect at once. Otherwise contents that the project lacks go
//! first, each once; what only refers to contents, and removals, follow when those are there.

use std::collections::HashSet;

use shelfmark_domain::hash::ContentId;

use super::comparison::Comparison;
use super::hashing::HashedFile;

/// How many entries a batch has at most.
const BATCH_ENTRIES_MAX: usize = 50_000;

/// One line of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file whose bytes are sent.
    Bytes(HashedFile),
    /// A file whose content the project has.
    Known { path: String, content: ContentId },
    /// A path that goes.
    Remove { path: String },
}

impl Entry {
    fn payload_bytes(&self) -> u64 {
        match self {
            Self::Bytes(file) => file.stamp.size_bytes,
            Self::Known { .. } | Self::Remove { .. } => 0,
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upload {
    Batch(Vec<Entry>),
    /// A file that is too large for a batch.
    File(HashedFile),
}

/// All requests of an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Independent of each other.
    pub first: Vec<Upload>,
    /// After all of those, in this order.
    pub last: Vec<Vec<Entry>>,
}

impl Plan {
    /// Plans to send what differs, with at most `batch_bytes` of files in a batch.
    pub fn of(comparison: &Comparison<'_>, known: &HashSet<ContentId>, batch_bytes: u64) -> Self {
        let removals = comparison.removed.iter().map(|&path| Entry::Remove { path: path.to_owned() });
        let (unknown, referring): (Vec<&HashedFile>, Vec<&HashedFile>) =
            comparison.to_put().partition(|file| !known.contains(&file.content));
        let all_bytes: u64 = unknown.iter().map(|file| file.stamp.size_bytes).sum();
        let entries = unknown.len() + referring.len() + comparison.removed.len();
        if all_bytes <= batch_bytes && entries <= BATCH_ENTRIES_MAX {
            let puts = unknown.into_iter().cloned().map(Entry::Bytes).chain(referring.into_iter().map(reference));
            return Self { first: Vec::new(), last: vec![puts.chain(removals).collect()] };
        }
        let mut seen: HashSet<ContentId> = HashSet::new();
        let (once, again): (Vec<&HashedFile>, Vec<&HashedFile>) =
            unknown.into_iter().partition(|file| seen.insert(file.content));
        let (large, small): (Vec<&HashedFile>, Vec<&HashedFile>) =
            once.into_iter().partition(|file| file.stamp.size_bytes > batch_bytes);
        let batches = batches(small.into_iter().cloned().map(Entry::Bytes), batch_bytes).into_iter().map(Upload::Batch);
        let first = large.into_iter().cloned().map(Upload::File).chain(batches).collect();
        let references = referring.into_iter().chain(again).map(reference);
        Self { first, last: self::batches(references.chain(removals), batch_bytes) }
    }

    /// How many bytes of files are sent.
    pub fn payload_bytes(&self) -> u64 {
        let first = self.first.iter().map(|upload| match upload {
            Upload::Batch(entries) => entries.iter().map(Entry::payload_bytes).sum(),
            Upload::File(file) => file.stamp.size_bytes,
        });
        first.chain(self.last.iter().flatten().map(Entry::payload_bytes)).sum()
    }
}

fn reference(file: &HashedFile) -> Entry {
    Entry::Known { path: file.path.clone(), content: file.content }
}

fn batches(entries: impl Iterator<Item = Entry>, batch_bytes: u64) -> Vec<Vec<Entry>> {
    let mut batches: Vec<Vec<Entry>> = Vec::new();
    let mut open: Vec<Entry> = Vec::new();
    let mut open_bytes = 0;
    for entry in entries {
        let bytes = entry.payload_bytes();
        if !open.is_empty() && (open_bytes + bytes > batch_bytes || open.len() == BATCH_ENTRIES_MAX) {
            batches.push(std::mem::take(&mut open));
            open_bytes = 0;
        }
        open_bytes += bytes;
        open.push(entry);
    }
    if !open.is_empty() {
        batches.push(open);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::super::walk::Stamp;
    use super::*;

    fn file(path: &str, bytes: &[u8]) -> HashedFile {
        let stamp = Stamp { size_bytes: bytes.len() as u64, mtime_ns: 0, ctime_ns: 0, inode: 0 };
        HashedFile { path: path.into(), stamp, content: ContentId::of(bytes) }
    }

    fn paths(entries: &[Entry]) -> Vec<String> {
        let text = |entry: &Entry| match entry {
            Entry::Bytes(file) => format!("+{}", file.path),
            Entry::Known { path, .. } => format!("={path}"),
            Entry::Remove { path } => format!("-{path}"),
        };
        entries.iter().map(text).collect()
    }

    #[test]
    fn what_fits_goes_as_one_transaction() {
        let local = [file("a", b"11"), file("b", b"11"), file("c", b"known")];
        let there = [("z".to_owned(), ContentId::of(b"z"))];
        let known = HashSet::from([ContentId::of(b"known")]);
        let plan = Plan::of(&Comparison::of(&local, &there, true), &known, 4);
        assert!(plan.first.is_empty());
        assert_eq!(plan.last.len(), 1);
        assert_eq!(paths(&plan.last[0]), ["+a", "+b", "=c", "-z"]);
        assert_eq!(plan.payload_bytes(), 4);
    }

    #[test]
    fn more_goes_in_batches_each_content_once_and_removals_last() {
        let local = [file("a", b"111"), file("b", b"22"), file("c", b"111"), file("d", b"4444444"), file("e", b"55")];
        let there = [("z".to_owned(), ContentId::of(b"z"))];
        let plan = Plan::of(&Comparison::of(&local, &there, true), &HashSet::new(), 5);
        assert_eq!(plan.first.len(), 3);
        assert_eq!(plan.first[0], Upload::File(local[3].clone()));
        let batch = |upload: &Upload| match upload {
            Upload::Batch(entries) => paths(entries),
            Upload::File(_) => Vec::new(),
        };
        assert_eq!(batch(&plan.first[1]), ["+a", "+b"]);
        assert_eq!(batch(&plan.first[2]), ["+e"]);
        assert_eq!(plan.last.iter().map(|entries| paths(entries)).collect::<Vec<_>>(), [["=c", "-z"]]);
        assert_eq!(plan.payload_bytes(), 14);
    }

    #[test]
    fn a_batch_has_a_limit_of_entries() {
        let local: Vec<HashedFile> = (0..BATCH_ENTRIES_MAX + 1).map(|n| file(&format!("{n:06}"), b"x")).collect();
        let known = HashSet::from([ContentId::of(b"x")]);
        let plan = Plan::of(&Comparison::of(&local, &[], false), &known, 5);
        assert_eq!(plan.last.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH_ENTRIES_MAX, 1]);
    }
}
