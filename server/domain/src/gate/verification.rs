//! What is looked at after a promotion.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::OutsideRule;

/// What follows when a verification fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// People are told.
    #[default]
    Report,
    /// The environment goes back to what it served before, and people are told.
    RollBack,
}

/// What is verified after a promotion into an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationRule {
    /// Whether every changed content is read back from the store and hashed.
    #[serde(default = "yes")]
    pub read_back: bool,
    /// Addresses to fetch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<AddressRule>,
    /// Outside checks that have to pass on the build after the promotion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<OutsideRule>,
    /// How long outside checks may take to report and addresses to become right, in minutes.
    #[serde(default = "minutes")]
    pub within_minutes: u32,
    #[serde(default)]
    pub on_failure: OnFailure,
}

const fn yes() -> bool {
    true
}

const fn minutes() -> u32 {
    10
}

/// An address, and what it has to answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRule {
    /// An http or https address, or a path of this service such as `/e/site/production/index.html`.
    pub url: String,
    /// The status; 200 when absent.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers with the values that they must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// BLAKE3 of the body, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_blake3: Option<String>,
    /// Values that the body must have as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<JsonRule>,
}

const fn ok() -> u16 {
    200
}

/// A JSONPath (RFC 9535) and the value that must be found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonRule {
    pub path: String,
    pub equals: serde_json::Value,
}
