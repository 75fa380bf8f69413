//! Sending a content: whole, in parts, or not at all when the client has it (RFC 9110). Whatever may be uploaded is
//! sent so that no browser runs it with this site's authority.

use std::ops::Range;

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, RANGE, TryIntoHeaderValue as _, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use shelfmark_domain::failure::FailureKind;
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::Engine;
use shelfmark_engine::operations::{ContentStream, ReadError};

use super::conditions::{Validators, Verdict, http_date, range_applies, verdict};
use super::problem::Problem;
use super::ranges::{Wanted, wanted};

const RELEASE: HeaderName = HeaderName::from_static("shelfmark-release");
/// What a browser could run is shown without scripts, forms and this site's origin.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self' data:; font-src 'self' data:; \
     style-src 'self' 'unsafe-inline'",
);
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// What stays as it is in an extended header value: RFC 8187 `attr-char`.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A content and how it is sent.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: &'a str,
    /// For whoever saves it.
    pub file_name: &'a str,
    /// When this address came to have this content, if a date tells anything about it.
    pub modified_at: Option<Timestamp>,
    pub cache_control: HeaderValue,
    /// Whether it is to be saved instead of shown.
    pub download: bool,
    /// What stands in `Shelfmark-Release`.
    pub release: Option<HeaderValue>,
}

/// Answers a GET or HEAD with a content, or with what its conditions and ranges ask for.
///
/// # Errors
/// 412 when a condition does not hold, 416 when no byte that was asked for exists; what kept the first bytes from being
/// read. An error after those cuts the connection, so that nobody takes a part for the whole.
pub async fn send(
    engine: &Engine,
    request: &HttpRequest,
    sent: Sent<'_>,
    ranges_max: usize,
) -> Result<HttpResponse, Problem> {
    let tag = tag(sent.content);
    let modified_at_seconds = sent.modified_at.map(Timestamp::as_seconds);
    let validators = Validators { tag: &tag, modified_at_seconds };
    match verdict(request.method(), request.headers(), validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => {
            let mut answer = HttpResponse::new(StatusCode::NOT_MODIFIED);
            put_validators(answer.headers_mut(), &sent, &tag);
            return Ok(answer);
        }
        Verdict::Failed => {
            let detail = "what is here now is not what If-Match or If-Unmodified-Since names; look at it again";
            return Err(Problem::new(FailureKind::Stale, detail));
        }
    }
    let range = request.headers().get(RANGE).filter(|_| request.method() == Method::GET);
    let range = range.filter(|_| range_applies(request.headers(), validators, engine.clock.now().as_seconds()));
    let wanted = range.map_or(Wanted::Whole, |range| wanted(range.as_bytes(), sent.size_bytes, ranges_max));
    if request.method() == Method::HEAD {
        let nothing = SizedStream::new(sent.size_bytes, stream::empty::<Result<Bytes, ReadError>>());
        return Ok(answer(StatusCode::OK, &sent, &tag).set_body(nothing).map_into_boxed_body());
    }
    match wanted {
        Wanted::Whole => {
            let answer = answer(StatusCode::OK, &sent, &tag);
            send_part(engine, answer, &sent, 0..sent.size_bytes).await
        }
        Wanted::Part(part) => {
            let mut answer = answer(StatusCode::PARTIAL_CONTENT, &sent, &tag);
            answer.headers_mut().insert(CONTENT_RANGE, content_range(&part, sent.size_bytes));
            send_part(engine, answer, &sent, part).await
        }
        Wanted::Parts(parts) => {
            let answer = answer(StatusCode::PARTIAL_CONTENT, &sent, &tag);
            send_parts(engine, answer, &sent, parts).await
        }
        Wanted::Nothing => Err(nothing_there(sent.size_bytes)),
    }
}

/// The strong entity tag of a content, with its quotes.
pub fn tag(content: ContentId) -> [u8; 66] {
    let digits = blake3::Hash::from_bytes(*content.as_bytes()).to_hex();
    let mut tag = [b'"'; 66];
    tag[1..65].copy_from_slice(digits.as_bytes());
    tag
}

fn put_validators(headers: &mut HeaderMap, sent: &Sent<'_>, tag: &[u8]) {
    headers.insert(ETAG, HeaderValue::from_bytes(tag).expect("an entity tag consists of hex digits and quotes"));
    headers.insert(CACHE_CONTROL, sent.cache_control.clone());
    if let Some(at) = sent.modified_at
        && let Ok(date) = http_date(at.as_seconds()).try_into_value()
    {
        headers.insert(LAST_MODIFIED, date);
    }
    if let Some(release) = &sent.release {
        headers.insert(RELEASE, release.clone());
    }
}

fn answer(status: StatusCode, sent: &Sent<'_>, tag: &[u8]) -> HttpResponse {
    let mut answer = HttpResponse::new(status);
    let headers = answer.headers_mut();
    put_validators(headers, sent, tag);
    headers.insert(CONTENT_TYPE, media_type(sent.media_type));
    headers.insert(ACCEPT_RANGES, BYTES);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if may_run(sent.media_type) {
        headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    }
    if sent.download {
        headers.insert(CONTENT_DISPOSITION, attachment(sent.file_name));
    }
    answer
}

fn media_type(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(UNKNOWN_TYPE)
}

