//! Every error as a problem document (RFC 9457): a stable type, a sentence that says what to do, and the request's id.
//! This is the only place that turns kinds of failure into statuses.

use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use shelfmark_domain::failure::{Failure, FailureKind};

/// An error on its way to the client. Small to carry, as every answer may be one.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    slug: &'static str,
    title: &'static str,
    status: StatusCode,
    detail: String,
    field: Option<String>,
    /// What the client needs to go on, such as the present revision.
    current: Option<serde_json::Value>,
    /// What each rule of the gate said, where it refused.
    checks: Option<serde_json::Value>,
    /// Headers that this status calls for.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only.
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The document as clients see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// A stable name of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:shelfmark:problem:not-found")]
    problem_type: String,
    title: String,
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The field of the request at fault, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The present state, for a request that came too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    current: Option<serde_json::Value>,
    /// What each check of the gate came to, where it refused a promotion or rollback: name, outcome (pass, fail with its
    /// remedy, or waived with its reason), reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    checks: Option<serde_json::Value>,
    /// Stands in the log as well.
    request_id: String,
}

const fn of_kind(kind: FailureKind) -> (&'static str, &'static str, StatusCode) {
    match kind {
        FailureKind::Invalid => ("invalid", "The request is wrong", StatusCode::BAD_REQUEST),
        FailureKind::Unauthenticated => ("unauthenticated", "Credentials are needed", StatusCode::UNAUTHORIZED),
        FailureKind::Forbidden => ("forbidden", "This is not allowed", StatusCode::FORBIDDEN),
        FailureKind::NotFound => ("not-found", "There is no such thing", StatusCode::NOT_FOUND),
        FailureKind::Conflict => ("conflict", "This does not fit the present state", StatusCode::CONFLICT),
        FailureKind::Stale => ("stale", "It has changed meanwhile", StatusCode::PRECONDITION_FAILED),
        FailureKind::TooLarge => ("too-large", "This is too large", StatusCode::PAYLOAD_TOO_LARGE),
        FailureKind::Busy => ("busy", "Not now", StatusCode::SERVICE_UNAVAILABLE),
        FailureKind::Full => ("full", "No space is left", StatusCode::INSUFFICIENT_STORAGE),
        FailureKind::Corrupt => ("corrupt", "Stored data is damaged", StatusCode::INTERNAL_SERVER_ERROR),
        FailureKind::Internal => ("internal", "Something failed", StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl Problem {
    /// A problem of a kind with its sentence.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        let (slug, title, status) = of_kind(kind);
        Self::plain(slug, title, status, detail.into())
    }

    fn plain(slug: &'static str, title: &'static str, status: StatusCode, detail: String) -> Self {
        Self(Box::new(Parts {
            slug,
            title,
            status,
            detail,
            field: None,
            current: None,
            checks: None,
            headers: Vec::new(),
            source: None,
        }))
    }

    /// A wrong field of the request.
    pub fn invalid(field: impl Into<String>, why: impl fmt::Display) -> Self {
        Self::new(FailureKind::Invalid, why.to_string()).with_field(field)
    }

    /// Something that does not exist, or may not be seen.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(FailureKind::NotFound, what.to_string())
    }

    /// Names the field at fault.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Adds what the gate said.
    #[must_use]
    pub fn with_checks(mut self, checks: serde_json::Value) -> Self {
        self.0.checks = Some(checks);
        self
    }

    /// Adds the present state.
    #[must_use]
    pub fn with_current(mut self, current: serde_json::Value) -> Self {
        self.0.current = Some(current);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// A status of the framework, which knows no more than that.
    pub fn of_status(status: StatusCode, detail: Option<String>) -> Self {
        let (slug, title, sentence) = match status {
            StatusCode::NOT_FOUND => {
                ("not-found", "There is no such thing", "nothing is at this address; /api/docs lists what there is")
            }
            StatusCode::GONE => ("gone", "It is kept no more", "what was asked for is kept no more"),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method-not-allowed", "This can't be done here", "this address does not take this method")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported-media-type", "This type isn't taken here", "send application/json")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "This is too large", "the body is too large"),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                ("range-not-satisfiable", "There are no such bytes", "ask for a range within the content")
            }
            StatusCode::REQUEST_TIMEOUT => ("timeout", "This took too long", "send the whole request sooner"),
            status if status.is_client_error() => ("invalid", "The request is wrong", "the request can't be read"),
            _ => ("internal", "Something failed", "the request failed; look for its id in the server's log"),
        };
        let detail = detail.unwrap_or_else(|| sentence.to_owned());
        Self::plain(slug, title, status, detail)
    }

    /// The answer to the client.
    pub fn answer(&self, request_id: &str) -> HttpResponse {
        let document = ProblemDocument {
            problem_type: format!("urn:shelfmark:problem:{}", self.0.slug),
            title: self.0.title.to_owned(),
            status: self.0.status.as_u16(),
            detail: self.0.detail.clone(),
            field: self.0.field.clone(),
            current: self.0.current.clone(),
            checks: self.0.checks.clone(),
            request_id: request_id.to_owned(),
        };
        let mut answer = HttpResponse::build(self.0.status);
        for (name, value) in &self.0.headers {
            answer.insert_header((name.clone(), value.clone()));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if self.0.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, HeaderValue::from_static("1")));
        }
        answer
            .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")))
            .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
            .body(serde_json::to_string(&document).unwrap_or_default())
    }

    /// Writes to the log what the client isn't told.
    pub fn log(&self) {
        let mut causes = String::new();
        let mut cause = self.0.source.as_deref().and_then(|error| error.source());
        while let Some(error) = cause {
            causes.push_str(": ");
            causes.push_str(&error.to_string());
            cause = error.source();
        }
        if self.0.status.is_server_error() {
            tracing::error!(status = self.0.status.as_u16(), "{}{causes}", self.0.detail);
        } else {
            tracing::debug!(status = self.0.status.as_u16(), "{}{causes}", self.0.detail);
        }
    }
}

impl<E: Failure + Send + Sync + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        let kind = error.kind();
        // An unexpected fault tells the client nothing about the inside; the log has the whole chain.
        let detail = match kind {
            FailureKind::Internal => "the request failed; look for its id in the server's log".to_owned(),
            _ => error.to_string(),
        };
        let field = error.field().map(str::to_owned);
        let current = error.present_revision().map(|revision| serde_json::json!({ "revision": revision }));
        let mut problem = Self::new(kind, detail);
        problem.0.field = field;
        problem.0.current = current;
        problem.0.source = Some(Box::new(error));
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.answer("") // the request's own id is put in by the middleware, which sees every error
    }
}
