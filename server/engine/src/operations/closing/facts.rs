//! Gathering what notes are generated from: a comparison, the work items, and who made what.

use std::collections::{BTreeMap, HashMap};

use shelfmark_domain::name::{ProjectName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::notes::{
    FolderCount, NoteChange, NoteChangeKind, NoteItem, NotesFacts, NotesSubject, NotesTotals,
};
use shelfmark_domain::pin::{AssetId, Entry, Key};

use super::error::ClosingError;
use crate::Engine;
use crate::catalog::{ProjectRow, ReleaseItemRow};
use crate::operations::builds::compare::{ChangeKind, Compared, Side, compare};
use crate::operations::people::caller::Caller;

/// Most paths that are listed with one item.
const ITEM_PATHS_MAX: usize = 20;
/// Most folders by which changes that are not listed are counted.
const REST_FOLDERS_MAX: usize = 100;
/// Items read at a time.
const ITEMS_AT_ONCE: u32 = 1_000;

/// What is compared, and whose items belong to it.
pub(super) struct Scope<'a> {
    pub subject: NotesSubject,
    pub releases: &'a [ReleaseNumber],
    /// `None`: nothing is compared.
    pub sides: Option<(Side, Side)>,
}

/// The facts for notes about this. Costs what differs; what is more than notes list is only counted.
pub(super) async fn gather(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    scope: Scope<'_>,
) -> Result<NotesFacts, ClosingError> {
    let Scope { subject, releases, sides } = scope;
    let compared = match sides {
        Some((from, to)) => differences(engine, caller, &project.name, &from, &to).await?,
        None => Vec::new(),
    };
    let lines_max = engine.limits.notes_lines_max;
    let mut totals = NotesTotals::default();
    for Compared { kind, difference, .. } in &compared {
        totals.count(kind_of(*kind), difference.before.as_ref(), difference.after.as_ref());
    }
    let rest = rest(compared.iter().skip(lines_max).map(|one| one.difference.key.as_str()));
    let changes = changes(engine, compared, lines_max).await?;
    let (items, items_left_out) = items(engine, project, releases, lines_max).await?;
    Ok(NotesFacts { subject, items, items_left_out, changes, rest, totals })
}

async fn differences(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    from: &Side,
    to: &Side,
) -> Result<Vec<Compared>, ClosingError> {
    if from == to { Ok(Vec::new()) } else { Ok(compare(engine, caller, project, from, to).await?) }
}

const fn kind_of(kind: ChangeKind) -> NoteChangeKind {
    match kind {
        ChangeKind::Added => NoteChangeKind::Added,
        ChangeKind::Changed => NoteChangeKind::Changed,
        ChangeKind::Removed => NoteChangeKind::Removed,
        ChangeKind::Moved => NoteChangeKind::Moved,
    }
}

async fn changes(engine: &Engine, compared: Vec<Compared>, most: usize) -> Result<Vec<NoteChange>, ClosingError> {
    let version = |entry: &Option<Entry>| match entry {
        Some(Entry::Pin(pin)) => Some((pin.asset, pin.version)),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
    };
    let listed: Vec<Compared> = compared.into_iter().take(most).collect();
    let versions: Vec<(AssetId, i64)> = listed.iter().filter_map(|one| version(&one.difference.after)).collect();
    let makers = engine.catalog.makers(&versions).await?;
    let change = |Compared { kind, difference, from_key }: Compared| {
        let by = version(&difference.after).and_then(|version| makers.get(&version).cloned()).unwrap_or_default();
        let (before, after) = (difference.before, difference.after);
        NoteChange { kind: kind_of(kind), key: difference.key, from_key, before, after, by }
    };
    Ok(listed.into_iter().map(change).collect())
}

