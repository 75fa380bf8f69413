//! Each request gets an id, a line in the log, figures in the metrics, and, when it fails, a problem document,
//! whoever failed: a handler or the framework.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use tracing::Instrument as _;

use super::problem::Problem;

/// The longest request id that is taken from a client, in bytes.
const ID_BYTES_MAX: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

impl RequestId {
    /// The client's own id if it sent a plain one, or a new one.
    fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let is_plain = |id: &&str| {
            (1..=ID_BYTES_MAX).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        Self(sent.filter(is_plain).map_or_else(new_id, str::to_owned).into())
    }
}

/// Unique without asking for random numbers at each request: the process's own number and a counter.
fn new_id() -> String {
    static PROCESS: OnceLock<String> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| {
        let micros = shelfmark_engine::clock::Clock::default().now().as_micros();
        let name = format!("{micros} {}", std::process::id());
        shelfmark_domain::hash::ContentId::of(name.as_bytes()).to_string()[..10].to_owned()
    });
    format!("{process}-{:06x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Surrounds every request of the API.
pub async fn watch<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id = %id.0, %method, path = %request.path());
    let started = Instant::now();
    let answered = async {
        let answer = answer(request, next, &id).await?;
        let (status, milliseconds) = (answer.status().as_u16(), started.elapsed().as_secs_f64() * 1_000.0);
        tracing::info!(status, milliseconds, "answered");
        Ok::<_, Error>(answer)
    };
    let answer = answered.instrument(span).await?;
    let labels = [("method", method.to_string()), ("status", answer.status().as_u16().to_string())];
    metrics::counter!("shelfmark_requests_total", &labels).increment(1);
    metrics::histogram!("shelfmark_request_seconds").record(started.elapsed().as_secs_f64());
    Ok(answer)
}

async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    id: &RequestId,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    // The request must not be kept here: the router writes what it finds in the address into it, and needs it alone.
    // Handlers and extractors that fail answer with an error response, which still has its error.
    let mut answer = problems(next.call(request).await?, &id.0);
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(answer)
}

/// Answers a request that `watch` does not surround with a problem, and logs it with the request's id.
pub fn refuse(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let id = RequestId::of(request.headers());
    let span = tracing::info_span!("request", id = %id.0, method = %request.method(), path = %request.path());
    span.in_scope(|| problem.log());
    let mut answer = problem.answer(&id.0);
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        answer.headers_mut().insert(REQUEST_ID, value);
    }
    answer
}

/// The problem document that an error makes.
fn problem_of(error: &Error, status: StatusCode, id: &str) -> HttpResponse {
    if let Some(problem) = error.as_error::<Problem>() {
        problem.log();
        return problem.answer(id);
    }
    let problem = Problem::of_status(status, detail(error, status));
    problem.log();
    problem.answer(id)
}

/// What the framework says of a request that it refused; of its own faults nothing.
fn detail(error: &Error, status: StatusCode) -> Option<String> {
    let text = error.to_string();
    (status.is_client_error() && !text.is_empty()).then_some(text)
}

/// Turns an error status without a problem document into one.
fn problems<B: MessageBody + 'static>(answer: ServiceResponse<B>, id: &str) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let status = answer.status();
    if status.is_success() || status.is_redirection() || status.is_informational() {
        return answer.map_into_left_body();
    }
    if let Some(error) = answer.response().error() {
        let problem = problem_of(error, status, id);
        return answer.into_response(problem).map_into_right_body();
    }
    let is_problem = answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
    if is_problem {
        return answer.map_into_left_body();
    }
    answer.into_response(Problem::of_status(status, None).answer(id)).map_into_right_body()
}
