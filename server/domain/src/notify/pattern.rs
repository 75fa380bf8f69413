//! Patterns of event kinds: one kind, all of a noun, or everything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest pattern, in bytes.
const BYTES_MAX: usize = 100;

/// Which kinds of events: `release.created`, `release.*` or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventPattern {
    Everything,
    /// Every kind of this noun.
    Noun(String),
    Kind(String),
}

/// A text that is no pattern of event kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of event: write one such as release.created, a noun such as release.*, or * for all")]
pub struct InvalidPattern(pub String);

impl EventPattern {
    /// Whether events of this kind are meant.
    pub fn matches(&self, kind: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Noun(noun) => kind.split_once('.').is_some_and(|(start, _)| start == noun),
            Self::Kind(own) => own == kind,
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::Noun(noun) => write!(f, "{noun}.*"),
            Self::Kind(kind) => f.write_str(kind),
        }
    }
}

impl FromStr for EventPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if text == "*" {
            return Ok(Self::Everything);
        }
        match text.split_once('.').filter(|_| text.len() <= BYTES_MAX) {
            Some((noun, "*")) if is_word(noun) => Ok(Self::Noun(noun.to_owned())),
            Some((noun, verb)) if is_word(noun) && is_word(verb) => Ok(Self::Kind(text.to_owned())),
            _ => Err(InvalidPattern(text.chars().take(80).collect())),
        }
    }
}

impl Serialize for EventPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> EventPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_means_one_kind_all_of_a_noun_or_everything() {
        assert!(pattern("release.created").matches("release.created"));
        assert!(!pattern("release.created").matches("release.created_again"));
        assert!(pattern("release.*").matches("release.created") && !pattern("release.*").matches("releases.created"));
        assert!(pattern("*").matches("work_item.created"));
    }

    #[test]
    fn a_pattern_is_read_as_it_is_written_and_nothing_else_is_one() {
        for text in ["*", "release.*", "work_item.created"] {
            assert_eq!(pattern(text).to_string(), text);
        }
        for text in ["", ".", "release", "release.", ".*", "*.*", "Release.x", "a.b.c", "a.b\n", "**", &"a".repeat(200)]
        {
            assert!(text.parse::<EventPattern>().is_err(), "{text:?}");
        }
    }
}
