//! A comparison summed up by folder.

use std::collections::BTreeMap;

use shelfmark_domain::pin::{Entry, Key};

use super::compare::{ChangeKind, Compared};

/// What differs in a folder, its own folders included as far as they are not told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderDifference {
    /// Without a slash at its end; empty for the root.
    pub folder: String,
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
    /// Moved to here, from wherever.
    pub moved: u64,
    /// The files that differ, as they were.
    pub files_before: u64,
    pub bytes_before: u64,
    /// The files that differ, as they are then.
    pub files_after: u64,
    pub bytes_after: u64,
}

/// Sums differences of assets up by folder, in the order of the folders; with a depth, folders further down count to
/// the one at that depth. A moved file leaves the one folder and comes to the other.
pub fn by_folder(compared: &[Compared], depth: Option<usize>) -> Vec<FolderDifference> {
    let mut folders: BTreeMap<&str, FolderDifference> = BTreeMap::new();
    for Compared { kind, difference, from_key } in compared {
        if !matches!(Key::parse(&difference.key), Some(Key::Path(_))) {
            continue;
        }
        let (here, there) = (folder(&difference.key, depth), from_key.as_deref().map(|key| folder(key, depth)));
        let to = folders.entry(here).or_default();
        *match kind {
            ChangeKind::Added => &mut to.added,
            ChangeKind::Changed => &mut to.changed,
            ChangeKind::Removed => &mut to.removed,
            ChangeKind::Moved => &mut to.moved,
        } += 1;
        if let Some(Entry::Pin(pin)) = &difference.after {
            to.files_after += 1;
            to.bytes_after += pin.size_bytes;
        }
        if let Some(Entry::Pin(pin)) = &difference.before {
            let from = folders.entry(there.unwrap_or(here)).or_default();
            from.files_before += 1;
            from.bytes_before += pin.size_bytes;
        }
    }
    let named = |(folder, sums): (&str, FolderDifference)| FolderDifference { folder: folder.to_owned(), ..sums };
    folders.into_iter().map(named).collect()
}

/// The folder of a path, or the one above it at a depth.
fn folder(path: &str, depth: Option<usize>) -> &str {
    let whole = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let Some(depth) = depth else { return whole };
    let mut ends = whole.match_indices('/').map(|(at, _)| at).chain([whole.len()]);
    match depth.checked_sub(1) {
        None => "",
        Some(before) => ends.nth(before).map_or(whole, |end| &whole[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_to_the_one_at_the_depth() {
        let cases =
            [(None, "a/b/c"), (Some(0), ""), (Some(1), "a"), (Some(2), "a/b"), (Some(3), "a/b/c"), (Some(9), "a/b/c")];
        for (depth, expected) in cases {
            assert_eq!(folder("a/b/c/file.svg", depth), expected);
            assert_eq!(folder("file.svg", depth), "");
        }
    }
}
