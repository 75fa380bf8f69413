//! Published bytes: what environments, builds and content addresses serve. In the steady state an answer comes from
//! memory alone: the environment's pointer, what its build pins at a path, and the bytes of small contents.

mod access;
mod address;
mod builds;
mod counting;
mod differences;
mod documents;
mod environments;
mod listing;
mod named;
mod pins;

use std::sync::Arc;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use shelfmark_engine::Engine;

use crate::Services;
use crate::web::content::{Terms, respond};
use crate::web::request::refuse;
use crate::web::{Authenticator, Problem};

use access::Audience;
use builds::Builds;
use counting::Counting;
use named::Named;
use pins::{Found, Pins};

/// The part of the memory for manifest nodes that answers of pins may take besides.
const PINS_SHARE: u64 = 4;

/// Everything that delivery needs; all workers share it.
pub struct Delivery {
    engine: Engine,
    auth: Authenticator,
    pins: Pins,
    builds: Builds,
    named: Named,
    counting: Counting,
    ranges_max: usize,
    /// How long what an environment serves may be used without asking again.
    briefly: HeaderValue,
    /// For what never changes at its address.
    for_good: HeaderValue,
    /// For what was given to someone who showed credentials.
    privately: HeaderValue,
}

/// What the first segment of an address stands for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Environment,
    Build,
    Content,
}

impl Delivery {
    /// Delivery of what the services hold.
    pub fn new(services: &Services) -> Self {
        let engine = services.engine.clone();
        let settings = &services.config.delivery;
        let (fresh, stale) = (settings.max_age_seconds, settings.stale_while_revalidate_seconds);
        let briefly = format!("public, max-age={fresh}, stale-while-revalidate={stale}");
        Self {
            auth: services.auth.clone(),
            pins: Pins::new(engine.manifests.clone(), engine.limits.memory_nodes_bytes / PINS_SHARE),
            builds: Builds::default(),
            named: Named::default(),
            counting: Counting::new(),
            ranges_max: settings.ranges_max,
            briefly: HeaderValue::from_str(&briefly).expect("numbers and ASCII words are header text"),
            for_good: HeaderValue::from_static("public, max-age=31536000, immutable"),
            privately: HeaderValue::from_static("private, no-cache"),
            engine,
        }
    }

    async fn answer(&self, kind: Kind, request: &HttpRequest) -> HttpResponse {
        let is_head = request.method() == Method::HEAD;
        let answer = if is_head || request.method() == Method::GET {
            match kind {
                Kind::Environment => self.environment(request).await,
                Kind::Build => self.build(request).await,
                Kind::Content => self.named(request).await,
            }
        } else {
            let refused = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, None);
            Err(refused.with_header(ALLOW, HeaderValue::from_static("GET, HEAD")))
        };
        let answer = answer.unwrap_or_else(|problem| refuse(request, &problem));
        self.counting.note(&answer, is_head);
        answer
    }

    /// How what was found is sent to an audience. `cache` is for what anyone may have.
    fn terms<'a>(&'a self, found: &'a Found, audience: Audience, cache: &'a HeaderValue) -> Terms<'a> {
        let is_public = audience == Audience::Anyone;
        let cache_control = if is_public { cache } else { &self.privately };
        Terms { cache_control, is_public, modified_at: None, release: Some(&found.release), save_as: None }
    }

    async fn send(&self, request: &HttpRequest, found: &Found, terms: Terms<'_>) -> Result<HttpResponse, Problem> {
        respond(&self.engine, request, &found.representation, terms, self.ranges_max).await
    }
}

/// Adds the addresses of delivery.
pub fn routes(config: &mut ServiceConfig, delivery: &Arc<Delivery>) {
    for (prefix, kind) in [("/e", Kind::Environment), ("/r", Kind::Build), ("/c", Kind::Content)] {
        let delivery = delivery.clone();
        let answer = move |request: HttpRequest| {
            let delivery = delivery.clone();
            async move { delivery.answer(kind, &request).await }
        };
        config.service(web::scope(prefix).default_service(web::to(answer)));
    }
}
