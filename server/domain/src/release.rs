//! Releases and their life: `draft` -> `frozen` -> `released` -> `closed`, with `cancelled` and `rolled_back` aside.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};

/// Where a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Takes changes and builds.
    Draft,
    /// Takes no more changes and holds its staging environment.
    Frozen,
    /// Served by the final environment, or replaced there by a later release.
    Released,
    /// Taken back from the final environment.
    RolledBack,
    Closed,
    Cancelled,
}

/// How urgent a release is: what its promotions are to the policies and windows of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseKind {
    #[default]
    Regular,
    Hotfix,
}

impl ReleaseKind {
    /// The kind as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Hotfix => "hotfix",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Regular, Self::Hotfix].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl ReleaseState {
    const ALL: [Self; 6] = [Self::Draft, Self::Frozen, Self::Released, Self::RolledBack, Self::Closed, Self::Cancelled];

    /// The state as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Frozen => "frozen",
            Self::Released => "released",
            Self::RolledBack => "rolled_back",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether changes may be added and removed, and builds made.
    pub const fn takes_changes(self) -> bool {
        match self {
            Self::Draft => true,
            Self::Frozen | Self::Released | Self::RolledBack | Self::Closed | Self::Cancelled => false,
        }
    }

    /// Whether it is still to be released, so that what it changes matters to others.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Draft | Self::Frozen => true,
            Self::Released | Self::RolledBack | Self::Closed | Self::Cancelled => false,
        }
    }

    /// The state after a build of this release reaches the final environment.
    pub const fn after_final_promotion(self) -> Self {
        match self {
            Self::Draft | Self::Frozen | Self::RolledBack => Self::Released,
            Self::Released | Self::Closed | Self::Cancelled => self,
        }
    }

    /// The state after the final environment is rolled back away from a build of this release.
    pub const fn after_final_rollback(self) -> Self {
        match self {
            Self::Released => Self::RolledBack,
            Self::Draft | Self::Frozen | Self::RolledBack | Self::Closed | Self::Cancelled => self,
        }
    }
}

/// A step of a release's life that a person takes. Promotion and rollback are the environments' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReleaseStep {
    /// Takes no more changes; holds the staging environment.
    Freeze,
    Unfreeze,
    Cancel,
    /// Takes changes again after it was taken back.
    Rework,
    Close,
}

/// A step that a release can't take where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a release that is {state} can't be {step}; {hint}", state = .state.as_str())]
pub struct StepRefused {
    pub state: ReleaseState,
    step: &'static str,
    hint: &'static str,
}

impl Failure for StepRefused {
    fn kind(&self) -> FailureKind {
        FailureKind::Conflict
    }
}

impl ReleaseState {
    /// Where a step leads.
    ///
    /// # Errors
    /// `StepRefused`, with the state.
    pub const fn after(self, step: ReleaseStep) -> Result<Self, StepRefused> {
        use ReleaseState as S;
        match (step, self) {
            (ReleaseStep::Freeze, S::Draft) => Ok(S::Frozen),
            (ReleaseStep::Unfreeze, S::Frozen) | (ReleaseStep::Rework, S::RolledBack) => Ok(S::Draft),
            (ReleaseStep::Cancel, S::Draft | S::Frozen) => Ok(S::Cancelled),
            (ReleaseStep::Close, S::Released | S::RolledBack) => Ok(S::Closed),
            (step, state) => {
                let (step, hint) = step.said();
                Err(StepRefused { state, step, hint })
            }
        }
    }
}

impl ReleaseStep {
    /// What it makes of a release, and where that is possible.
    const fn said(self) -> (&'static str, &'static str) {
        match self {
            Self::Freeze => ("frozen", "only a draft can be"),
            Self::Unfreeze => ("unfrozen", "it is not frozen"),
            Self::Cancel => ("cancelled", "only a draft or frozen one can be"),
            Self::Rework => ("reworked", "only one that was rolled back can be"),
            Self::Close => ("closed", "only one that was released or rolled back can be; cancel it instead"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in ReleaseState::ALL {
            assert_eq!(ReleaseState::parse(state.as_str()), Some(state));
        }
        assert_eq!(ReleaseState::parse("done"), None);
    }

    #[test]
    fn a_release_that_was_taken_back_can_be_released_again() {
        let back = ReleaseState::Released.after_final_rollback();
        assert_eq!(back, ReleaseState::RolledBack);
        assert_eq!(back.after_final_promotion(), ReleaseState::Released);
    }

    #[test]
    fn each_step_leads_where_the_life_of_a_release_allows() {
        use ReleaseState as S;
        let steps = [
            (ReleaseStep::Freeze, vec![(S::Draft, S::Frozen)]),
            (ReleaseStep::Unfreeze, vec![(S::Frozen, S::Draft)]),
            (ReleaseStep::Cancel, vec![(S::Draft, S::Cancelled), (S::Frozen, S::Cancelled)]),
            (ReleaseStep::Rework, vec![(S::RolledBack, S::Draft)]),
            (ReleaseStep::Close, vec![(S::Released, S::Closed), (S::RolledBack, S::Closed)]),
        ];
        for (step, allowed) in steps {
            for state in ReleaseState::ALL {
                let leads = allowed.iter().find(|(from, _)| *from == state).map(|(_, to)| *to);
                assert_eq!(state.after(step).ok(), leads, "{step:?} from {state:?}");
            }
        }
    }
}
