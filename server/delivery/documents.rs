//! `/e/{project}/{environment}/-/…`: documents about what an environment serves, made when they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::body::{BodyStream, BoxBody};
use actix_web::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::{self, BoxStream};

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::environment::Served;
use shelfmark_domain::failure::FailureKind;
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::BuildName;
use shelfmark_domain::pin::{Entry, Key, parameter_keys};
use shelfmark_engine::operations::{Pointer, ReadError};

use super::Delivery;
use super::access::Audience;
use super::differences::{Since, differences};
use super::listing::{Format, Listing};
use super::pins::release;
use crate::web::Problem;
use crate::web::conditions::{Validators, Verdict, verdict};
use crate::web::content::RELEASE;

/// The parts of a document in order.
pub type Parts = BoxStream<'static, Result<Bytes, ReadError>>;

/// What a document is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub pointer: &'a Arc<Pointer>,
    pub revision: i64,
    pub served: Served,
    pub audience: Audience,
    /// The build to which what is served is compared.
    pub since: Option<&'a str>,
}

/// What a document's answer says of it.
struct Head {
    tag: String,
    media_type: &'static str,
    audience: Audience,
    build: BuildName,
}

impl Delivery {
    pub(super) async fn document(
        &self,
        request: &HttpRequest,
        name: &str,
        about: About<'_>,
    ) -> Result<HttpResponse, Problem> {
        match name {
            "manifest.json" => self.manifest(request, about).await,
            "parameters.json" => self.parameters(request, about).await,
            _ => Err(Problem::not_found("below -/ there are manifest.json and parameters.json")),
        }
    }

    async fn manifest(&self, request: &HttpRequest, about: About<'_>) -> Result<HttpResponse, Problem> {
        let audience = self.audience(request, about).await?;
        let manifest = about.served.manifest;
        let format = Format::asked_by(request.headers().get(ACCEPT));
        let rules = match audience {
            Audience::Anyone => Some(self.engine.manifests.access_rules(manifest).await?),
            Audience::Authorised => None,
        };
        let listing = Listing {
            project: about.pointer.at.project.clone(),
            environment: about.pointer.at.environment.name.clone(),
            served: about.served,
            revision: about.revision,
            format,
            rules,
        };
        let head = Head {
            tag: format!("\"{manifest}-{}-{}\"", about.revision, listing.variant()),
            media_type: format.media_type(),
            audience,
            build: about.served.build,
        };
        let since = match about.since {
            Some(text) => Some(self.since(text, about, audience).await?),
            None => None,
        };
        if let Some(answer) = self.unchanged(request, &head) {
            return Ok(answer);
        }
        let parts = match since {
            _ if request.method() == Method::HEAD => Box::pin(stream::empty()),
            Some(since) => differences(&self.engine, listing, since).await?,
            None => listing.all(&self.engine.manifests).await?,
        };
        let body = BoxBody::new(BodyStream::new(parts.inspect_err(|error| {
            tracing::error!(%error, "a manifest broke off: it can't be read");
        })));
        Ok(self.answered(&head, StatusCode::OK, body))
    }

    /// The build with which the caller compares, and what of it the caller may know.
    async fn since(&self, text: &str, about: About<'_>, audience: Audience) -> Result<Since, Problem> {
        let build: BuildName = text.parse().map_err(|error| Problem::invalid("since", error))?;
        let project = about.pointer.at.project_number;
        let served = self.exact_build(project, build).await?;
        if audience == Audience::Anyone {
            let pointers = self.engine.pointers.of_project(&about.pointer.at.project);
            let is_public = match served {
                Some(served) => self.has_been_public(project, served.build, &pointers).await?,
                None => false,
            };
            if !is_public {
                let sentence = format!("{build} has not been public; send a token to compare with what is private");
                return Err(Problem::new(FailureKind::Unauthenticated, sentence).with_field("since"));
            }
        }
        let served = served.ok_or_else(|| {
            Problem::not_found(format!("there is no build {build} in this project")).with_field("since")
        })?;
        let rules = match audience {
            Audience::Anyone => Some(self.engine.manifests.access_rules(served.manifest).await?),
            Audience::Authorised => None,
        };
        Ok(Since { served, rules })
    }

    async fn parameters(&self, request: &HttpRequest, about: About<'_>) -> Result<HttpResponse, Problem> {
        let environment = &about.pointer.at.environment.name;
        let root = self.engine.manifests.root(about.served.manifest).await?;
        let (first, end) = parameter_keys();
        let mut entries = self.engine.manifests.entries(&root, first, Some(end));
        let mut values = BTreeMap::new();
        while let Some((key, entry)) = entries.try_next().await? {
            if let (Some(Key::Parameter(name)), Entry::Parameter(parameter)) = (Key::parse(&key), entry) {
                values.insert(name.to_string(), parameter.value_in(environment).to_owned());
            }
        }
        let text = serde_json::to_string(&values).expect("a map of texts is JSON");
        let head = Head {
            tag: format!("\"{}\"", ContentId::of(text.as_bytes())),
            media_type: "application/json",
            audience: about.audience,
            build: about.served.build,
        };
        if let Some(answer) = self.unchanged(request, &head) {
            return Ok(answer);
        }
        Ok(self.answered(&head, StatusCode::OK, BoxBody::new(text)))
    }

    /// For whom a document is that says more to those who may read everything.
    async fn audience(&self, request: &HttpRequest, about: About<'_>) -> Result<Audience, Problem> {
        if about.audience == Audience::Authorised {
            return Ok(Audience::Authorised);
        }
        let at = &about.pointer.at;
        let scope = Scope::Environment(&at.project, &at.environment.name);
        let principal = self.auth.principal(request).await?;
        let may_read_all = principal.is_some_and(|principal| principal.require(Permission::Read, scope).is_ok());
        Ok(if may_read_all { Audience::Authorised } else { Audience::Anyone })
    }

    fn unchanged(&self, request: &HttpRequest, head: &Head) -> Option<HttpResponse> {
        let validators = Validators { tag: head.tag.as_bytes(), modified_at_seconds: None };
        match verdict(request.method(), request.headers(), validators) {
            Verdict::Proceed => None,
            Verdict::NotModified => Some(self.answered(head, StatusCode::NOT_MODIFIED, BoxBody::new(()))),
            Verdict::Failed => {
                let detail = "what is served now is not what If-Match names; look at it again";
                Some(crate::web::request::refuse(request, &Problem::new(FailureKind::Stale, detail)))
            }
        }
    }

    fn answered(&self, head: &Head, status: StatusCode, body: BoxBody) -> HttpResponse {
        let is_public = head.audience == Audience::Anyone;
        let mut answer = HttpResponse::with_body(status, body);
        let headers = answer.headers_mut();
        let tag = HeaderValue::from_str(&head.tag).expect("a tag is hex digits, numbers and quotes");
        headers.insert(ETAG, tag);
        headers.insert(RELEASE, release(head.build));
        headers.insert(CACHE_CONTROL, if is_public { self.briefly.clone() } else { self.privately.clone() });
        headers.insert(VARY, HeaderValue::from_static("Accept, Authorization"));
        if is_public {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if status != StatusCode::NOT_MODIFIED {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(head.media_type));
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        answer
    }
}
