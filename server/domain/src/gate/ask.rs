//! What the gate is asked.

use serde::{Deserialize, Serialize};

use crate::name::{BuildName, EnvironmentName};
use crate::release::ReleaseKind;
use crate::time::Timestamp;

/// How urgent a move of an environment's pointer is. Rules and windows name the classes that they bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Regular,
    Hotfix,
    Rollback,
    /// A promotion past soak, approvals and windows, by someone who may and says why.
    BreakGlass,
}

impl Class {
    /// The class as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Hotfix => "hotfix",
            Self::Rollback => "rollback",
            Self::BreakGlass => "break_glass",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Regular, Self::Hotfix, Self::Rollback, Self::BreakGlass].into_iter().find(|c| c.as_str() == text)
    }

    /// The class whose rules bind it: what breaks the glass is measured as a regular promotion first.
    pub(super) const fn bound_as(self) -> Self {
        match self {
            Self::BreakGlass => Self::Regular,
            Self::Regular | Self::Hotfix | Self::Rollback => self,
        }
    }

    /// Whether a build becomes live that may never have been.
    pub const fn is_promotion(self) -> bool {
        match self {
            Self::Regular | Self::Hotfix | Self::BreakGlass => true,
            Self::Rollback => false,
        }
    }
}

impl From<ReleaseKind> for Class {
    fn from(kind: ReleaseKind) -> Self {
        match kind {
            ReleaseKind::Regular => Self::Regular,
            ReleaseKind::Hotfix => Self::Hotfix,
        }
    }
}

/// What asks: a hold stops everything but people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Person,
    /// A scheduled promotion that is due.
    Schedule,
    /// A policy that promotes what has proved itself in another environment.
    Automation,
    /// A failed verification that rolls back.
    Verification,
}

impl Trigger {
    /// The trigger as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Schedule => "schedule",
            Self::Automation => "automation",
            Self::Verification => "verification",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Person, Self::Schedule, Self::Automation, Self::Verification];
        all.into_iter().find(|trigger| trigger.as_str() == text)
    }
}

/// May this environment serve this build at that instant?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub environment: EnvironmentName,
    pub build: BuildName,
    /// Now, or the instant of a plan.
    pub at: Timestamp,
    pub class: Class,
    pub trigger: Trigger,
    /// Why the glass is broken; of other classes what the actor said.
    pub reason: String,
}
