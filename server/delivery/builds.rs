//! `/r/{project}/{build}/{path}`: what a build pins. `R-12.3` is that build for good, `R-12` its release's latest.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use quick_cache::sync::Cache;

use shelfmark_domain::access::Scope;
use shelfmark_domain::environment::Served;
use shelfmark_domain::name::{BuildName, EnvironmentName, InvalidName, ProjectName, ReleaseNumber};
use shelfmark_domain::pin::Visibility;
use shelfmark_engine::catalog::CatalogError;
use shelfmark_engine::operations::Pointer;

use super::Delivery;
use super::access::Audience;
use super::address::{Address, Query, decoded};
use super::environments::not_pinned;
use crate::web::Problem;

/// Builds that are remembered.
const REMEMBERED: usize = 10_000;

/// A build within the catalog: the project's number and the build's name.
type BuildKey = (i64, BuildName);

/// What is remembered of builds. Manifests never change; the environments that a build has been in only become more.
pub struct Builds {
    served: Cache<BuildKey, Served>,
    environments: Cache<BuildKey, Arc<[EnvironmentName]>>,
}

impl Default for Builds {
    fn default() -> Self {
        Self { served: Cache::new(REMEMBERED), environments: Cache::new(REMEMBERED) }
    }
}

/// Which build is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Exactly(BuildName),
    LatestOf(ReleaseNumber),
}

impl Which {
    fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.contains('.') { text.parse().map(Self::Exactly) } else { text.parse().map(Self::LatestOf) }
    }
}

impl Delivery {
    pub(super) async fn build(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let path = decoded(request.path())?;
        let address = Address::parse(&path);
        let query = Query::parse(request.query_string())?;
        let which = Which::parse(address.within).map_err(|error| Problem::invalid("build", error))?;
        let Some((project, number, pointers)) = self.project(address.project) else {
            return Err(self.absent(request).await);
        };
        let served = self.served_by(number, which).await?;
        let is_published = match served {
            Some(served) => self.has_been_public(number, served.build, &pointers).await?,
            None => false,
        };
        let mut audience = Audience::Anyone;
        if !is_published {
            self.authorise(request, &project, Scope::Project(&project)).await?;
            audience = Audience::Authorised;
        }
        let Some(served) = served else { return Err(self.absent(request).await) };
        let found = self.pins.get(served, address.path).await?;
        let is_public = match &found {
            Some(found) => found.is_public,
            None => self.pins.is_public(served.manifest, address.path).await?,
        };
        if !is_public && audience == Audience::Anyone {
            self.authorise(request, &project, Scope::Project(&project)).await?;
            audience = Audience::Authorised;
        }
        let found = found.ok_or_else(|| not_pinned(served, address.path))?;
        let cache = match which {
            Which::Exactly(_) => &self.for_good,
            Which::LatestOf(_) => &self.briefly,
        };
        let mut terms = self.terms(&found, audience, cache);
        terms.save_as = query.download.then(|| address.file_name());
        self.send(request, &found, terms).await
    }

    /// A project by its name, with its number and environments, from memory.
    pub(super) fn project(&self, name: &str) -> Option<(ProjectName, i64, Vec<Arc<Pointer>>)> {
        let name: ProjectName = name.parse().ok()?;
        let pointers = self.engine.pointers.of_project(&name);
        let number = pointers.first()?.at.project_number;
        Some((name, number, pointers))
    }

    /// The build's manifest; `None` when there is no such build.
    async fn served_by(&self, project: i64, which: Which) -> Result<Option<Served>, CatalogError> {
        let build = match which {
            Which::Exactly(name) => {
                if let Some(served) = self.builds.served.get(&(project, name)) {
                    return Ok(Some(served));
                }
                self.engine.catalog.build(project, name).await?
            }
            Which::LatestOf(release) => self.engine.catalog.builds(project, release, None, 1).await?.items.pop(),
        };
        let Some(build) = build else { return Ok(None) };
        let served = Served { build: build.name, manifest: build.manifest };
        self.builds.served.insert((project, build.name), served);
        Ok(Some(served))
    }

    /// The manifest of a build; `None` when there is no such build.
    pub(super) async fn exact_build(&self, project: i64, name: BuildName) -> Result<Option<Served>, CatalogError> {
        self.served_by(project, Which::Exactly(name)).await
    }

    /// Whether an environment that is public serves the build or has ever served it.
    pub(super) async fn has_been_public(
        &self,
        project: i64,
        build: BuildName,
        pointers: &[Arc<Pointer>],
    ) -> Result<bool, CatalogError> {
        let mut public = pointers
            .iter()
            .map(|pointer| &pointer.at.environment)
            .filter(|environment| environment.visibility == Visibility::Public);
        if public.clone().any(|environment| environment.serves.is_some_and(|served| served.build == build)) {
            return Ok(true);
        }
        let key = (project, build);
        if let Some(known) = self.builds.environments.get(&key)
            && public.clone().any(|environment| known.contains(&environment.name))
        {
            return Ok(true);
        }
        let known: Arc<[EnvironmentName]> = self.engine.catalog.environments_of_build(project, build).await?.into();
        self.builds.environments.insert(key, known.clone());
        Ok(public.any(|environment| known.contains(&environment.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_exact_and_a_release_is_its_latest() {
        assert_eq!(Which::parse("R-12.3"), Ok(Which::Exactly("R-12.3".parse().unwrap())));
        assert_eq!(Which::parse("R-12"), Ok(Which::LatestOf(ReleaseNumber::new(12))));
        for text in ["", "R-", "12", "R-1.", "latest"] {
            assert!(Which::parse(text).is_err(), "{text}");
        }
    }
}
