//! `/c/{project}/{blake3}/{file name}`: a content by its name. Whatever is not published, belongs to another project or
//! does not exist answers alike, so that nobody learns what others have by asking for its name.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use quick_cache::sync::Cache;

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ProjectName;
use shelfmark_engine::operations::published;

use super::Delivery;
use super::address::{Address, Query, decoded};
use crate::web::Problem;
use crate::web::content::{Representation, Terms, respond};

/// Published contents that are remembered.
const REMEMBERED: usize = 20_000;

/// Published contents, ready to be sent: project's number and content.
pub struct Named(Cache<(i64, ContentId), Arc<Representation>>);

impl Default for Named {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Delivery {
    pub(super) async fn named(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let path = decoded(request.path())?;
        let address = Address::parse(&path);
        let query = Query::parse(request.query_string())?;
        let content: ContentId = address.within.parse().map_err(|error| Problem::invalid("content", error))?;
        let (project, number, _) = self.project(address.project).ok_or_else(not_here)?;
        let (representation, is_public) = match self.published(&project, number, content).await? {
            Some(representation) => (representation, true),
            None => (self.own(request, &project, number, content).await?, false),
        };
        let terms = Terms {
            cache_control: if is_public { &self.for_good } else { &self.privately },
            is_public,
            modified_at: None,
            release: None,
            save_as: query.download.then(|| address.file_name()),
        };
        respond(&self.engine, request, &representation, terms, self.ranges_max).await
    }

    async fn published(
        &self,
        project: &ProjectName,
        number: i64,
        content: ContentId,
    ) -> Result<Option<Arc<Representation>>, Problem> {
        if let Some(known) = self.named.0.get(&(number, content)) {
            return Ok(Some(known));
        }
        let Some(published) = published(&self.engine, project, content).await? else { return Ok(None) };
        let representation = Representation::new(content, published.size_bytes, &published.media_type);
        let representation = Arc::new(representation);
        self.named.0.insert((number, content), representation.clone());
        Ok(Some(representation))
    }

    /// A content of a project that the caller may read, published or not.
    async fn own(
        &self,
        request: &HttpRequest,
        project: &ProjectName,
        number: i64,
        content: ContentId,
    ) -> Result<Arc<Representation>, Problem> {
        let principal = self.auth.principal(request).await?.ok_or_else(not_here)?;
        principal.require(Permission::Read, Scope::Project(project)).map_err(|_| not_here())?;
        let known = self.engine.catalog.content_of_project(number, content).await?;
        let (size_bytes, media_type) = known.ok_or_else(not_here)?;
        Ok(Arc::new(Representation::new(content, size_bytes, &media_type)))
    }
}

fn not_here() -> Problem {
    Problem::not_found("no such content has been published in this project; to see others of yours send a token")
}
