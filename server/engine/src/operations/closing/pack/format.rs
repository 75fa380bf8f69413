//! What an evidence pack looks like: the files that its parts agree on, and the lines of its audit extract.

use serde::{Deserialize, Serialize};

use shelfmark_domain::audit::{AuditEntry, Link};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

/// What the index calls this format.
pub(super) const FORMAT: &str = "shelfmark-evidence-pack/1";
pub(super) const INDEX: &str = "index.json";
/// The seal: the BLAKE3 of the index, as `b3sum` prints it.
pub(super) const SEAL: &str = "index.json.b3";
pub(super) const AUDIT: &str = "audit.ndjson";

/// The index of a pack: what it is of, and the hash of each other file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackIndex {
    pub format: String,
    pub project: ProjectName,
    pub release: ReleaseNumber,
    pub exported_at: Timestamp,
    pub head: PackHead,
    /// By path.
    pub files: Vec<PackFile>,
    /// Files of test evidence that were too large together; their contents are in the store.
    pub left_out: Vec<LeftOut>,
}

/// How far the audit trail had been written when the pack was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackHead {
    pub sequence: i64,
    pub hash: ContentId,
}

/// A file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackFile {
    pub path: String,
    pub bytes: u64,
    pub blake3: ContentId,
}

/// A content that a pack names and does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeftOut {
    pub content: ContentId,
    pub bytes: u64,
}

/// A line of the audit extract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum AuditLine {
    Entry(EntryLine),
    Gap(GapLine),
}

/// An entry with all that its hash covers. The details are the text that was hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine {
    sequence: i64,
    at: Timestamp,
    actor: String,
    actor_name: String,
    action: String,
    project: String,
    subject: String,
    message: String,
    details: String,
    previous: ContentId,
    hash: ContentId,
}

/// Entries about other things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GapLine {
    from: i64,
    until: i64,
    hash: ContentId,
}

impl From<Link> for AuditLine {
    fn from(link: Link) -> Self {
        match link {
            Link::Gap { from, until, hash } => Self::Gap(GapLine { from, until, hash: ContentId::from_bytes(hash) }),
            Link::Entry { entry, hash } => Self::Entry(EntryLine {
                sequence: entry.sequence,
                at: entry.at,
                actor: entry.actor,
                actor_name: entry.actor_name,
                action: entry.action,
                project: entry.project,
                subject: entry.subject,
                message: entry.message,
                details: entry.details,
                previous: ContentId::from_bytes(entry.previous),
                hash: ContentId::from_bytes(hash),
            }),
        }
    }
}

impl From<AuditLine> for Link {
    fn from(line: AuditLine) -> Self {
        match line {
            AuditLine::Gap(GapLine { from, until, hash }) => Self::Gap { from, until, hash: *hash.as_bytes() },
            AuditLine::Entry(line) => Self::Entry {
                hash: *line.hash.as_bytes(),
                entry: AuditEntry {
                    sequence: line.sequence,
                    at: line.at,
                    actor: line.actor,
                    actor_name: line.actor_name,
                    action: line.action,
                    project: line.project,
                    subject: line.subject,
                    message: line.message,
                    details: line.details,
                    previous: *line.previous.as_bytes(),
                },
            },
        }
    }
}

/// The seal of an index.
pub(super) fn seal_line(index: &[u8]) -> String {
    format!("{}  {INDEX}\n", ContentId::of(index))
}
