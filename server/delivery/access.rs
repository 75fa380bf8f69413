//! Who may read what. What is public is served to anyone and no credentials are looked at; everything else needs
//! them. Whoever has none learns nothing about what exists: what is private and what is not there answer alike.

use actix_web::HttpRequest;

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::failure::FailureKind;
use shelfmark_domain::name::ProjectName;

use super::Delivery;
use crate::web::Problem;

/// For whom an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anyone may have it, and shared caches may keep it.
    Anyone,
    /// It was given to someone who showed credentials.
    Authorised,
}

impl Delivery {
    /// Lets through who may read in the scope.
    ///
    /// # Errors
    /// Unauthenticated without valid credentials; not found for a project that the principal may not see; forbidden.
    pub(super) async fn authorise(
        &self,
        request: &HttpRequest,
        project: &ProjectName,
        scope: Scope<'_>,
    ) -> Result<(), Problem> {
        match self.auth.principal(request).await? {
            None => Err(credentials_needed()),
            Some(principal) if !principal.may_see(project) => Err(nothing_here()),
            Some(principal) => Ok(principal.require(Permission::Read, scope)?),
        }
    }

    /// The answer for a project, environment or build that does not exist.
    pub(super) async fn absent(&self, request: &HttpRequest) -> Problem {
        match self.auth.principal(request).await {
            Err(problem) => problem,
            Ok(None) => credentials_needed(),
            Ok(Some(_)) => nothing_here(),
        }
    }
}

fn credentials_needed() -> Problem {
    Problem::new(
        FailureKind::Unauthenticated,
        "nothing public is here; send a token as Authorization: Bearer smt_... to see what is private",
    )
}

fn nothing_here() -> Problem {
    Problem::not_found("there is nothing here that you may see; check the project and what follows it in the address")
}
