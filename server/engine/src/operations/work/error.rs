//! Why the work register was not changed.

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{BuildName, ReleaseNumber, UserName, WorkItemNumber};
use shelfmark_domain::work_item::{LABELS_MAX, Refusal, WorkStatus};

use crate::catalog::CatalogError;
use crate::operations::people::caller::AccessError;
use crate::operations::releases::ReleaseError;
use crate::operations::revision::Stale;
use crate::operations::text::InvalidText;

/// Why the work register was not changed. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error("there is no work item {0} in this project; list them with GET work-items")]
    NoItem(WorkItemNumber),
    #[error("there is no person {0}; list them with GET /api/v1/users")]
    NoUser(UserName),
    #[error("there is no build {0}; list a release's with GET builds")]
    NoBuild(BuildName),
    #[error("{item} has no comment {number}; list them with GET comments")]
    NoComment { item: WorkItemNumber, number: i64 },
    #[error("comment {number} is {author}'s; only they can edit it")]
    ForeignComment { number: i64, author: String },
    #[error("{0:?} is no day that an item can be due on; write one such as 2026-03-01")]
    Due(String),
    #[error("there are {0} labels; an item has at most {LABELS_MAX}")]
    Labels(usize),
    #[error("{item} is {status} and takes no more versions; reopen it first", status = .status.as_str())]
    TakesNone { item: WorkItemNumber, status: WorkStatus },
    #[error("{item} would have {count} versions; at most {max} are allowed, so use more items")]
    TooManyVersions { item: WorkItemNumber, count: i64, max: usize },
    #[error("{item} is planned in {release} already; take it out of that first")]
    Grouped { item: WorkItemNumber, release: ReleaseNumber },
    #[error("{item} is {status}; {wanted} can be added to a release", status = .status.as_str())]
    NotReady { item: WorkItemNumber, status: WorkStatus, wanted: &'static str },
    #[error("{item} is not in {release}; list its items with GET items")]
    NotGrouped { item: WorkItemNumber, release: ReleaseNumber },
    #[error("{path}, which answers {item}, has been deleted; bring it back, or detach it")]
    Deleted { item: WorkItemNumber, path: String },
    #[error("{moved} is {status} and {beside} is {other}; items are ordered within their status", status = .status.as_str(), other = .other.as_str())]
    OtherColumn { moved: WorkItemNumber, status: WorkStatus, beside: WorkItemNumber, other: WorkStatus },
    #[error("{0} cannot be put beside itself; name another item")]
    BesideItself(WorkItemNumber),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for WorkError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoItem(_) | Self::NoUser(_) | Self::NoBuild(_) | Self::NoComment { .. } | Self::NotGrouped { .. } => {
                FailureKind::NotFound
            }
            Self::ForeignComment { .. } => FailureKind::Forbidden,
            Self::Due(_) | Self::Labels(_) | Self::BesideItself(_) => FailureKind::Invalid,
            Self::TooManyVersions { .. } => FailureKind::TooLarge,
            Self::TakesNone { .. }
            | Self::Grouped { .. }
            | Self::NotReady { .. }
            | Self::Deleted { .. }
            | Self::OtherColumn { .. } => FailureKind::Conflict,
            Self::Refused(error) => error.kind(),
            Self::Release(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Due(_) => Some("due_on"),
            Self::Labels(_) => Some("labels"),
            Self::Refused(error) => error.field(),
            Self::Release(error) => error.field(),
            Self::Text(error) => error.field(),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        match self {
            Self::Stale(error) => error.present_revision(),
            Self::Release(error) => error.present_revision(),
            _ => None,
        }
    }
}
