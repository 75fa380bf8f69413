//! What assets refer to, and who refers to them. Found references are derived: contents are examined soon after they
//! have come, and at the latest when somebody asks. Nothing here holds up a change of something else.

mod declare;
mod examine;
mod impact;
mod missing;
mod offered;
mod pending;
mod pinned;
mod used_by;
mod uses;

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{BuildName, EnvironmentName};

use super::revision::Stale;
use super::text::InvalidText;
use crate::catalog::CatalogError;
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::AccessError;

pub use declare::{DeclaredNeed, declare_references};
pub use impact::{AffectedEnvironment, Impact, IntendedChange, impact};
pub use missing::{How, MissingReference, missing};
pub use offered::{Offered, missing_of_build, offered};
pub use pending::{ExaminedAssets, examine_pending};
pub use used_by::{Used, UsedAsset, UsedBy, used_by};
pub use uses::{Use, uses};

/// Why a question about references has no answer, or a declaration was not made. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error("asset {0} is not in this project; check its id")]
    NoAsset(uuid::Uuid),
    #[error("there is no asset at {0}; list the assets with GET assets")]
    NothingAt(String),
    #[error("there is no build {0} in this project; list a release's builds with GET builds")]
    NoBuild(BuildName),
    #[error("there is no environment {0} in this project")]
    NoEnvironment(EnvironmentName),
    #[error("{0} can't need itself; leave it out")]
    NeedsItself(String),
    #[error("{count} references are declared; declare at most {max}")]
    TooMany { count: usize, max: usize },
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ReferenceError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoAsset(_) | Self::NothingAt(_) | Self::NoBuild(_) | Self::NoEnvironment(_) => FailureKind::NotFound,
            Self::NeedsItself(_) => FailureKind::Invalid,
            Self::TooMany { .. } => FailureKind::TooLarge,
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NeedsItself(_) | Self::TooMany { .. } => Some("needs"),
            Self::Text(error) => error.field(),
            _ => None,
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}
