//! Links to other systems, such as an issue tracker.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const BYTES_MAX: usize = 2_000;

/// An address that a browser can be sent to: `http` or `https`, and nothing that runs anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(String);

/// A text that is not such an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a link: write it as https://example.org/issues/7, with at most {BYTES_MAX} bytes")]
pub struct InvalidLink(String);

impl Link {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Link {
    type Err = InvalidLink;

    fn from_str(text: &str) -> Result<Self, InvalidLink> {
        let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let has_host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['));
        let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c));
        if has_host && is_plain && text.len() <= BYTES_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidLink(text.chars().take(80).collect()))
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page_and_runs_nothing() {
        for text in ["https://example.org/issues/7?a=b#c", "http://[::1]:8080/", "https://größe.example/ä"] {
            assert_eq!(text.parse::<Link>().unwrap().as_str(), text);
        }
        let long = format!("https://a/{}", "a".repeat(2_000));
        for text in [
            "",
            "javascript:alert(1)",
            "https://",
            "https:///a",
            "HTTPS://a",
            "http://a b",
            "http://a\n",
            "ftp://a",
            &long,
        ] {
            assert!(text.parse::<Link>().is_err(), "{text:?}");
        }
    }
}
