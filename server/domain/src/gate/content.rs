//! Rules about what a build changes: metadata, rights, types and sizes.

use super::check::{Check, CheckName};
use super::policy::Policy;
use super::rules::{ContentRule, MetadataRule, is_type};
use crate::manifest::Difference;
use crate::metadata::Metadata;
use crate::pin::{Entry, Pin};
use crate::time::Timestamp;

/// Paths that a sentence names.
const NAMED_MAX: usize = 5;

/// The pins that a build adds or changes.
fn pins(changes: &[Difference]) -> impl Iterator<Item = (&str, &Pin)> {
    changes.iter().filter_map(|difference| match &difference.after {
        Some(Entry::Pin(pin)) => Some((difference.key.as_str(), pin)),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
    })
}

/// The first few of a list, and how many more there are.
pub(super) fn named<T: ToString>(all: &[T]) -> String {
    let first: Vec<String> = all.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

/// What each of the content rules says; rules that aren't there say nothing.
pub(super) fn checks(policy: &Policy, changes: &[Difference], at: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    if !policy.metadata.is_empty() {
        checks.push(metadata(&policy.metadata, changes));
    }
    if let Some(days) = policy.rights_days {
        checks.push(rights(days, changes, at));
    }
    if !policy.contents.is_empty() {
        checks.push(contents(&policy.contents, changes));
    }
    checks
}

fn metadata(rules: &[MetadataRule], changes: &[Difference]) -> Check {
    let mut lacking = Vec::new();
    for (path, pin) in pins(changes) {
        let asked = rules.iter().filter(|rule| rule.of.selects(path, pin)).flat_map(|rule| &rule.fields);
        let missing: Vec<&str> = asked.map(String::as_str).filter(|field| !says(&pin.metadata, field)).collect();
        if !missing.is_empty() {
            lacking.push(format!("{path} ({})", missing.join(", ")));
        }
    }
    if lacking.is_empty() {
        return Check::pass(CheckName::Metadata, "what the policy asks for is said of every changed asset");
    }
    Check::fail(
        CheckName::Metadata,
        format!("metadata is missing at {}", named(&lacking)),
        "fill in the fields, take the new versions into the release, and build it again",
    )
}

fn says(metadata: &Metadata, field: &str) -> bool {
    let text = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    match field {
        "title" => text(&metadata.title),
        "alt_text" => metadata.alt_text.is_some(), // the empty one says that the picture is decorative
        "description" => text(&metadata.description),
        "tags" => !metadata.tags.is_empty(),
        "rights_holder" => text(&metadata.rights_holder),
        "licence" => text(&metadata.licence),
        "expires_on" => metadata.expires_on.is_some(),
        custom => {
            let value = custom.strip_prefix("fields.").and_then(|name| metadata.fields.get(name));
            value.is_some_and(|value| !value.trim().is_empty())
        }
    }
}

fn rights(days: u32, changes: &[Difference], at: Timestamp) -> Check {
    let last = at.plus_ms(i64::from(days) * 86_400_000);
    let last =
        jiff::Timestamp::from_microsecond(last.as_micros()).map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    let Ok(last) = last else { return Check::pass(CheckName::Rights, "the planned life is beyond all dates") };
    let ends = pins(changes).filter_map(|(path, pin)| Some((path, pin.metadata.expires_on?)));
    let early: Vec<String> =
        ends.filter(|(_, end)| *end < last).map(|(path, end)| format!("{path} (on {end})")).collect();
    if early.is_empty() {
        return Check::pass(CheckName::Rights, format!("no right that is known ends before {last}"));
    }
    Check::fail(
        CheckName::Rights,
        format!("rights end before {last} at {}", named(&early)),
        "extend the rights and the field expires_on, or leave the assets out",
    )
}

fn contents(rules: &[ContentRule], changes: &[Difference]) -> Check {
    let mut wrong = Vec::new();
    for (path, pin) in pins(changes) {
        for rule in rules.iter().filter(|rule| rule.of.selects(path, pin)) {
            if !rule.types.is_empty() && !rule.types.iter().any(|pattern| is_type(&pin.media_type, pattern)) {
                wrong.push(format!("{path} ({} is not allowed)", pin.media_type));
            }
            if let Some(max) = rule.size_bytes_max.filter(|max| pin.size_bytes > *max) {
                wrong.push(format!("{path} ({} bytes, at most {max})", pin.size_bytes));
            }
        }
    }
    if wrong.is_empty() {
        return Check::pass(CheckName::Contents, "types and sizes of all changed assets are allowed");
    }
    Check::fail(
        CheckName::Contents,
        format!("what is not allowed: {}", named(&wrong)),
        "convert the files or make them smaller, or leave them out",
    )
}
