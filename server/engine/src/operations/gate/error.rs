//! Why something that the gate asks for was not changed.

use shelfmark_domain::access::Denied;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::gate::{CheckName, InvalidPolicy};
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::release::StepRefused;

use crate::catalog::CatalogError;
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::AccessError;
use crate::operations::references::ReferenceError;
use crate::operations::revision::Stale;
use crate::operations::text::InvalidText;

/// Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error("there is no release {0} in this project; list them with GET releases")]
    NoRelease(ReleaseNumber),
    #[error("there is no build {0} in this project; list a release's builds with GET builds")]
    NoBuild(BuildName),
    #[error("release {0} has no build yet; build it first")]
    Unbuilt(ReleaseNumber),
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error(
        "{environment} serves {serves}, not {build}; promote {build} there first, so that what is frozen is what is tested"
    )]
    NotOnStaging { environment: EnvironmentName, serves: String, build: BuildName },
    #[error("{environment} is {state} already since {since}, by {by}; end that first")]
    Locked { environment: EnvironmentName, state: &'static str, since: String, by: String },
    #[error("{environment} is not {state}; there is nothing to end")]
    NotLocked { environment: EnvironmentName, state: &'static str },
    #[error("the check {0} protects others and can't be waived; its own remedy stands beside it")]
    NotWaivable(CheckName),
    #[error("a waiver ends in the future and within {0} days; choose another instant")]
    WaiverEnd(i64),
    #[error("there is no waiver {0} in this project; list them with GET waivers")]
    NoWaiver(i64),
    #[error("no rule of {environment} asks for approvals of your role; ask a {needed} or change the policy")]
    NotAsked { environment: EnvironmentName, needed: &'static str },
    #[error("there is no point {0} in this project's checklist that is still asked; list them with GET checklist")]
    NoPoint(i64),
    #[error("{0:?} is no step of a checklist; name an environment of the project, or close")]
    Step(String),
    #[error("no review is owed for deployment {revision} of {environment}")]
    NoReview { environment: EnvironmentName, revision: i64 },
    #[error("whoever broke the glass does not review it; ask someone else")]
    OwnReview,
    #[error("{0:?} is no link; give an http or https address, or none")]
    Link(String),
    #[error("{field}: {why}")]
    Name { field: &'static str, why: String },
    #[error("a stop binds regular, hotfix, rollback or break_glass; name at least one")]
    NoClass,
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    #[error(transparent)]
    Refused(#[from] StepRefused),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    References(#[from] ReferenceError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for GateError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRelease(_)
            | Self::NoBuild(_)
            | Self::NoEnvironment(_)
            | Self::NoWaiver(_)
            | Self::NoPoint(_)
            | Self::NoReview { .. } => FailureKind::NotFound,
            Self::Unbuilt(_) | Self::NotOnStaging { .. } | Self::Locked { .. } | Self::NotLocked { .. } => {
                FailureKind::Conflict
            }
            Self::NotWaivable(_)
            | Self::WaiverEnd(_)
            | Self::Step(_)
            | Self::Link(_)
            | Self::Name { .. }
            | Self::NoClass
            | Self::Policy(_) => FailureKind::Invalid,
            Self::NotAsked { .. } | Self::OwnReview => FailureKind::Forbidden,
            Self::Refused(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Denied(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::References(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => error.field(),
            Self::Name { field, .. } => Some(field),
            Self::Link(_) => Some("link"),
            Self::Step(_) => Some("step"),
            Self::WaiverEnd(_) => Some("ends_at"),
            Self::NotWaivable(_) => Some("check"),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}
