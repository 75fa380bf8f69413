//! Names that people give (projects, environments, parameters) and numbers that the catalog allocates
//! (`R-12`, `R-12.3`, `W-7`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a name or number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("{text:?} is not a name for {what}: use 1 to 63 of a-z, 0-9 and -, starting with a letter or digit")]
    Slug { what: &'static str, text: String },
    #[error("{0:?} is not a parameter name: use 1 to 200 of A-Z, a-z, 0-9, ., _ and -")]
    Parameter(String),
    #[error("{0:?} is not a release: write it as R-12")]
    Release(String),
    #[error("{0:?} is not a build: write it as R-12.3")]
    Build(String),
    #[error("{0:?} is not a work item: write it as W-7")]
    WorkItem(String),
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn is_slug(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn number(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || text.starts_with('0') {
        return None;
    }
    text.parse().ok()
}

macro_rules! parsed_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $is_valid:expr, $invalid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if $is_valid(text) { Ok(Self(text.to_owned())) } else { Err($invalid(shown(text))) }
            }
        }

        parsed_text!($name);
    };
}

named! {
    /// The name of a project, as it stands in addresses.
    ProjectName, is_slug, |text| InvalidName::Slug { what: "a project", text }
}
named! {
    /// The name of an environment within its project.
    EnvironmentName, is_slug, |text| InvalidName::Slug { what: "an environment", text }
}
named! {
    /// The name of a person, as it is mentioned: `@anna` without the `@`.
    UserName, is_slug, |text| InvalidName::Slug { what: "a person", text }
}
named! {
    /// The name of a saved search within its project.
    SearchName, is_slug, |text| InvalidName::Slug { what: "a saved search", text }
}
named! {
    /// The name of a released parameter.
    ParameterName,
    |text: &str| (1..=200).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')),
    InvalidName::Parameter
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $invalid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Takes a number that the catalog allocated, counted from 1.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number without its prefix.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let digits = text.strip_prefix($prefix).and_then(number);
                digits.map(Self).ok_or_else(|| $invalid(shown(text)))
            }
        }

        parsed_text!($name);
    };
}

numbered! {
    /// A release's number within its project, `R-12`.
    ReleaseNumber, "R-", InvalidName::Release
}
numbered! {
    /// A work item's number within its project, `W-7`.
    WorkItemNumber, "W-", InvalidName::WorkItem
}

/// A build's name within its project: its release and its number within that release, `R-12.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildName {
    /// The release that was built.
    pub release: ReleaseNumber,
    /// The build's number within the release, counted from 1.
    pub number: i64,
}

impl fmt::Display for BuildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.release, self.number)
    }
}

impl FromStr for BuildName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let parts = text.split_once('.').and_then(|(release, build)| Some((release.parse().ok()?, number(build)?)));
        let (release, number) = parts.ok_or_else(|| InvalidName::Build(shown(text)))?;
        Ok(Self { release, number })
    }
}

parsed_text!(BuildName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        assert_eq!("R-12".parse(), Ok(ReleaseNumber::new(12)));
        assert_eq!("W-7".parse::<WorkItemNumber>().unwrap().to_string(), "W-7");
        let build = BuildName { release: ReleaseNumber::new(12), number: 3 };
        assert_eq!("R-12.3".parse(), Ok(build));
        assert_eq!(build.to_string(), "R-12.3");
        for text in ["", "R-", "R-0", "R-01", "r-1", "R-1.0", "R-1.", "R--1", "R-+1", "R-99999999999999999999", "R-１"]
        {
            assert!(text.parse::<ReleaseNumber>().is_err() && text.parse::<BuildName>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_fit_addresses() {
        assert!("site-2".parse::<ProjectName>().is_ok());
        for text in ["", "-a", "A", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(text.parse::<ProjectName>().is_err(), "{text}");
        }
    }
}
