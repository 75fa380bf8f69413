//! Why a verification could not be gone on with.

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::EnvironmentName;

use crate::catalog::CatalogError;
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::AccessError;

/// Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("{environment} has no deployment {revision}; list them with GET deployments")]
    NoDeployment { environment: EnvironmentName, revision: i64 },
    #[error("{0} serves another deployment by now; only what is served can be verified")]
    NotServed(EnvironmentName),
    #[error("the policy of {0} asks for no verification; add one to it")]
    NoRule(EnvironmentName),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for VerifyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoDeployment { .. } => FailureKind::NotFound,
            Self::NotServed(_) | Self::NoRule(_) => FailureKind::Conflict,
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}
