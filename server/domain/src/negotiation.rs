//! How a release gets its date: someone proposes one, others propose another, and someone else than its proposer agrees
//! to it. Of the two that agree, one at least plans releases; anyone who works with the project may be the other.

use crate::failure::{Failure, FailureKind};
use crate::release::ReleaseState;
use crate::target::TargetDate;
use crate::time::Timestamp;

/// Who negotiates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiator {
    /// What tells one from another: the id of a person or token.
    pub id: String,
    /// Whether they may plan releases.
    pub is_planner: bool,
}

/// A date that was proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// 1, 2, 3 ... within the release.
    pub number: i64,
    pub date: TargetDate,
    pub by: Negotiator,
}

/// Where the negotiation of a release's date stands. Only the newest proposal counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Negotiation {
    Unplanned,
    Proposed(Proposal),
    Agreed(Proposal),
}

/// Why a date was not proposed or agreed to. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    #[error("the release is {}; its date is settled", .0.as_str())]
    Over(ReleaseState),
    #[error("{0} has passed; propose a later date")]
    Past(TargetDate),
    #[error("{date} is what proposal {number} says already; someone else can agree to it")]
    Same { date: TargetDate, number: i64 },
    #[error("proposal {0} has been agreed; only who plans releases can open the negotiation again")]
    Settled(i64),
    #[error("no date has been proposed yet; propose one")]
    Nothing,
    #[error("proposal {asked} is not the newest one, which is {newest}; look at that")]
    Superseded { asked: i64, newest: i64 },
    #[error("proposal {0} is your own; someone else has to agree to it, or to propose another date")]
    Own(i64),
    #[error("proposal {0} is not from someone who plans releases, and you don't either; one of the two must")]
    NoPlanner(i64),
    #[error("proposal {0} has been agreed already")]
    Agreed(i64),
}

impl Failure for Unacceptable {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Past(_) => FailureKind::Invalid,
            Self::Own(_) | Self::NoPlanner(_) | Self::Settled(_) => FailureKind::Forbidden,
            Self::Over(_) | Self::Same { .. } | Self::Nothing | Self::Superseded { .. } | Self::Agreed(_) => {
                FailureKind::Conflict
            }
        }
    }

    fn field(&self) -> Option<&'static str> {
        if matches!(self, Self::Past(_)) { Some("date") } else { None }
    }
}

/// Whether the date of a release in this state can still be negotiated.
fn check_open(state: ReleaseState) -> Result<(), Unacceptable> {
    match state {
        ReleaseState::Draft | ReleaseState::Frozen | ReleaseState::RolledBack => Ok(()),
        ReleaseState::Released | ReleaseState::Closed | ReleaseState::Cancelled => Err(Unacceptable::Over(state)),
    }
}

impl Negotiation {
    /// The newest proposal.
    pub fn newest(&self) -> Option<&Proposal> {
        match self {
            Self::Unplanned => None,
            Self::Proposed(proposal) | Self::Agreed(proposal) => Some(proposal),
        }
    }

    /// The date that holds, when all agree.
    pub fn agreed(&self) -> Option<&TargetDate> {
        if let Self::Agreed(proposal) = self { Some(&proposal.date) } else { None }
    }

    /// Proposes a date. The second value says whether this opens again what had been agreed.
    ///
    /// # Errors
    /// `Over`, `Past`, `Same`, `Settled`.
    pub fn propose(
        &self,
        state: ReleaseState,
        date: TargetDate,
        by: Negotiator,
        now: Timestamp,
    ) -> Result<(Proposal, bool), Unacceptable> {
        check_open(state)?;
        if date.at <= now {
            return Err(Unacceptable::Past(date));
        }
        let newest = self.newest();
        if let Some(newest) = newest.filter(|newest| newest.date == date) {
            return Err(Unacceptable::Same { date, number: newest.number });
        }
        let reopens = matches!(self, Self::Agreed(_));
        let number = newest.map_or(0, |newest| newest.number);
        if reopens && !by.is_planner {
            return Err(Unacceptable::Settled(number));
        }
        Ok((Proposal { number: number + 1, date, by }, reopens))
    }

