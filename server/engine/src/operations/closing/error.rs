//! Why the end of a release was not changed, or its notes could not be made.

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::notes::{Audience, InvalidTemplate};
use shelfmark_domain::release::StepRefused;
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::WorkKind;

use crate::catalog::CatalogError;
use crate::operations::builds::compare::CompareError;
use crate::operations::contents::chunks::ReadError;
use crate::operations::gate::GateError;
use crate::operations::people::caller::AccessError;
use crate::operations::revision::Stale;
use crate::operations::text::InvalidText;

/// Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum ClosingError {
    #[error("there is no release {0} in this project; list them with GET releases")]
    NoRelease(ReleaseNumber),
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error("there is no work item {0} in this project; list them with GET work-items")]
    NoItem(WorkItemNumber),
    #[error("{item} is a {kind}; only an incident is caused by a deployment", kind = .kind.as_str())]
    NoIncident { item: WorkItemNumber, kind: WorkKind },
    #[error("no cause of {0} is named")]
    NoCause(WorkItemNumber),
    #[error("{environment} has no deployment {deployment}; list them with GET deployments")]
    NoDeployment { environment: EnvironmentName, deployment: i64 },
    #[error("{release} owes a review of {owed}, for which the glass was broken; have someone else review it first")]
    OwedReview { release: ReleaseNumber, owed: String },
    #[error("{release} has not answered {points} of the checklist; answer before it is closed")]
    Unanswered { release: ReleaseNumber, points: String },
    #[error("{reasons}; so that it does not happen again, closing {release} takes a lesson: a point for the checklist")]
    NoLesson { release: ReleaseNumber, reasons: String },
    #[error("there are {count} lessons; give at most {max}")]
    TooManyLessons { count: usize, max: usize },
    #[error("lesson {number}: {error}")]
    Lesson { number: usize, error: Box<GateError> },
    #[error("nobody has written notes for {0} in the place of the generated ones")]
    NotEdited(Audience),
    #[error("from {from} to {to} is no span of time; give two instants, the earlier one first")]
    Span { from: Timestamp, to: Timestamp },
    #[error("build {0} is named by a deployment but is not there")]
    LostBuild(BuildName),
    #[error("name at least one audience: editors, platforms or users")]
    NoAudience,
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
    #[error(transparent)]
    Refused(#[from] StepRefused),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ClosingError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRelease(_)
            | Self::NoEnvironment(_)
            | Self::NoItem(_)
            | Self::NoCause(_)
            | Self::NoDeployment { .. }
            | Self::NotEdited(_) => FailureKind::NotFound,
            Self::NoIncident { .. } | Self::OwedReview { .. } | Self::Unanswered { .. } | Self::NoLesson { .. } => {
                FailureKind::Conflict
            }
            Self::TooManyLessons { .. } => FailureKind::TooLarge,
            Self::Span { .. } | Self::NoAudience | Self::Template(_) => FailureKind::Invalid,
            Self::LostBuild(_) => FailureKind::Corrupt,
            Self::Lesson { error, .. } => error.kind(),
            Self::Refused(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Compare(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.field(),
            Self::NoLesson { .. } | Self::TooManyLessons { .. } | Self::Lesson { .. } => Some("lessons"),
            Self::Span { .. } => Some("to"),
            Self::NoAudience => Some("audiences"),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}
