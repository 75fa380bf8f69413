//! Sending a content: whole, in parts, or not at all when the client has it (RFC 9110).

use std::ops::Range;

use actix_web::body::BoxBody;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, CROSS_ORIGIN_RESOURCE_POLICY, ETAG,
    HeaderName, HeaderValue, LAST_MODIFIED, RANGE, TryIntoHeaderValue as _, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use shelfmark_domain::failure::FailureKind;
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::Engine;
use shelfmark_engine::operations::{Part, PartStream, ReadError, Sendable};

use super::body::{nothing_of, with_parts};
use super::conditions::{Validators, Verdict, http_date, range_applies, verdict};
use super::problem::Problem;
use super::ranges::{Wanted, wanted};
pub use super::representation::{Representation, tag};

/// Names the build from which an answer comes.
pub const RELEASE: HeaderName = HeaderName::from_static("shelfmark-release");
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const AUTHORIZATION: HeaderValue = HeaderValue::from_static("Authorization");
/// Bodies up to this size are copied into the connection's buffer, in bytes; more costs more than another system call.
const COPIED_BYTES_MAX: usize = 64 << 10;
/// For so long after a change its date is not told: the address may have had other bytes in the same second.
const SETTLING_SECONDS: i64 = 2;

/// On what terms a content is sent.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    pub cache_control: &'a HeaderValue,
    /// Whether anyone may have it: then pages of other sites may use it, and credentials make no difference.
    pub is_public: bool,
    /// When this address came to have this content, if a date tells anything about it.
    pub modified_at: Option<Timestamp>,
    /// What stands in `Shelfmark-Release`.
    pub release: Option<&'a HeaderValue>,
    /// The name under which it is to be saved instead of shown.
    pub save_as: Option<&'a str>,
}

/// A content that is sent once, and how.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: &'a str,
    /// For whoever saves it.
    pub file_name: &'a str,
    /// As in `Terms`.
    pub modified_at: Option<Timestamp>,
    pub cache_control: HeaderValue,
    /// Whether it is to be saved instead of shown.
    pub download: bool,
    /// What stands in `Shelfmark-Release`.
    pub release: Option<HeaderValue>,
}

/// Answers a GET or HEAD of someone who showed credentials with a content that is sent once.
///
/// # Errors
/// As `respond`.
pub async fn send(
    engine: &Engine,
    request: &HttpRequest,
    sent: Sent<'_>,
    ranges_max: usize,
) -> Result<HttpResponse, Problem> {
    let representation = Representation::new(sent.content, sent.size_bytes, sent.media_type);
    let terms = Terms {
        cache_control: &sent.cache_control,
        is_public: false,
        modified_at: sent.modified_at,
        release: sent.release.as_ref(),
        save_as: sent.download.then_some(sent.file_name),
    };
    respond(engine, request, &representation, terms, ranges_max).await
}

/// Answers a GET or HEAD with a content, or with what its conditions and ranges ask for.
///
/// # Errors
/// 412 when a condition does not hold, 416 when no byte that was asked for exists; what kept the first bytes from being
/// read. An error after those cuts the connection, so that nobody takes a part for the whole.
pub async fn respond(
    engine: &Engine,
    request: &HttpRequest,
    representation: &Representation,
    terms: Terms<'_>,
    ranges_max: usize,
) -> Result<HttpResponse, Problem> {
    let now_seconds = engine.clock.now().as_seconds();
    let settled = |at: &i64| now_seconds >= at + SETTLING_SECONDS;
    let modified_at_seconds = terms.modified_at.map(Timestamp::as_seconds).filter(settled);
    let validators = Validators { tag: representation.tag.as_bytes(), modified_at_seconds };
    let terms = Settled { terms, modified_at_seconds };
    match verdict(request.method(), request.headers(), validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(terms.answer(StatusCode::NOT_MODIFIED, representation)),
        Verdict::Failed => {
            let detail = "what is here now is not what If-Match or If-Unmodified-Since names; look at it again";
            return Err(Problem::new(FailureKind::Stale, detail));
        }
    }
    let size_bytes = representation.size_bytes;
    if request.method() == Method::HEAD {
        return Ok(terms.answer(StatusCode::OK, representation).set_body(nothing_of(size_bytes)));
    }
    let range = request.headers().get(RANGE);
    let range = range.filter(|_| range_applies(request.headers(), validators, now_seconds));
    match range.map_or(Wanted::Whole, |range| wanted(range.as_bytes(), size_bytes, ranges_max)) {
        Wanted::Whole => {
            let answer = terms.answer(StatusCode::OK, representation);
            send_part(engine, request, answer, representation, 0..size_bytes).await
        }
        Wanted::Part(part) => {
            let mut answer = terms.answer(StatusCode::PARTIAL_CONTENT, representation);
            answer.headers_mut().insert(CONTENT_RANGE, content_range(&part, size_bytes));
            send_part(engine, request, answer, representation, part).await
        }
        Wanted::Parts(parts) => {
            let answer = terms.answer(StatusCode::PARTIAL_CONTENT, representation);
            send_parts(engine, request, answer, representation, parts).await
        }
        Wanted::Nothing => Err(nothing_there(size_bytes)),
    }
}