    /// Agrees to a proposal.
    ///
    /// # Errors
    /// `Over`, `Past`, `Nothing`, `Superseded`, `Own`, `NoPlanner`, `Agreed`.
    pub fn agree(
        &self,
        state: ReleaseState,
        number: i64,
        by: &Negotiator,
        now: Timestamp,
    ) -> Result<&Proposal, Unacceptable> {
        check_open(state)?;
        let proposal = self.newest().ok_or(Unacceptable::Nothing)?;
        if proposal.number != number {
            return Err(Unacceptable::Superseded { asked: number, newest: proposal.number });
        }
        match self {
            Self::Agreed(_) => Err(Unacceptable::Agreed(number)),
            _ if proposal.by.id == by.id => Err(Unacceptable::Own(number)),
            _ if !proposal.by.is_planner && !by.is_planner => Err(Unacceptable::NoPlanner(number)),
            _ if proposal.date.at <= now => Err(Unacceptable::Past(proposal.date.clone())),
            _ => Ok(proposal),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn date(seconds: i64) -> TargetDate {
        TargetDate { at: NOW.plus_ms(seconds * 1_000), zone: "Europe/Berlin".parse().unwrap() }
    }

    fn who(id: usize) -> Negotiator {
        Negotiator { id: format!("@{id}"), is_planner: id == 0 }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Propose { by: usize, seconds: i64 },
        Agree { by: usize, number: i64 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let propose = (0_usize..4, -2_i64..6).prop_map(|(by, seconds)| Step::Propose { by, seconds });
        let agree = (0_usize..4, 0_i64..8).prop_map(|(by, number)| Step::Agree { by, number });
        proptest::collection::vec(prop_oneof![propose, agree], 0..30)
    }

    proptest! {
        #[test]
        fn what_is_agreed_was_proposed_last_by_another_and_one_of_both_plans(steps in steps()) {
            let mut negotiation = Negotiation::Unplanned;
            let mut proposals = 0;
            for step in steps {
                let before = negotiation.clone();
                match step {
                    Step::Propose { by, seconds } => {
                        let proposed = negotiation.propose(ReleaseState::Draft, date(seconds), who(by), NOW);
                        let Ok((proposal, reopens)) = proposed else { continue };
                        proposals += 1;
                        prop_assert_eq!(proposal.number, proposals);
                        prop_assert!(seconds > 0);
                        prop_assert_eq!(reopens, before.agreed().is_some());
                        prop_assert!(!reopens || by == 0, "only a planner reopens");
                        negotiation = Negotiation::Proposed(proposal);
                        prop_assert_eq!(negotiation.agreed(), None);
                    }
                    Step::Agree { by, number } => {
                        let agreed = negotiation.agree(ReleaseState::Draft, number, &who(by), NOW).cloned();
                        let Ok(proposal) = agreed else { continue };
                        prop_assert_eq!(number, proposals);
                        prop_assert_ne!(&proposal.by.id, &who(by).id);
                        prop_assert!(proposal.by.is_planner || by == 0);
                        prop_assert!(before.agreed().is_none());
                        negotiation = Negotiation::Agreed(proposal);
                    }
                }
            }
        }
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let (planner, client) = (who(0), who(1));
        let open = ReleaseState::Draft;
        let none = Negotiation::Unplanned;
        assert_eq!(none.agree(open, 1, &planner, NOW), Err(Unacceptable::Nothing));
        let closed = none.propose(ReleaseState::Closed, date(1), planner.clone(), NOW);
        assert_eq!(closed, Err(Unacceptable::Over(ReleaseState::Closed)));
        let (first, _) = none.propose(open, date(1), client.clone(), NOW).unwrap();
        let proposed = Negotiation::Proposed(first.clone());
        assert_eq!(proposed.agree(open, 1, &client, NOW), Err(Unacceptable::Own(1)));
        assert_eq!(proposed.agree(open, 1, &who(2), NOW), Err(Unacceptable::NoPlanner(1)));
        assert_eq!(proposed.agree(open, 2, &planner, NOW), Err(Unacceptable::Superseded { asked: 2, newest: 1 }));
        assert!(matches!(proposed.agree(open, 1, &planner, date(1).at), Err(Unacceptable::Past(_))));
        assert!(matches!(proposed.propose(open, date(1), planner.clone(), NOW), Err(Unacceptable::Same { .. })));
        let agreed = Negotiation::Agreed(proposed.agree(open, 1, &planner, NOW).unwrap().clone());
        assert_eq!(agreed.agree(open, 1, &planner, NOW), Err(Unacceptable::Agreed(1)));
        assert_eq!(agreed.propose(open, date(2), client, NOW), Err(Unacceptable::Settled(1)));
        assert!(agreed.propose(open, date(2), planner, NOW).unwrap().1);
    }
}
