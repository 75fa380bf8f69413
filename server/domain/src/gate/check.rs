//! Checks: what came of each rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// What a check is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckName {
    /// The release may be served at all.
    State,
    /// The build takes nothing back that has come into the environment since.
    Base,
    /// The environment is not held by another frozen release.
    Freeze,
    /// The environment is not stopped.
    Stop,
    /// No rollback is waiting for a person.
    Hold,
    /// The release is frozen.
    Frozen,
    /// The target date is agreed, and has come.
    Date,
    /// The build has been in the environment before.
    Order,
    /// It has been there long enough.
    Soak,
    /// Change and freeze windows.
    Window,
    Approvals,
    /// The work items of the release are authorised for what it pins.
    WorkItems,
    /// Every change answers a work item.
    Traceability,
    Evidence,
    Checklist,
    Metadata,
    Rights,
    /// Types and sizes.
    Contents,
    Dependencies,
    /// What an outside system reports under a name.
    Outside(String),
}

const PLAIN: [(CheckName, &str); 19] = [
    (CheckName::State, "state"),
    (CheckName::Base, "base"),
    (CheckName::Freeze, "freeze"),
    (CheckName::Stop, "stop"),
    (CheckName::Hold, "hold"),
    (CheckName::Frozen, "frozen"),
    (CheckName::Date, "date"),
    (CheckName::Order, "order"),
    (CheckName::Soak, "soak"),
    (CheckName::Window, "window"),
    (CheckName::Approvals, "approvals"),
    (CheckName::WorkItems, "work_items"),
    (CheckName::Traceability, "traceability"),
    (CheckName::Evidence, "evidence"),
    (CheckName::Checklist, "checklist"),
    (CheckName::Metadata, "metadata"),
    (CheckName::Rights, "rights"),
    (CheckName::Contents, "contents"),
    (CheckName::Dependencies, "dependencies"),
];
const OUTSIDE: &str = "outside:";
/// The longest name of an outside check, in bytes.
pub const OUTSIDE_BYTES_MAX: usize = 100;

/// A text that names no check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a check; write one of those that the gate lists, or outside:NAME")]
pub struct InvalidCheckName(String);

impl CheckName {
    /// Whether an administrator may excuse it. What protects others (a freeze, a stop, what has come into the
    /// environment since) can't be excused, only ended.
    pub const fn is_waivable(&self) -> bool {
        match self {
            Self::State | Self::Base | Self::Freeze | Self::Stop | Self::Hold => false,
            Self::Frozen
            | Self::Date
            | Self::Order
            | Self::Soak
            | Self::Window
            | Self::Approvals
            | Self::WorkItems
            | Self::Traceability
            | Self::Evidence
            | Self::Checklist
            | Self::Metadata
            | Self::Rights
            | Self::Contents
            | Self::Dependencies
            | Self::Outside(_) => true,
        }
    }

    /// Whether breaking the glass passes it.
    pub const fn is_behind_glass(&self) -> bool {
        matches!(self, Self::Soak | Self::Approvals | Self::Window)
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Outside(name) = self {
            return write!(f, "{OUTSIDE}{name}");
        }
        let text = PLAIN.iter().find(|(name, _)| name == self).map(|(_, text)| *text);
        f.write_str(text.expect("every plain name has its text"))
    }
}

impl FromStr for CheckName {
    type Err = InvalidCheckName;

    fn from_str(text: &str) -> Result<Self, InvalidCheckName> {
        let invalid = || InvalidCheckName(text.chars().take(80).collect());
        if let Some(name) = text.strip_prefix(OUTSIDE) {
            let is_name = (1..=OUTSIDE_BYTES_MAX).contains(&name.len()) && name.chars().all(|c| !c.is_control());
            return if is_name { Ok(Self::Outside(name.to_owned())) } else { Err(invalid()) };
        }
        PLAIN.iter().find(|(_, known)| *known == text).map(|(name, _)| name.clone()).ok_or_else(invalid)
    }
}

impl Serialize for CheckName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CheckName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    Pass,
    Fail {
        /// What would make it pass.
        remedy: String,
    },
    /// It fails, and someone who may has excused that.
    Waived {
        by: String,
        why: String,
        /// `None`: this once.
        until: Option<Timestamp>,
    },
}

/// One rule's outcome, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: CheckName,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Why, as a sentence for a person.
    pub reason: String,
}

impl Check {
    pub(super) fn pass(name: CheckName, reason: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Pass, reason: reason.into() }
    }

    pub(super) fn fail(name: CheckName, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Fail { remedy: remedy.into() }, reason: reason.into() }
    }

    /// Whether it stands in the way.
    pub const fn fails(&self) -> bool {
        matches!(self.outcome, Outcome::Fail { .. })
    }
}

/// The gate's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verdict {
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Whether nothing stands in the way.
    pub fn passes(&self) -> bool {
        !self.checks.iter().any(Check::fails)
    }

    /// What stands in the way.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.fails())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, _) in PLAIN {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        let outside = CheckName::Outside("ci/visual".to_owned());
        assert_eq!(outside.to_string().parse(), Ok(outside));
        for text in ["", "outside:", "soaks", "outside:a\nb"] {
            assert!(text.parse::<CheckName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_protects_others_cannot_be_excused_nor_broken_through() {
        for (name, _) in PLAIN {
            assert!(name.is_waivable() || !name.is_behind_glass(), "{name}");
        }
    }
}
