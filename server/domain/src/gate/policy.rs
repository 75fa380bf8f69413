//! Policies: what a project and its environments ask before anything is served. A policy is one versioned document.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::check::{CheckName, OUTSIDE_BYTES_MAX};
use super::rules::{ApprovalRule, AutomaticRule, ContentRule, MetadataRule, OutsideRule, Selector, is_false};
use super::verification::{OnFailure, VerificationRule};
use super::window::Window;

/// The most rules of one sort, and the most texts in one rule.
const RULES_MAX: usize = 200;
const APPROVALS_MAX: u32 = 100;
/// Ten years.
const MINUTES_MAX: u32 = 5_256_000;

/// What has to hold. What is absent asks for nothing; the empty policy lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Only what has been in the environment before, in the project's order.
    #[serde(skip_serializing_if = "is_false")]
    pub order: bool,
    /// How long it has to have been served there, in minutes.
    #[serde(skip_serializing_if = "is_zero")]
    pub soak_minutes: u32,
    /// Only builds that a release is frozen on.
    #[serde(skip_serializing_if = "is_false")]
    pub frozen: bool,
    /// Only releases whose target date is agreed, and not before it.
    #[serde(skip_serializing_if = "is_false")]
    pub agreed_date: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalRule>,
    /// Every work item of the release is authorised for exactly what it pins.
    #[serde(skip_serializing_if = "is_false")]
    pub work_items_authorised: bool,
    /// Every asset that the release changes answers one of its work items.
    #[serde(skip_serializing_if = "is_false")]
    pub work_items_for_changes: bool,
    /// Every work item has a test that passed on this build, and none whose last result failed.
    #[serde(skip_serializing_if = "is_false")]
    pub evidence: bool,
    /// Every reference that the build's assets make leads to an asset of the build.
    #[serde(skip_serializing_if = "is_false")]
    pub dependencies: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<MetadataRule>,
    /// For how many days from the promotion on rights must last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights_days: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<ContentRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<OutsideRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic: Option<AutomaticRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationRule>,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Why a policy is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    #[error("{what} has more than {RULES_MAX} entries; leave some out")]
    TooMany { what: &'static str },
    #[error("{what} is {found}; give at most {max}")]
    TooLarge { what: &'static str, found: u64, max: u64 },
    #[error("an approval rule asks for nobody; give a count of 1 or more")]
    Nobody,
    #[error(
        "{0:?} is not a field of metadata; write title, alt_text, description, tags, rights_holder, licence, expires_on or fields.NAME"
    )]
    Field(String),
    #[error("{0:?} is not a media type; write it as image/png or image/*")]
    Type(String),
    #[error("{0:?} is not a name of an outside check; give 1 to {OUTSIDE_BYTES_MAX} printable bytes")]
    Outside(String),
    #[error("two windows are called {0}; a refusal names the window, so each needs a name of its own")]
    TwoWindows(String),
    #[error("{0:?} is not an address to fetch; write http://, https:// or a path of this service that starts with /")]
    Address(String),
    #[error("{0:?} is not the BLAKE3 of a body; write 64 lower-case hex digits")]
    Blake3(String),
}

/// The fields of metadata that a rule can ask for by name.
const FIELDS: [&str; 7] = ["title", "alt_text", "description", "tags", "rights_holder", "licence", "expires_on"];

impl Policy {
    /// The policy, if every value in it can be meant.
    ///
    /// # Errors
    /// The first that can't.
    pub fn checked(self) -> Result<Self, InvalidPolicy> {
        self.check_counts()?;
        let minutes = [
            ("soak_minutes", self.soak_minutes),
            ("automatic.soak_minutes", self.automatic.as_ref().map_or(0, |rule| rule.soak_minutes)),
            ("verification.within_minutes", self.verification.as_ref().map_or(0, |rule| rule.within_minutes)),
            ("rights_days", self.rights_days.unwrap_or(0).saturating_mul(24 * 60)),
        ];
        for (what, found) in minutes {
            at_most(what, found.into(), MINUTES_MAX.into())?;
        }
        for rule in &self.approvals {
            at_most("the count of an approval rule", rule.count.into(), APPROVALS_MAX.into())?;
            if rule.count == 0 || rule.classes.is_empty() {
                return Err(InvalidPolicy::Nobody);
            }
        }
        self.check_texts()?;
        let mut names = BTreeSet::new();
        match self.windows.iter().find(|window| !names.insert(window.name())) {
            Some(twice) => Err(InvalidPolicy::TwoWindows(twice.name().to_owned())),
            None => Ok(self),
        }
    }

