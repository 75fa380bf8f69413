//! What the gate is told: everything that a decision depends on, read before it is made.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ask::Class;
use super::check::CheckName;
use super::policy::Policy;
use crate::access::Role;
use crate::environment::{Environment, Served};
use crate::manifest::Difference;
use crate::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use crate::release::ReleaseState;
use crate::time::Timestamp;

/// A person's yes or no to a build in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approved,
    Rejected,
}

impl Decision {
    /// The decision as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Approved, Self::Rejected].into_iter().find(|decision| decision.as_str() == text)
    }
}

/// What someone decided; the last decision of each counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The id of whoever decided.
    pub by: String,
    pub by_name: String,
    /// The role that they had then.
    pub role: Role,
    pub decision: Decision,
    pub reason: String,
    pub at: Timestamp,
}

/// An exception that someone has granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    pub check: CheckName,
    /// `None`: for every release.
    pub release: Option<ReleaseNumber>,
    pub by_name: String,
    pub reason: String,
    pub ends_at: Timestamp,
}

/// A freeze, a hold or a stop of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFacts {
    /// Of a freeze: the release that holds the environment, and its build.
    pub build: Option<BuildName>,
    /// Of a stop: what it binds.
    pub classes: BTreeSet<Class>,
    pub by_name: String,
    pub reason: String,
    pub since: Timestamp,
    /// When it is expected to end.
    pub until: Option<Timestamp>,
}

/// The build, and the release behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildFacts {
    pub served: Served,
    pub created_at: Timestamp,
    /// The id of whoever made it.
    pub builder: String,
    pub base: Option<BuildName>,
    /// The environment whose build was the base.
    pub tracks: Option<EnvironmentName>,
    pub state: ReleaseState,
    /// The build that the release is frozen on.
    pub frozen_on: Option<BuildName>,
    /// The target date, if it is agreed.
    pub agreed_for: Option<Timestamp>,
    /// The id of whoever made the release.
    pub creator: String,
}

/// A stretch of time in which an environment served a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    pub since: Timestamp,
    /// `None`: it still does.
    pub until: Option<Timestamp>,
}

/// A work item of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    pub number: WorkItemNumber,
    /// Why it is not authorised for exactly what the release pins; `None` when it is.
    pub unauthorised: Option<String>,
    pub evidence: EvidenceFacts,
}

/// What tests on this build came to; of each test case the last result counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceFacts {
    pub passed: u64,
    /// Names of the test cases that failed last.
    pub failed: Vec<String>,
}

/// The checklist of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChecklistFacts {
    pub answered: u64,
    /// What is still to be confirmed.
    pub open: Vec<String>,
}

/// The last report of an outside system on this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideFacts {
    pub name: String,
    /// `None`: it still runs.
    pub passed: Option<bool>,
    pub summary: String,
    pub at: Timestamp,
}

/// Everything that a decision depends on.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub policy: &'a Policy,
    pub environment: &'a Environment,
    /// The environment before in the project's order, unless this is the first.
    pub before: Option<EnvironmentName>,
    /// When the environment before served the build's manifest.
    pub stays: &'a [Stay],
    pub freeze: Option<LockFacts>,
    pub stop: Option<LockFacts>,
    pub hold: Option<LockFacts>,
    pub build: &'a BuildFacts,
    pub approvals: &'a [Approval],
    pub waivers: &'a [Waiver],
    /// What the build would change in the environment; empty when no rule looks at it.
    pub changes: &'a [Difference],
    /// The ids of those who made the versions that the build changes.
    pub authors: &'a BTreeSet<String>,
    pub items: &'a [ItemFacts],
    /// Paths that the release changes without a work item.
    pub untraced: &'a [String],
    pub checklist: &'a ChecklistFacts,
    pub outside: &'a [OutsideFacts],
    /// References of the build's assets that lead nowhere.
    pub missing: &'a [String],
}
