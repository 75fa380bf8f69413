//! Why a schedule was not changed.

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_domain::time::Timestamp;

use crate::catalog::CatalogError;
use crate::operations::people::caller::AccessError;
use crate::operations::revision::Stale;
use crate::operations::text::InvalidText;

/// Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    #[error("there is no build {0} in this project; list a release's builds with GET builds")]
    NoBuild(BuildName),
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error("there is no schedule {0} for this environment; list them with GET schedules")]
    NoSchedule(i64),
    #[error("release {0} is {state}, so nothing of it can be promoted any more", state = .1.as_str())]
    Over(ReleaseNumber, ReleaseState),
    #[error("{at} has passed, it is {now}; promote now, or choose a later instant")]
    Past { at: Timestamp, now: Timestamp },
    #[error("{at} is more than {days} days ahead; choose an earlier instant")]
    TooFar { at: Timestamp, days: i64 },
    #[error("the deadline {deadline} is not after the instant {at}; choose a later one, or none")]
    Deadline { deadline: Timestamp, at: Timestamp },
    #[error("schedule {0} is {state} already; only a pending one can be cancelled", state = .1.as_str())]
    Ended(i64, ScheduleState),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ScheduleError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoBuild(_) | Self::NoEnvironment(_) | Self::NoSchedule(_) => FailureKind::NotFound,
            Self::Over(..) | Self::Ended(..) => FailureKind::Conflict,
            Self::Past { .. } | Self::TooFar { .. } | Self::Deadline { .. } => FailureKind::Invalid,
            Self::Stale(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.field(),
            Self::Past { .. } | Self::TooFar { .. } => Some("at"),
            Self::Deadline { .. } => Some("deadline"),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}
