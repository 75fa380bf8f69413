//! `/e/{project}/{environment}/{path}`: what an environment serves, now or at an earlier instant.

use actix_web::{HttpRequest, HttpResponse};

use shelfmark_domain::access::Scope;
use shelfmark_domain::environment::Served;
use shelfmark_domain::pin::Visibility;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::{Pointer, ServedThen};

use super::Delivery;
use super::access::Audience;
use super::address::{Address, Query, decoded};
use super::documents::About;
use crate::web::Problem;

/// Addresses below this are documents about what is served.
const DOCUMENTS: &str = "-/";

/// What an environment serves, since when, and its revision: now, or the one that made it so at an instant.
struct Deployed {
    revision: i64,
    since: Option<Timestamp>,
    served: Served,
}

impl Delivery {
    pub(super) async fn environment(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let path = decoded(request.path())?;
        let address = Address::parse(&path);
        let query = Query::parse(request.query_string())?;
        let Some(pointer) = self.engine.pointers.get(address.project, address.within) else {
            return Err(self.absent(request).await);
        };
        let mut audience = Audience::Anyone;
        if pointer.at.environment.visibility == Visibility::Private {
            self.authorise_environment(request, &pointer).await?;
            audience = Audience::Authorised;
        }
        let Deployed { revision, since, served } = self.served(&pointer, query.at.as_deref()).await?;
        if let Some(name) = address.path.strip_prefix(DOCUMENTS) {
            let about = About { pointer: &pointer, revision, served, audience, since: query.since.as_deref() };
            return self.document(request, name, about).await;
        }
        let found = self.pins.get(served, address.path).await?;
        let is_public = match &found {
            Some(found) => found.is_public,
            None => self.pins.is_public(served.manifest, address.path).await?,
        };
        if !is_public && audience == Audience::Anyone {
            self.authorise_environment(request, &pointer).await?;
            audience = Audience::Authorised;
        }
        let found = found.ok_or_else(|| not_pinned(served, address.path))?;
        let mut terms = self.terms(&found, audience, &self.briefly);
        terms.modified_at = since;
        terms.save_as = query.download.then(|| address.file_name());
        self.send(request, &found, terms).await
    }

    async fn authorise_environment(&self, request: &HttpRequest, pointer: &Pointer) -> Result<(), Problem> {
        let project = &pointer.at.project;
        self.authorise(request, project, Scope::Environment(project, &pointer.at.environment.name)).await
    }

    /// What the environment serves, or served at an instant.
    async fn served(&self, pointer: &Pointer, at: Option<&str>) -> Result<Deployed, Problem> {
        let environment = &pointer.at.environment;
        let Some(at) = at else {
            let served = environment.serves.ok_or_else(|| nothing_yet(pointer))?;
            return Ok(Deployed { revision: environment.revision, since: pointer.at.deployed_at, served });
        };
        let at: Timestamp = at.parse().map_err(|error| Problem::invalid("at", error))?;
        match self.engine.pointers.served_at(pointer, at).await? {
            ServedThen::Deployed { revision, since, served } => Ok(Deployed { revision, since: Some(since), served }),
            ServedThen::NotYet { first: Some(first) } => {
                let sentence = format!("{} serves only since {first}; ask for that instant or later", environment.name);
                Err(Problem::not_found(sentence).with_field("at"))
            }
            ServedThen::NotYet { first: None } => Err(nothing_yet(pointer)),
        }
    }
}

fn nothing_yet(pointer: &Pointer) -> Problem {
    Problem::not_found(format!("nothing has been promoted to {} yet", pointer.at.environment.name))
}

/// The answer for a path at which a build has nothing.
pub(super) fn not_pinned(served: Served, path: &str) -> Problem {
    let build = served.build;
    if path.is_empty() || path.ends_with('/') {
        return Problem::not_found(
            "a folder has no address; name a file in it (an environment lists its files at -/manifest.json)",
        );
    }
    let shown: String = path.chars().take(200).collect();
    Problem::not_found(format!("{build} has nothing at {shown:?}"))
}
