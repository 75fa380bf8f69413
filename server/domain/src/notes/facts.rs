//! What notes are generated from.

use serde::Serialize;

use super::document::FolderCount;
use crate::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use crate::pin::Entry;
use crate::time::Timestamp;
use crate::work_item::{WorkKind, WorkStatus};

/// What the notes are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NotesSubject {
    /// A release, by its newest build.
    Release {
        release: ReleaseNumber,
        title: String,
        /// `None` while it has none: then nothing is compared.
        build: Option<BuildName>,
        /// What the build is compared with; `None` for nothing at all.
        against: Option<BuildName>,
    },
    /// What an environment's releases made of it in a span of time.
    Environment {
        environment: EnvironmentName,
        from: Timestamp,
        to: Timestamp,
        /// What it served then; `None` for nothing.
        served_from: Option<BuildName>,
        served_to: Option<BuildName>,
        /// Those that came and were not taken back, oldest first.
        releases: Vec<ReleaseNumber>,
        taken_back: Vec<ReleaseNumber>,
    },
}

/// A work item of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoteItem {
    pub number: WorkItemNumber,
    pub release: ReleaseNumber,
    pub kind: WorkKind,
    pub status: WorkStatus,
    pub title: String,
    pub release_note: String,
    /// On users.
    pub impact: String,
    pub requester: String,
    pub assignee: Option<String>,
    /// The paths that came with it, as far as they are listed.
    pub paths: Vec<String>,
    pub paths_left_out: u64,
}

/// How a key changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteChangeKind {
    Added,
    Changed,
    Removed,
    Moved,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteChange {
    pub kind: NoteChangeKind,
    pub key: String,
    pub from_key: Option<String>,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
    /// Who made the version that is there now; empty where there is none.
    pub by: String,
}

/// Sums over all differences, listed or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NotesTotals {
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
    pub moved: u64,
    /// Of the contents that differ.
    pub bytes_before: u64,
    pub bytes_after: u64,
}

/// What notes are generated from. Long lists are cut; what is cut away is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotesFacts {
    pub subject: NotesSubject,
    pub items: Vec<NoteItem>,
    pub items_left_out: u64,
    /// By key.
    pub changes: Vec<NoteChange>,
    /// The changes that are not listed, by folder.
    pub rest: Vec<FolderCount>,
    pub totals: NotesTotals,
}

impl NoteChangeKind {
    /// The kind as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Moved => "moved",
        }
    }
}

impl NotesTotals {
    /// Counts a difference.
    pub fn count(&mut self, kind: NoteChangeKind, before: Option<&Entry>, after: Option<&Entry>) {
        let size = |entry: Option<&Entry>| match entry {
            Some(Entry::Pin(pin)) => pin.size_bytes,
            Some(Entry::Parameter(_) | Entry::Access(_)) | None => 0,
        };
        *match kind {
            NoteChangeKind::Added => &mut self.added,
            NoteChangeKind::Changed => &mut self.changed,
            NoteChangeKind::Removed => &mut self.removed,
            NoteChangeKind::Moved => &mut self.moved,
        } += 1;
        self.bytes_before += size(before);
        self.bytes_after += size(after);
    }

    /// How many differences there are.
    pub const fn all(&self) -> u64 {
        self.added + self.changed + self.removed + self.moved
    }
}
