//! What a manifest says about a key: the pin of an asset, a parameter, or an access rule.
//!
//! All three live in one sorted map from key to entry, so that sharing, lookup and comparison are written once.
//! The key of a pin is its path. The first path segment `-` is reserved, so parameters live below `-/parameters/`
//! and access rules below `-/access/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::ContentId;
use crate::metadata::Metadata;
use crate::name::{EnvironmentName, ParameterName};
use crate::path::{AssetPath, FolderPath};
use crate::time::Timestamp;

const PARAMETERS: &str = "-/parameters/";
const ACCESS: &str = "-/access/";

/// The identity of an asset: a UUID version 7, so that ids sort by time of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AssetId(pub [u8; 16]);

/// One version of an asset as a build serves it. It carries all that delivery needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    pub asset: AssetId,
    /// The version's number, counted from 1.
    pub version: i64,
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
    /// Width and height in pixels, for pictures whose header tells them.
    pub dimensions: Option<(u32, u32)>,
    /// When the version was made.
    pub modified_at: Timestamp,
    pub metadata: Metadata,
}

/// A released configuration value, optionally different by environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The value where no environment's own is given.
    pub value: String,
    /// Values for named environments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_environment: BTreeMap<EnvironmentName, String>,
}

impl Parameter {
    /// The value that the environment gets.
    pub fn value_in(&self, environment: &EnvironmentName) -> &str {
        self.by_environment.get(environment).unwrap_or(&self.value)
    }
}

/// Who may fetch what lies below a path prefix without credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Anyone.
    Public,
    /// Only who may read the project.
    Private,
}

/// What a manifest maps a key to.
#[expect(clippy::large_enum_variant, reason = "nearly every entry is a pin")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Pin(Pin),
    Parameter(Parameter),
    Access(Visibility),
}

/// A key of a manifest, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Path(AssetPath),
    Parameter(ParameterName),
    /// The folder that an access rule covers.
    Access(FolderPath),
}

impl Key {
    /// The text by which manifests sort.
    pub fn to_text(&self) -> String {
        match self {
            Self::Path(path) => path.as_str().to_owned(),
            Self::Parameter(name) => format!("{PARAMETERS}{name}"),
            Self::Access(folder) => format!("{ACCESS}{folder}"),
        }
    }

    /// Reads what `to_text` writes; `None` for a text that is no key.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix(PARAMETERS) {
            return name.parse().ok().map(Self::Parameter);
        }
        if let Some(folder) = text.strip_prefix(ACCESS) {
            return folder.parse().ok().map(Self::Access);
        }
        text.parse().ok().map(Self::Path)
    }
}

/// The range of keys that are parameters: first, and the smallest text after the last.
pub const fn parameter_keys() -> (&'static str, &'static str) {
    (PARAMETERS, "-/parameters0")
}

/// The range of keys that are access rules: first, and the smallest text after the last.
pub const fn access_keys() -> (&'static str, &'static str) {
    (ACCESS, "-/access0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written_and_never_collide() {
        for key in [
            Key::Path("img/a.png".parse().unwrap()),
            Key::Parameter("theme.colour".parse().unwrap()),
            Key::Access("internal".parse().unwrap()),
            Key::Access(FolderPath::root()),
        ] {
            assert_eq!(Key::parse(&key.to_text()), Some(key));
        }
        assert_eq!(Key::parse("-/other"), None);
    }
}
