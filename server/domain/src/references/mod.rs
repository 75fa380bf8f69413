//! References: what one asset's bytes say of others. Finding them is pure and depends on the bytes alone, so that equal
//! contents are read once; what a found reference means depends on where the asset is, and [`address`] says that.
//!
//! Whatever the bytes are, finding ends soon and never fails: what can't be read refers to nothing.

mod address;
mod css;
mod html;
mod json;
#[cfg(test)]
mod laws;
mod markdown;

use std::collections::HashMap;
use std::fmt;

pub use address::{Site, resolve};

/// Goes up whenever other references may be found in the same bytes; what was found by an earlier one is found anew.
pub const EXTRACTOR: i64 = 1;

/// The longest reference that is kept, in bytes: a path has at most 1,024, and each of them may be percent-encoded.
const REFERENCE_BYTES_MAX: usize = 3_072;

/// How bytes are read for references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    Svg,
    Html,
    Css,
    Markdown,
    Json,
}

impl Format {
    const ALL: [Self; 5] = [Self::Svg, Self::Html, Self::Css, Self::Markdown, Self::Json];

    /// The format of a media type; `None` for one in which no references are looked for.
    pub fn of(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim_ascii();
        match essence {
            "image/svg+xml" => Some(Self::Svg),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "text/css" => Some(Self::Css),
            "text/markdown" | "text/x-markdown" => Some(Self::Markdown),
            "application/json" | "text/json" => Some(Self::Json),
            other if other.ends_with("+json") => Some(Self::Json),
            _ => None,
        }
    }

    /// The format as the catalog writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Css => "css",
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reference as it stands in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As it is written there.
    pub written: String,
    /// The address that the document gives for its relative references; empty where it gives none.
    pub base: String,
    /// Whether it may be something else than a reference: it counts only where it leads to an asset.
    pub is_possible: bool,
}

/// Everything that the bytes refer to, in the order of its first place, each address once; at most `most` of them.
/// Bytes that break off are read as far as they go.
pub fn find(format: Format, bytes: &[u8], most: usize) -> Vec<Found> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut sink = Sink { most, ..Sink::default() };
    match format {
        Format::Svg => html::svg(text, &mut sink),
        Format::Html => html::html(text, &mut sink),
        Format::Css => css::sheet(text, &mut sink),
        Format::Markdown => markdown::document(text, &mut sink),
        Format::Json => json::document(text, &mut sink),
    }
    sink.finish()
}

/// Whether a reference is one for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    Certain,
    Possible,
}

/// Collects what is found.
#[derive(Debug, Default)]
struct Sink {
    most: usize,
    base: Option<String>,
    found: Vec<(String, Strength)>,
    places: HashMap<String, usize>,
}

impl Sink {
    /// Takes a reference, unless it leads elsewhere for sure.
    fn add(&mut self, written: &str, strength: Strength) {
        let written = written.trim_matches(|c: char| c.is_ascii_whitespace());
        if written.len() > REFERENCE_BYTES_MAX || written.contains('\0') || !address::may_be_here(written) {
            return;
        }
        match self.places.get(written) {
            Some(&at) if strength == Strength::Certain => self.found[at].1 = strength,
            Some(_) => {}
            None if self.found.len() >= self.most => {}
            None => {
                self.places.insert(written.to_owned(), self.found.len());
                self.found.push((written.to_owned(), strength));
            }
        }
    }

    /// A reference to follow by choice: without a file's ending it may as well be a page that no file stands for.
    fn add_link(&mut self, written: &str) {
        let strength = if address::names_a_file(written) { Strength::Certain } else { Strength::Possible };
        self.add(written, strength);
    }

    /// Takes the base of relative references; the first one holds.
    fn set_base(&mut self, base: &str) {
        if self.base.is_none() && base.len() <= REFERENCE_BYTES_MAX && !base.contains('\0') {
            self.base = Some(base.trim_matches(|c: char| c.is_ascii_whitespace()).to_owned());
        }
    }

    fn finish(self) -> Vec<Found> {
        let base = self.base.unwrap_or_default();
        let found = self.found.into_iter().map(|(written, strength)| Found {
            written,
            base: base.clone(),
            is_possible: strength == Strength::Possible,
        });
        found.filter(|found| address::may_be_here(&address::join(&found.base, &found.written))).collect()
    }
}
