//! What of an answer depends on the content alone: its name as entity tag, its type, and what keeps a browser from
//! running it with this site's authority. Made once and sent many times.

use actix_web::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use shelfmark_domain::hash::ContentId;

/// What a browser could run is shown without scripts, forms and this site's origin.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self' data:; font-src 'self' data:; \
     style-src 'self' 'unsafe-inline'",
);
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// The longest name under which a content is offered to be saved, in characters.
const FILE_NAME_MAX: usize = 200;
/// Characters that turn the direction of writing, so that a name looks as if it ended otherwise.
const TURNING: [char; 11] = [
    '\u{200E}', '\u{200F}', '\u{202A}', '\u{202B}', '\u{202C}', '\u{202D}', '\u{202E}', '\u{2066}', '\u{2067}',
    '\u{2068}', '\u{2069}',
];
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

/// A content with a media type, and the headers that follow from them.
#[derive(Clone, Debug)]
pub struct Representation {
    pub content: ContentId,
    pub size_bytes: u64,
    /// The strong entity tag.
    pub tag: HeaderValue,
    pub content_type: HeaderValue,
    may_run: bool,
}

impl Representation {
    /// Prepares a content for being sent.
    pub fn new(content: ContentId, size_bytes: u64, media_type: &str) -> Self {
        Self {
            content,
            size_bytes,
            tag: HeaderValue::from_bytes(&tag(content)).expect("an entity tag consists of hex digits and quotes"),
            content_type: HeaderValue::from_str(media_type).unwrap_or(UNKNOWN_TYPE),
            may_run: may_run(media_type),
        }
    }

    /// Puts what a recipient of bytes must know.
    pub(super) fn put_headers(&self, headers: &mut HeaderMap, save_as: Option<&str>) {
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(ACCEPT_RANGES, BYTES);
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.may_run {
            headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
        }
        if let Some(file_name) = save_as {
            headers.insert(CONTENT_DISPOSITION, attachment(file_name));
        }
    }
}

/// The strong entity tag of a content, with its quotes.
pub fn tag(content: ContentId) -> [u8; 66] {
    let digits = blake3::Hash::from_bytes(*content.as_bytes()).to_hex();
    let mut tag = [b'"'; 66];
    tag[1..65].copy_from_slice(digits.as_bytes());
    tag
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
    let shown = |c: &char| !c.is_control() && !TURNING.contains(c);
    let file_name: String = file_name.chars().filter(shown).take(FILE_NAME_MAX).collect();
    let plain = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let ascii: String = file_name.chars().map(plain).collect();
    let exact = utf8_percent_encode(&file_name, ATTRIBUTE);
    let text = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{exact}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
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
        assert_eq!(
            attachment("a\r\nX: y\0").to_str().unwrap(),
            "attachment; filename=\"aX: y\"; filename*=UTF-8''aX%3A%20y"
        );
        assert_eq!(attachment("\u{202E}gpj.exe"), attachment("gpj.exe"));
        assert!(attachment(&"😀".repeat(1_000)).len() < 4_000);
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
        let content = ContentId::of(b"x");
        assert_eq!(Representation::new(content, 1, "a\nb").content_type, "application/octet-stream");
    }

    #[test]
    fn the_tag_is_the_content_in_quotes() {
        let content = ContentId::of(b"x");
        assert_eq!(tag(content), *format!("\"{content}\"").as_bytes());
    }
}