/// Whether a browser that is shown this may run something in it.
fn may_run(media_type: &str) -> bool {
    const RUNNABLE: [&str; 7] = [
        "text/html",
        "text/xml",
        "text/xsl",
        "application/xml",
        "application/pdf",
        "application/xhtml+xml",
        "image/svg+xml",
    ];
    let essence = media_type.split(';').next().unwrap_or_default().trim_ascii();
    let ends_in_xml = essence.len() > 4 && essence.as_bytes()[essence.len() - 4..].eq_ignore_ascii_case(b"+xml");
    ends_in_xml || RUNNABLE.iter().any(|runnable| essence.eq_ignore_ascii_case(runnable))
}

/// `attachment` with the file's name (RFC 6266): in ASCII for old clients, and as it is for all others.
fn attachment(file_name: &str) -> HeaderValue {
    let plain = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let ascii: String = file_name.chars().map(plain).collect();
    let exact = utf8_percent_encode(file_name, ATTRIBUTE);
    let text = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{exact}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
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
    answer: HttpResponse,
    sent: &Sent<'_>,
    part: Range<u64>,
) -> Result<HttpResponse, Problem> {
    if engine.contents.is_small(sent.size_bytes) {
        let whole = small(engine, sent).await?;
        let bytes = if part.end - part.start == sent.size_bytes { whole } else { slice(&whole, &part) };
        return Ok(answer.set_body(bytes).map_into_boxed_body());
    }
    let length = part.end - part.start;
    let body = begun(engine.contents.read(sent.content, part)).await?;
    Ok(answer.set_body(SizedStream::new(length, body)).map_into_boxed_body())
}

/// Sends several parts as one body of the type `multipart/byteranges`.
async fn send_parts(
    engine: &Engine,
    mut answer: HttpResponse,
    sent: &Sent<'_>,
    parts: Vec<Range<u64>>,
) -> Result<HttpResponse, Problem> {
    // No content holds its own name, so this stands nowhere in the parts themselves.
    let boundary = &sent.content.to_string()[..32];
    let head = |part: &Range<u64>| {
        let (media_type, first, last) = (sent.media_type, part.start, part.end - 1);
        Bytes::from(format!(
            "\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n",
            sent.size_bytes
        ))
    };
    let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let heads: Vec<Bytes> = parts.iter().map(head).collect();
    let length = heads.iter().zip(&parts).map(|(head, part)| head.len() as u64 + part.end - part.start).sum::<u64>();
    let length = length + end.len() as u64;
    let (engine, content) = (engine.clone(), sent.content);
    let whole = if engine.contents.is_small(sent.size_bytes) { Some(small(&engine, sent).await?) } else { None };
    let bodies = stream::iter(heads.into_iter().zip(parts)).flat_map(move |(head, part)| {
        let bytes = match &whole {
            Some(whole) => stream::iter([Ok(slice(whole, &part))]).boxed(),
            None => engine.contents.read(content, part),
        };
        stream::iter([Ok(head)]).chain(bytes)
    });
    let kind = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}"));
    answer.headers_mut().insert(CONTENT_TYPE, kind.expect("the boundary is header text"));
    let body = begun(bodies.chain(stream::iter([Ok(end)])).boxed()).await?;
    Ok(answer.set_body(SizedStream::new(length, body)).map_into_boxed_body())
}

async fn small(engine: &Engine, sent: &Sent<'_>) -> Result<Bytes, ReadError> {
    match engine.contents.in_memory(&sent.content) {
        Some(bytes) => Ok(bytes),
        None => engine.contents.whole(sent.content, sent.size_bytes).await,
    }
}

/// The part of a content that is in memory. Its size was checked when it was read, and the part lies within it.
fn slice(whole: &Bytes, part: &Range<u64>) -> Bytes {
    whole.slice(part.start as usize..part.end as usize)
}

/// A stream of which the first bytes have been read, so that what is missing altogether becomes an error and not an
/// answer that breaks off.
async fn begun(mut body: ContentStream) -> Result<ContentStream, ReadError> {
    let mut first = Vec::with_capacity(2);
    // The head of a part is always there; what follows it tells.
    while first.len() < 2
        && let Some(bytes) = body.try_next().await?
    {
        first.push(Ok(bytes));
    }
    let rest = body.inspect_err(|error| tracing::error!(%error, "an answer broke off: a content can't be read"));
    Ok(stream::iter(first).chain(rest).boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_kept_in_every_language() {
        let header = attachment("größe \"1\" 100%.svg");
        let text =
            "attachment; filename=\"gr__e _1_ 100_.svg\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22%20100%25.svg";
        assert_eq!(header, text);
        assert_eq!(attachment("a\r\nX: y").to_str().unwrap().lines().count(), 1);
    }

    #[test]
    fn what_a_browser_could_run_is_sandboxed() {
        for runs in ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/rss+xml", "application/pdf"]
        {
            assert!(may_run(runs), "{runs}");
        }
        for harmless in ["image/png", "text/plain", "", "video/mp4", "text/css"] {
            assert!(!may_run(harmless), "{harmless}");
        }
    }

    #[test]
    fn a_type_that_is_no_header_text_is_sent_as_bytes() {
        assert_eq!(media_type("a\nb"), "application/octet-stream");
    }

    #[test]
    fn the_tag_is_the_content_in_quotes() {
        let content = ContentId::of(b"x");
        assert_eq!(tag(content), *format!("\"{content}\"").as_bytes());
    }
}