/// Terms whose date may be told.
struct Settled<'a> {
    terms: Terms<'a>,
    modified_at_seconds: Option<i64>,
}

impl Settled<'_> {
    /// An answer without a body.
    fn answer(&self, status: StatusCode, representation: &Representation) -> HttpResponse {
        let Terms { cache_control, is_public, release, save_as, .. } = self.terms;
        let mut answer = HttpResponse::new(status);
        let headers = answer.headers_mut();
        headers.insert(ETAG, representation.tag.clone());
        headers.insert(CACHE_CONTROL, cache_control.clone());
        if let Some(seconds) = self.modified_at_seconds
            && let Ok(date) = http_date(seconds).try_into_value()
        {
            headers.insert(LAST_MODIFIED, date);
        }
        if let Some(release) = release {
            headers.insert(RELEASE, release.clone());
        }
        if is_public {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
            headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, CROSS_ORIGIN);
        } else {
            headers.insert(VARY, AUTHORIZATION);
            headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, SAME_ORIGIN);
        }
        if status != StatusCode::NOT_MODIFIED {
            representation.put_headers(headers, save_as);
        }
        answer
    }
}

fn content_range(part: &Range<u64>, size_bytes: u64) -> HeaderValue {
    let text = format!("bytes {}-{}/{size_bytes}", part.start, part.end - 1);
    HeaderValue::from_str(&text).expect("numbers are header text")
}

fn nothing_there(size_bytes: u64) -> Problem {
    let size = HeaderValue::from_str(&format!("bytes */{size_bytes}")).expect("a number is header text");
    let detail = format!("the content has {size_bytes} bytes; ask for a range within them");
    Problem::of_status(StatusCode::RANGE_NOT_SATISFIABLE, Some(detail))
        .with_field("Range")
        .with_header(CONTENT_RANGE, size)
}

async fn send_part(
    engine: &Engine,
    request: &HttpRequest,
    answer: HttpResponse,
    representation: &Representation,
    part: Range<u64>,
) -> Result<HttpResponse, Problem> {
    let length = part.end - part.start;
    match engine.contents.sendable(representation.content, representation.size_bytes, part).await? {
        Sendable::Memory(bytes) if bytes.len() <= COPIED_BYTES_MAX => Ok(answer.set_body(BoxBody::new(bytes))),
        Sendable::Memory(bytes) => {
            let whole = stream::iter([Ok(Part::Bytes(bytes))]);
            Ok(with_parts(request, answer, length, whole.boxed()))
        }
        Sendable::Parts(parts) => Ok(with_parts(request, answer, length, begun(parts).await?)),
    }
}

/// Sends several parts as one body of the type `multipart/byteranges`.
async fn send_parts(
    engine: &Engine,
    request: &HttpRequest,
    mut answer: HttpResponse,
    representation: &Representation,
    parts: Vec<Range<u64>>,
) -> Result<HttpResponse, Problem> {
    let size_bytes = representation.size_bytes;
    // No content holds its own name, so this stands nowhere in the parts themselves.
    let boundary = &representation.content.to_string()[..32];
    let media_type = representation.content_type.to_str().unwrap_or_default();
    let head = |part: &Range<u64>| {
        let (first, last) = (part.start, part.end - 1);
        Bytes::from(format!(
            "\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {first}-{last}/{size_bytes}\r\n\r\n"
        ))
    };
    let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let heads: Vec<Bytes> = parts.iter().map(head).collect();
    let length = heads.iter().zip(&parts).map(|(head, part)| head.len() as u64 + part.end - part.start).sum::<u64>();
    let length = length + end.len() as u64;
    let (engine, content) = (engine.clone(), representation.content);
    let bodies = stream::iter(heads.into_iter().zip(parts)).flat_map(move |(head, part)| {
        stream::iter([Ok(Part::Bytes(head))]).chain(engine.contents.sendable_parts(content, size_bytes, part))
    });
    let kind = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}"));
    answer.headers_mut().insert(CONTENT_TYPE, kind.expect("the boundary is header text"));
    let body = begun(bodies.chain(stream::iter([Ok(Part::Bytes(end))])).boxed()).await?;
    Ok(with_parts(request, answer, length, body))
}

/// A stream of which the first bytes have been read, so that what is missing altogether becomes an error and not an
/// answer that breaks off.
async fn begun(mut body: PartStream) -> Result<PartStream, ReadError> {
    let mut first = Vec::with_capacity(2);
    // The head of a part is always there; what follows it tells.
    while first.len() < 2
        && let Some(bytes) = body.try_next().await?
    {
        first.push(Ok(bytes));
    }
    let rest = body.inspect_err(|error| {
        metrics::counter!("shelfmark_broken_answers_total").increment(1);
        tracing::error!(%error, "an answer broke off: a content can't be read");
    });
    Ok(stream::iter(first).chain(rest).boxed())
}