/// Counts keys by their uppermost folders; those with the most come first.
fn rest<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<FolderCount> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for key in keys {
        let folder = match Key::parse(key) {
            Some(Key::Parameter(_)) => "-/parameters",
            Some(Key::Access(_)) => "-/access",
            Some(Key::Path(_)) | None => key.split_once('/').map_or("", |(folder, _)| folder),
        };
        *counts.entry(folder).or_default() += 1;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by(|(a, most), (b, more)| more.cmp(most).then(a.cmp(b)));
    let others = counts.split_off(counts.len().min(REST_FOLDERS_MAX));
    let named = counts.into_iter().map(|(folder, changes)| FolderCount { folder: Some(folder.to_owned()), changes });
    let others: u64 = others.iter().map(|(_, changes)| changes).sum();
    named.chain((others > 0).then_some(FolderCount { folder: None, changes: others })).collect()
}

/// The items of these releases as notes show them, and how many more there are. An item that several releases are about
/// stands with the last one.
async fn items(
    engine: &Engine,
    project: &ProjectRow,
    releases: &[ReleaseNumber],
    most: usize,
) -> Result<(Vec<NoteItem>, u64), ClosingError> {
    let mut notes: Vec<NoteItem> = Vec::new();
    let mut left_out = 0;
    for release in releases.iter().rev() {
        let mut paths = paths(engine, project, *release, most).await?;
        let mut after = 0;
        loop {
            let page = engine.catalog.release_items(project.number, *release, after, ITEMS_AT_ONCE).await?;
            after = page.items.last().map_or(after, |row| row.item.number.get());
            for row in page.items {
                if notes.iter().any(|note| note.number == row.item.number) {
                    continue;
                }
                if notes.len() < most {
                    let (paths, all) = paths.remove(&row.item.number).unwrap_or_default();
                    notes.push(note(row, *release, paths, all));
                } else {
                    left_out += 1;
                }
            }
            if page.next.is_none() {
                break;
            }
        }
    }
    notes.sort_by_key(|note| (note.release, note.number));
    Ok((notes, left_out))
}

/// The first paths of each item of a release, and how many it has.
async fn paths(
    engine: &Engine,
    project: &ProjectRow,
    release: ReleaseNumber,
    most: usize,
) -> Result<HashMap<WorkItemNumber, (Vec<String>, u64)>, ClosingError> {
    let counts = engine.catalog.count_paths_of_items(project.number, release).await?;
    let mut paths: HashMap<WorkItemNumber, (Vec<String>, u64)> =
        counts.into_iter().map(|(item, count)| (item, (Vec::new(), count))).collect();
    let limit = u32::try_from(most).unwrap_or(u32::MAX);
    for (item, path) in engine.catalog.paths_of_items(project.number, release, limit).await? {
        if let Some((listed, _)) = paths.get_mut(&item).filter(|(listed, _)| listed.len() < ITEM_PATHS_MAX) {
            listed.push(path);
        }
    }
    Ok(paths)
}

fn note(row: ReleaseItemRow, release: ReleaseNumber, paths: Vec<String>, all: u64) -> NoteItem {
    let said = row.item.said;
    NoteItem {
        number: row.item.number,
        release,
        kind: said.kind,
        status: row.item.status,
        title: said.title,
        release_note: said.release_note,
        impact: said.impact,
        requester: row.item.requester_name,
        assignee: said.assignee.map(|name| name.to_string()),
        paths_left_out: all - paths.len() as u64,
        paths,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_counted_by_folder() {
        let count = |folder: Option<&str>, changes| FolderCount { folder: folder.map(str::to_owned), changes };
        let keys = ["-/parameters/a", "a", "docs/a/b", "docs/c", "img/x"];
        let counted = rest(keys.into_iter());
        assert_eq!(
            counted,
            [count(Some("docs"), 2), count(Some(""), 1), count(Some("-/parameters"), 1), count(Some("img"), 1)]
        );
        let many: Vec<String> = (0..150).map(|n| format!("{n:03}/a")).collect();
        let counted = rest(many.iter().map(String::as_str));
        assert_eq!((counted.len(), counted.last()), (101, Some(&count(None, 50))));
    }
}
