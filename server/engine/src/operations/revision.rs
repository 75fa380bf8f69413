//! Revisions: who changes what someone else has changed meanwhile is told.

use shelfmark_domain::failure::{Failure, FailureKind};

/// Someone changed it after the caller had looked. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is at revision {found}, not {expected} as expected; look at it and try again")]
pub struct Stale {
    pub what: String,
    pub expected: i64,
    pub found: i64,
}

impl Failure for Stale {
    fn kind(&self) -> FailureKind {
        FailureKind::Stale
    }

    fn present_revision(&self) -> Option<i64> {
        Some(self.found)
    }
}

/// Whether what is there is what the caller saw, if it insists on that.
pub(super) fn check_revision(what: impl ToString, expected: Option<i64>, found: i64) -> Result<(), Stale> {
    match expected {
        Some(expected) if expected != found => Err(Stale { what: what.to_string(), expected, found }),
        _ => Ok(()),
    }
}
