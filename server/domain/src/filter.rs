//! Filters over assets: what a saved search looks for. All that a filter says must hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metadata::Metadata;
use crate::path::FolderPath;
use crate::time::Timestamp;

/// The longest pattern or name, in bytes.
const TEXT_BYTES_MAX: usize = 200;
/// The most tags that a filter asks for.
const TAGS_MAX: usize = 20;

/// A text in which `*` stands for any characters, none included. Letters match in either case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a filter is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    #[error("{0:?} is no pattern; give 1 to {TEXT_BYTES_MAX} bytes without control characters, * for anything")]
    Pattern(String),
    #[error("the filter asks for {0} tags; ask for at most {TAGS_MAX}")]
    Tags(usize),
    #[error("{0:?} is neither a tag nor a name; give 1 to {TEXT_BYTES_MAX} bytes without control characters")]
    Text(String),
}

fn is_fit(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Pattern {
    /// Whether the whole text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (folded(&self.0), folded(text));
        let (mut p, mut t) = (0, 0);
        // Where the last star stood, and up to where the text has been given to it.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            if p < pattern.len() && pattern[p] == '*' {
                star = Some((p, t));
                p += 1;
            } else if p < pattern.len() && pattern[p] == text[t] {
                (p, t) = (p + 1, t + 1);
            } else if let Some((at, given)) = star {
                star = Some((at, given + 1));
                (p, t) = (at + 1, given + 1);
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|&c| c == '*')
    }
}

fn folded(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

impl FromStr for Pattern {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        if is_fit(text) { Ok(Self(text.to_owned())) } else { Err(InvalidFilter::Pattern(shown(text))) }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which assets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetFilter {
    /// Below this folder, at whatever depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<FolderPath>,
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<Pattern>,
    /// All of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The latest version was made at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_since: Option<Timestamp>,
    /// Who made the latest version: a person's name, or what a person or token is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

impl AssetFilter {
    /// Checks the limits.
    ///
    /// # Errors
    /// The first limit that does not hold.
    pub fn checked(self) -> Result<Self, InvalidFilter> {
        if self.tags.len() > TAGS_MAX {
            return Err(InvalidFilter::Tags(self.tags.len()));
        }
        match self.tags.iter().chain(&self.made_by).find(|text| !is_fit(text)) {
            Some(text) => Err(InvalidFilter::Text(shown(text))),
            None => Ok(self),
        }
    }

    /// Whether an asset's latest version is as the filter says, as far as that follows from these facts. The folder, the
    /// time and the maker are the database's to compare.
    pub fn fits(&self, path: &str, media_type: &str, metadata: &Metadata) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.name.as_ref().is_none_or(|pattern| pattern.matches(name))
            && self.media_type.as_ref().is_none_or(|pattern| pattern.matches(media_type))
            && self.tags.iter().all(|tag| metadata.tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(text)
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in
            [("*", ""), ("*.svg", "a.svg"), ("logo*", "LOGO-2.png"), ("a*b*c", "aXbYbZc"), ("ä*", "Äb")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("*.svg", "a.svgz"), ("a*b", "ba"), ("image/*", "video/mp4")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        for text in ["", "a\0", "a\nb", &"x".repeat(201)] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
    }

    /// What a pattern means, said as simply as can be.
    fn means(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| means(rest, &text[at..])),
            Some((first, rest)) => text.split_first().is_some_and(|(c, text)| c == first && means(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_it_means(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &text), means(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn all_that_a_filter_says_must_hold() {
        let metadata = Metadata { tags: vec!["spring".into(), "web".into()], ..Metadata::default() };
        let fits = |json: &str| {
            serde_json::from_str::<AssetFilter>(json).unwrap().checked().unwrap().fits(
                "img/logo.svg",
                "image/svg+xml",
                &metadata,
            )
        };
        assert!(fits("{}") && fits(r#"{"name":"*.svg","media_type":"image/*","tags":["web","spring"]}"#));
        assert!(!fits(r#"{"tags":["web","print"]}"#) && !fits(r#"{"name":"img*"}"#));
        let many = AssetFilter { tags: vec!["a".into(); 21], ..AssetFilter::default() };
        assert_eq!(many.checked(), Err(InvalidFilter::Tags(21)));
    }
}
