//! The rules of a policy that have a shape of their own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ask::Class;
use crate::access::Role;
use crate::name::EnvironmentName;
use crate::path::FolderPath;
use crate::pin::Pin;
use crate::release::ReleaseKind;

/// So many people of a role have to say yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// How many.
    pub count: u32,
    /// People of this role or a higher one.
    pub role: Role,
    /// Whether those don't count who made a version that the build changes, or made the release.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclude_author: bool,
    /// Whether the one doesn't count who made the build.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclude_builder: bool,
    /// Only where the build changes something in these folders; empty: always.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<FolderPath>,
    /// The classes that it binds.
    #[serde(default = "promotions", skip_serializing_if = "is_promotions")]
    pub classes: BTreeSet<Class>,
}

fn promotions() -> BTreeSet<Class> {
    [Class::Regular, Class::Hotfix].into()
}

fn is_promotions(classes: &BTreeSet<Class>) -> bool {
    *classes == promotions()
}

pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Which assets a rule is about: those of these media types in these folders. What is empty excludes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Media types, such as `image/png` or `image/*`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub types: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<FolderPath>,
}

impl Selector {
    /// Whether an asset at a path is one of those.
    pub fn selects(&self, path: &str, pin: &Pin) -> bool {
        (self.types.is_empty() || self.types.iter().any(|pattern| is_type(&pin.media_type, pattern)))
            && (self.paths.is_empty() || is_below_one(path, &self.paths))
    }
}

/// Whether a key of a manifest is a path in one of the folders.
pub(super) fn is_below_one(key: &str, folders: &BTreeSet<FolderPath>) -> bool {
    folders.iter().any(|folder| {
        let (first, end) = folder.range();
        key >= first.as_str() && end.is_none_or(|end| key < end.as_str())
    })
}

/// Whether a media type fits a pattern; parameters of the type don't matter.
pub(super) fn is_type(media_type: &str, pattern: &str) -> bool {
    let plain = media_type.split(';').next().unwrap_or_default().trim();
    match pattern.strip_suffix("/*") {
        Some(major) => plain.split_once('/').is_some_and(|(found, _)| found.eq_ignore_ascii_case(major)),
        None => pattern == "*" || plain.eq_ignore_ascii_case(pattern),
    }
}

/// What has to be said about assets of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataRule {
    #[serde(default)]
    pub of: Selector,
    /// `title`, `alt_text` (the empty one counts: it says that the picture is decorative), `description`, `tags`,
    /// `rights_holder`, `licence`, `expires_on`, or `fields.NAME`.
    pub fields: BTreeSet<String>,
}

/// What assets may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentRule {
    #[serde(default)]
    pub of: Selector,
    /// The media types that are allowed; empty: any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub types: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes_max: Option<u64>,
}

/// A check that an outside system reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideRule {
    pub name: String,
    /// How old the report may be; absent: as old as the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_minutes_max: Option<u32>,
}

/// What has proved itself in another environment is promoted by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutomaticRule {
    /// The environment that serves it first.
    pub from: EnvironmentName,
    /// How long it has to be served there without a break.
    pub soak_minutes: u32,
    /// Only releases of this kind; absent: of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ReleaseKind>,
}