    fn check_counts(&self) -> Result<(), InvalidPolicy> {
        let verification = self.verification.as_ref();
        let counts = [
            ("approvals", self.approvals.len()),
            ("metadata", self.metadata.len()),
            ("contents", self.contents.len()),
            ("outside", self.outside.len()),
            ("windows", self.windows.len()),
            ("verification.addresses", verification.map_or(0, |rule| rule.addresses.len())),
            ("verification.outside", verification.map_or(0, |rule| rule.outside.len())),
            ("verification.addresses.json", verification.map_or(0, |v| v.addresses.iter().map(|a| a.json.len()).sum())),
            ("the paths of a rule", self.selectors().map(|of| of.paths.len()).max().unwrap_or(0)),
            ("the types of a rule", self.selectors().map(|of| of.types.len()).max().unwrap_or(0)),
            ("the fields of a rule", self.metadata.iter().map(|rule| rule.fields.len()).max().unwrap_or(0)),
        ];
        match counts.into_iter().find(|(_, count)| *count > RULES_MAX) {
            Some((what, _)) => Err(InvalidPolicy::TooMany { what }),
            None => Ok(()),
        }
    }

    fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.metadata.iter().map(|rule| &rule.of).chain(self.contents.iter().map(|rule| &rule.of))
    }

    fn check_texts(&self) -> Result<(), InvalidPolicy> {
        let shown = |text: &str| text.chars().take(80).collect::<String>();
        let is_field = |field: &&String| {
            FIELDS.contains(&field.as_str()) || field.strip_prefix("fields.").is_some_and(|name| !name.is_empty())
        };
        if let Some(field) = self.metadata.iter().flat_map(|rule| &rule.fields).find(|field| !is_field(field)) {
            return Err(InvalidPolicy::Field(shown(field)));
        }
        let types = self.selectors().flat_map(|of| &of.types).chain(self.contents.iter().flat_map(|rule| &rule.types));
        let is_type =
            |text: &&String| *text == "*" || text.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        if let Some(text) = types.into_iter().find(|text| !is_type(text)) {
            return Err(InvalidPolicy::Type(shown(text)));
        }
        let verified = self.verification.iter().flat_map(|rule| &rule.outside);
        for rule in self.outside.iter().chain(verified) {
            let name = format!("outside:{}", rule.name).parse::<CheckName>();
            name.map_err(|_| InvalidPolicy::Outside(shown(&rule.name)))?;
        }
        for address in self.verification.iter().flat_map(|rule| &rule.addresses) {
            let is_address = ["http://", "https://", "/"].iter().any(|start| address.url.starts_with(start));
            if !is_address || address.url.len() > 2_000 || address.url.chars().any(|c| c.is_control() || c == ' ') {
                return Err(InvalidPolicy::Address(shown(&address.url)));
            }
            let is_hash =
                |text: &&String| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if let Some(text) = address.body_blake3.as_ref().filter(|text| !is_hash(text)) {
                return Err(InvalidPolicy::Blake3(shown(text)));
            }
        }
        Ok(())
    }

    /// What holds where both policies do: the stricter of each pair. What this one says of automation wins.
    pub fn merged_with(mut self, other: Self) -> Self {
        self.order |= other.order;
        self.soak_minutes = self.soak_minutes.max(other.soak_minutes);
        self.frozen |= other.frozen;
        self.agreed_date |= other.agreed_date;
        self.approvals.extend(other.approvals);
        self.work_items_authorised |= other.work_items_authorised;
        self.work_items_for_changes |= other.work_items_for_changes;
        self.evidence |= other.evidence;
        self.dependencies |= other.dependencies;
        self.metadata.extend(other.metadata);
        self.rights_days = self.rights_days.max(other.rights_days);
        self.contents.extend(other.contents);
        self.outside = stricter(self.outside, other.outside);
        self.windows.extend(other.windows);
        self.automatic = self.automatic.or(other.automatic);
        self.verification = match (self.verification, other.verification) {
            (Some(own), Some(other)) => Some(both(own, other)),
            (own, other) => own.or(other),
        };
        self
    }

    /// Whether a check needs to know what a build would change in the environment.
    pub fn looks_at_changes(&self) -> bool {
        !self.metadata.is_empty()
            || !self.contents.is_empty()
            || self.rights_days.is_some()
            || self.work_items_for_changes
            || self.approvals.iter().any(|rule| rule.exclude_author || !rule.paths.is_empty())
    }
}

