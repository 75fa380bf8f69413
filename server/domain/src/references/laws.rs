//! What holds of references, whatever the bytes are.

use proptest::prelude::*;

use super::{Format, Site, find, resolve};

const MOST: usize = 1_000;

/// What is found, as it is written.
pub(super) fn found(format: Format, text: &str) -> Vec<String> {
    find(format, text.as_bytes(), MOST).into_iter().map(|found| found.written).collect()
}

/// What is found and is a reference for sure.
pub(super) fn certain(format: Format, text: &str) -> Vec<String> {
    let found = find(format, text.as_bytes(), MOST).into_iter();
    found.filter(|found| !found.is_possible).map(|found| found.written).collect()
}

/// Pieces of which hostile documents are made.
const PIECES: &[&str] = &[
    "<img src=",
    "\"",
    "'",
    ">",
    "<",
    "</style>",
    "<style>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "url(",
    ")",
    "(",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\\",
    "/",
    "../",
    "a.png",
    "%2e",
    "%",
    "@import ",
    "![",
    "](",
    "> ",
    "- ",
    "\n",
    "\t",
    "\0",
    "data:",
    "http://",
    "//",
    "é",
    "\u{feff}",
    "{\"u\":",
    "\"p\":",
    "srcset=\"",
    " 2x,",
    "&amp;",
    "&#x",
    "#",
    "?",
    "|",
    "<base href=",
    "<svg ",
    "/>",
    "<noscript>",
    "<script>",
    "<title>",
    "---\n",
];

fn document() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..200).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces.prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..2_000)]
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(&Format::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_are_too_strange(format in format(), bytes in document(), from in "[a-c]{1,3}(/[a-c]{1,3}){0,2}") {
        let project = "site".parse().unwrap();
        let site = Site { project: &project, origin: "https://a.example" };
        let all = find(format, &bytes, MOST);
        for found in &all {
            prop_assert!(!found.written.contains('\0') && !found.written.is_empty());
            let _ = resolve(site, &from, &found.base, &found.written); // whatever it is, it is a path or nothing
        }
        prop_assert_eq!(&find(format, &bytes, MOST), &all, "the same bytes say the same");
        let some = find(format, &bytes, 3);
        prop_assert!(some.len() <= 3);
    }

    #[test]
    fn bytes_that_break_off_are_read_as_far_as_they_go(format in format(), bytes in document(), at in any::<prop::sample::Index>()) {
        find(format, &bytes[..at.index(bytes.len() + 1)], MOST);
    }

    #[test]
    fn a_reference_from_a_folder_leads_where_its_author_meant(
        folder in prop::collection::vec("[a-z]{1,4}", 0..4), target in prop::collection::vec("[a-zé %]{1,5}", 1..4),
    ) {
        let target = target.join("/") + ".svg";
        prop_assume!(target.parse::<crate::path::AssetPath>().is_ok());
        let from = folder.iter().map(|name| format!("{name}/")).collect::<String>() + "page.html";
        let escaped = percent_encoding::utf8_percent_encode(&target, percent_encoding::NON_ALPHANUMERIC).to_string();
        let escaped = escaped.replace("%2F", "/");
        let project = "site".parse().unwrap();
        let site = Site { project: &project, origin: "" };
        let up = "../".repeat(folder.len());
        for written in [format!("{up}{escaped}"), format!("/{escaped}"), format!("/e/site/production/{escaped}")] {
            prop_assert_eq!(resolve(site, &from, "", &written).map(String::from), Some(target.clone()));
        }
    }
}

#[test]
fn only_what_may_hold_references_is_read() {
    for (media_type, format) in [
        ("image/svg+xml", Some(Format::Svg)),
        ("text/html; charset=utf-8", Some(Format::Html)),
        ("text/css", Some(Format::Css)),
        ("text/markdown", Some(Format::Markdown)),
        ("application/manifest+json", Some(Format::Json)),
        ("model/gltf+json", Some(Format::Json)),
        ("text/plain", None),
        ("image/png", None),
        ("application/pdf", None),
    ] {
        assert_eq!(Format::of(media_type), format, "{media_type}");
    }
    assert!(Format::ALL.into_iter().all(|format| Format::parse(format.as_str()) == Some(format)));
}

#[test]
fn documents_without_end_end() {
    for format in Format::ALL {
        for piece in PIECES {
            let text = piece.repeat(200_000 / piece.len());
            assert!(find(format, text.as_bytes(), MOST).len() <= MOST, "{format} {piece:?}");
        }
    }
}
