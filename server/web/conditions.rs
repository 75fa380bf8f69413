//! Conditional requests (RFC 9110, section 13): whether an answer is sent, and whether it may be a part.

use std::str::FromStr as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::Method;
use actix_web::http::header::{
    HeaderMap, HeaderName, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proceed,
    /// The client has it already.
    NotModified,
    /// The client wants it only as it was.
    Failed,
}

/// What conditions are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// A strong entity tag, with its quotes.
    pub tag: &'a [u8],
    /// In seconds since 1970.
    pub modified_at_seconds: Option<i64>,
}

/// Evaluates the conditions in the order that the standard gives.
pub fn verdict(method: &Method, headers: &HeaderMap, validators: Validators<'_>) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if !has_tag(headers, &IF_MATCH, validators.tag, false) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, &IF_UNMODIFIED_SINCE), validators.modified_at_seconds)
        && modified > since
    {
        return Verdict::Failed;
    }
    let reads = method == Method::GET || method == Method::HEAD;
    if headers.contains_key(IF_NONE_MATCH) {
        return match has_tag(headers, &IF_NONE_MATCH, validators.tag, true) {
            true if reads => Verdict::NotModified,
            true => Verdict::Failed,
            false => Verdict::Proceed,
        };
    }
    match (date(headers, &IF_MODIFIED_SINCE), validators.modified_at_seconds) {
        (Some(since), Some(modified)) if reads && modified <= since => Verdict::NotModified,
        _ => Verdict::Proceed,
    }
}

/// Whether a `Range` header counts: without `If-Range`, or when that names this very content. A date does so only when
/// it is the exact one and old enough that nothing else can bear it.
pub fn range_applies(headers: &HeaderMap, validators: Validators<'_>, now_seconds: i64) -> bool {
    let Some(condition) = headers.get(IF_RANGE) else { return true };
    if condition.as_bytes() == validators.tag {
        return true;
    }
    let modified = validators.modified_at_seconds.filter(|modified| now_seconds > *modified + 1);
    modified.is_some() && date(headers, &IF_RANGE) == modified
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let date = HttpDate::from_str(headers.get(name)?.to_str().ok()?).ok()?;
    match SystemTime::from(date).duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).ok(),
        Err(_) => None, // no version is older than that
    }
}

/// An instant as an HTTP date; those that such a date can't hold end at its limits.
pub fn http_date(seconds: i64) -> HttpDate {
    const YEAR_9999_END: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).unwrap_or(0).min(YEAR_9999_END);
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Whether a list of entity tags has this one or is `*`.
fn has_tag(headers: &HeaderMap, name: &HeaderName, tag: &[u8], weak_too: bool) -> bool {
    headers.get_all(name).any(|value| {
        let list = value.as_bytes().trim_ascii();
        list == b"*" || list == tag || lists_tag(list, tag, weak_too)
    })
}

fn lists_tag(mut list: &[u8], tag: &[u8], weak_too: bool) -> bool {
    loop {
        while let [b' ' | b'\t' | b',', rest @ ..] = list {
            list = rest;
        }
        let (is_weak, quoted) = match list {
            [b'W', b'/', rest @ ..] => (true, rest),
            other => (false, other),
        };
        let [b'"', inner @ ..] = quoted else { return false };
        let Some(end) = inner.iter().position(|&byte| byte == b'"') else { return false };
        let (found, rest) = quoted.split_at(end + 2);
        if found == tag && (weak_too || !is_weak) {
            return true;
        }
        list = rest;
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const NOON: &str = "Sun, 01 Mar 2026 12:00:00 GMT";
    const NOON_SECONDS: i64 = 1_772_366_400;
    const THIS: Validators<'_> = Validators { tag: b"\"a\"", modified_at_seconds: Some(NOON_SECONDS) };

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn of(pairs: &[(HeaderName, &str)]) -> Verdict {
        verdict(&Method::GET, &headers(pairs), THIS)
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        for tags in ["\"a\"", "W/\"a\"", "*", "\"b\", \"a\"", "\"b,\" , W/\"c\",,\"a\""] {
            assert_eq!(of(&[(IF_NONE_MATCH, tags)]), Verdict::NotModified, "{tags}");
        }
        for tags in ["\"b\"", "a", "\"\"", "\"a", "", "\"b\" \"c\""] {
            assert_eq!(of(&[(IF_NONE_MATCH, tags)]), Verdict::Proceed, "{tags}");
        }
        assert_eq!(verdict(&Method::PUT, &headers(&[(IF_NONE_MATCH, "*")]), THIS), Verdict::Failed);
    }

    #[test]
    fn a_date_counts_only_without_tags() {
        assert_eq!(of(&[(IF_MODIFIED_SINCE, NOON)]), Verdict::NotModified);
        assert_eq!(of(&[(IF_MODIFIED_SINCE, "Sun, 01 Mar 2026 11:59:59 GMT")]), Verdict::Proceed);
        assert_eq!(of(&[(IF_MODIFIED_SINCE, "yesterday")]), Verdict::Proceed);
        assert_eq!(of(&[(IF_MODIFIED_SINCE, NOON), (IF_NONE_MATCH, "\"b\"")]), Verdict::Proceed);
    }

    #[test]
    fn a_client_that_wants_it_as_it_was_gets_nothing_else() {
        assert_eq!(of(&[(IF_MATCH, "\"a\"")]), Verdict::Proceed);
        assert_eq!(of(&[(IF_MATCH, "*")]), Verdict::Proceed);
        for tags in ["W/\"a\"", "\"b\"", "a"] {
            assert_eq!(of(&[(IF_MATCH, tags)]), Verdict::Failed, "{tags}");
        }
        assert_eq!(of(&[(IF_UNMODIFIED_SINCE, NOON)]), Verdict::Proceed);
        assert_eq!(of(&[(IF_UNMODIFIED_SINCE, "Sun, 01 Mar 2026 11:59:59 GMT")]), Verdict::Failed);
    }

    #[test]
    fn a_range_of_something_else_is_not_served() {
        let applies = |value: &str, now| range_applies(&headers(&[(IF_RANGE, value)]), THIS, now);
        assert!(range_applies(&headers(&[]), THIS, 0));
        assert!(applies("\"a\"", NOON_SECONDS));
        assert!(!applies("W/\"a\"", NOON_SECONDS) && !applies("\"b\"", NOON_SECONDS));
        assert!(applies(NOON, NOON_SECONDS + 2));
        assert!(!applies(NOON, NOON_SECONDS + 1), "another version may have come in the same second");
        assert!(!applies("Sun, 01 Mar 2026 12:00:01 GMT", NOON_SECONDS + 9));
    }

    #[test]
    fn dates_that_http_cannot_write_end_at_its_limits() {
        assert_eq!(http_date(NOON_SECONDS).to_string(), NOON);
        assert_eq!(http_date(-1).to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(i64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