fn at_most(what: &'static str, found: u64, max: u64) -> Result<(), InvalidPolicy> {
    if found > max { Err(InvalidPolicy::TooLarge { what, found, max }) } else { Ok(()) }
}

/// Each outside check once, with the younger of two ages.
fn stricter(mut rules: Vec<OutsideRule>, others: Vec<OutsideRule>) -> Vec<OutsideRule> {
    for other in others {
        match rules.iter_mut().find(|rule| rule.name == other.name) {
            Some(rule) => {
                let ages = [rule.age_minutes_max, other.age_minutes_max];
                rule.age_minutes_max = ages.into_iter().flatten().min();
            }
            None => rules.push(other),
        }
    }
    rules
}

fn both(mut own: VerificationRule, other: VerificationRule) -> VerificationRule {
    own.read_back |= other.read_back;
    own.addresses.extend(other.addresses);
    own.outside = stricter(own.outside, other.outside);
    own.within_minutes = own.within_minutes.min(other.within_minutes);
    if other.on_failure == OnFailure::RollBack {
        own.on_failure = OnFailure::RollBack;
    }
    own
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(text: serde_json::Value) -> Policy {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn the_stricter_of_two_policies_holds() {
        let project = policy(json!({ "order": true, "soak_minutes": 60, "rights_days": 30,
            "outside": [{ "name": "ci", "age_minutes_max": 10 }, { "name": "lint" }] }));
        let production = policy(json!({ "soak_minutes": 5, "rights_days": 90, "outside": [{ "name": "ci" }],
            "verification": { "on_failure": "roll_back" } }));
        let merged = production.merged_with(project);
        assert!(merged.order);
        assert_eq!((merged.soak_minutes, merged.rights_days), (60, Some(90)));
        assert_eq!(merged.outside.len(), 2);
        assert_eq!(merged.outside[0].age_minutes_max, Some(10));
        assert!(merged.verification.unwrap().read_back);
    }

    #[test]
    fn a_policy_is_written_as_it_is_read() {
        let text = json!({ "order": true, "approvals": [{ "count": 2, "role": "release_manager", "exclude_author": true }],
            "metadata": [{ "of": { "types": ["image/*"], "paths": ["img"] }, "fields": ["alt_text", "fields.campaign"] }],
            "windows": [{ "name": "fair", "kind": "freeze", "classes": ["regular"], "starts": "2026-05-04T00:00:00",
                "lasts": "P3D", "zone": "Europe/Berlin" }] });
        let read = policy(text.clone()).checked().unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), text);
        assert_eq!(serde_json::to_value(Policy::default()).unwrap(), json!({}));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            json!({ "approvals": [{ "count": 0, "role": "editor" }] }),
            json!({ "metadata": [{ "fields": ["alt"] }] }),
            json!({ "contents": [{ "types": ["png"] }] }),
            json!({ "outside": [{ "name": "" }] }),
            json!({ "soak_minutes": 4_000_000_000_u32 }),
            json!({ "verification": { "addresses": [{ "url": "ftp://x" }] } }),
            json!({ "verification": { "addresses": [{ "url": "/e", "body_blake3": "AB" }] } }),
        ] {
            assert!(policy(text.clone()).checked().is_err(), "{text}");
        }
        assert!(serde_json::from_value::<Policy>(json!({ "soak": 5 })).is_err());
    }
}
