//! What a content is: its media type and, for pictures, its size in pixels. Only the first bytes are looked at, with
//! bounded effort; a picture that lies in its header costs nothing here, because nothing is decoded.

use std::io::Cursor;

/// Facts of a content that a version keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub media_type: String,
    /// Width and height in pixels.
    pub dimensions: Option<(u32, u32)>,
}

const UNKNOWN: &str = "application/octet-stream";
/// The longest media type that is believed.
const DECLARED_BYTES_MAX: usize = 128;

/// Finds the facts out: by magic numbers first, then by the file's name, then by what the sender said.
pub(crate) fn facts(path: &str, declared: Option<&str>, head: &[u8]) -> Facts {
    let sniffed = infer::get(head).map(|kind| kind.mime_type()).filter(|sniffed| !is_container(sniffed));
    let guessed = || mime_guess::from_path(path).first_raw();
    let declared = declared.filter(|declared| is_media_type(declared));
    let media_type = sniffed.or_else(guessed).or(declared).unwrap_or(UNKNOWN);
    let dimensions = media_type.starts_with("image/").then(|| dimensions(head)).flatten();
    Facts { media_type: media_type.to_ascii_lowercase(), dimensions }
}

/// Types that only say how something is wrapped: the file's name knows more.
fn is_container(sniffed: &str) -> bool {
    matches!(sniffed, "application/zip" | "application/gzip" | "text/xml" | "text/html" | "application/xml")
}

fn is_media_type(text: &str) -> bool {
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    text.len() <= DECLARED_BYTES_MAX && text.split_once('/').is_some_and(|(kind, name)| token(kind) && token(name))
}

fn dimensions(head: &[u8]) -> Option<(u32, u32)> {
    image::ImageReader::new(Cursor::new(head)).with_guessed_format().ok()?.into_dimensions().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::RgbImage::new(8, 6).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn bytes_count_more_than_names_and_names_more_than_claims() {
        assert_eq!(facts("a.txt", Some("text/plain"), &png()).media_type, "image/png");
        assert_eq!(facts("a.svg", Some("text/plain"), b"<svg/>").media_type, "image/svg+xml");
        assert_eq!(facts("a", Some("Font/X-Own"), b"?").media_type, "font/x-own");
        assert_eq!(
            facts("a.docx", None, b"PK\x03\x04zip").media_type,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        );
        for bad in ["", "image", "image/", "a b/c", "text/html; charset=x\r\n", &"a/".repeat(99)] {
            assert_eq!(facts("a", Some(bad), b"?").media_type, UNKNOWN, "{bad}");
        }
    }

    #[test]
    fn pictures_tell_their_size_and_broken_ones_nothing() {
        assert_eq!(facts("a.png", None, &png()).dimensions, Some((8, 6)));
        assert_eq!(facts("a.png", None, &png()[..20]).dimensions, None);
        assert_eq!(facts("a.svg", None, b"<svg/>").dimensions, None);
    }
}
