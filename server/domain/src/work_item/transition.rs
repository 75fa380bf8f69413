//! How work items go from one status to the next, and who may send them there.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::name::{ReleaseNumber, WorkItemNumber};

use super::WorkStatus as Status;

super::worded! {
    /// A step in the life of a work item.
    Transition {
        Start = "start",
        Resolve = "resolve",
        Authorise = "authorise",
        Reject = "reject",
        Reopen = "reopen",
        /// By hand: of an item that belongs to no release.
        Close = "close",
        /// What was authorised is no longer what is attached.
        Void = "void",
        /// The final environment serves it.
        Release = "release",
        /// The final environment was taken back to before it.
        TakeBack = "take_back",
        /// Its release is closed.
        Finish = "finish",
    }
}

/// Who asks for a transition, and what stands around the item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub is_requester: bool,
    /// May work on items.
    pub may_work: bool,
    /// May plan releases.
    pub may_plan: bool,
    /// It follows from another change, which has been allowed.
    pub is_consequence: bool,
    /// Says why.
    pub has_reason: bool,
    /// The release that the item belongs to, unless that is over.
    pub release: Option<ReleaseNumber>,
    /// A valid authorisation covers what is attached.
    pub is_covered: bool,
}

/// Why a work item stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{item} is {from}; only what is {wanted} can take the step {step}", from = .from.as_str(), step = .step.as_str())]
    From { item: WorkItemNumber, from: Status, step: Transition, wanted: String },
    #[error("you may not take the step {step} with {item}: {who} may", step = .step.as_str())]
    NotYours { item: WorkItemNumber, step: Transition, who: &'static str },
    #[error("the step {step} needs a reason; say why", step = .step.as_str())]
    NoReason { step: Transition },
    #[error("{item} belongs to {release}; take it out of that first, or let the release close it")]
    InRelease { item: WorkItemNumber, release: ReleaseNumber },
}

impl Failure for Refusal {
    fn kind(&self) -> FailureKind {
        match self {
            Self::From { .. } | Self::InRelease { .. } => FailureKind::Conflict,
            Self::NotYours { .. } => FailureKind::Forbidden,
            Self::NoReason { .. } => FailureKind::Invalid,
        }
    }

    fn field(&self) -> Option<&'static str> {
        if let Self::NoReason { .. } = self { Some("reason") } else { None }
    }
}

impl Transition {
    /// The statuses from which the step can be taken.
    pub const fn from(self) -> &'static [Status] {
        match self {
            Self::Start => &[Status::Open, Status::Reopened],
            Self::Resolve => &[Status::Open, Status::InProgress, Status::Reopened],
            Self::Authorise => &[Status::Resolved],
            Self::Reject => &[Status::Open, Status::InProgress, Status::Reopened, Status::Resolved, Status::Authorised],
            Self::Reopen => &[Status::Resolved, Status::Authorised, Status::Released, Status::Closed, Status::Rejected],
            Self::Close => &[Status::Resolved, Status::Authorised, Status::Released],
            Self::Void => &[Status::Authorised],
            Self::Release => &[Status::Resolved, Status::Authorised],
            Self::TakeBack | Self::Finish => &[Status::Released],
        }
    }

    /// The status after the step, or why it can't be taken. Nothing else decides about that.
    ///
    /// # Errors
    /// See `Refusal`.
    pub fn next(self, item: WorkItemNumber, from: Status, standing: &Standing) -> Result<Status, Refusal> {
        self.check_standing(item, standing)?;
        if !self.from().contains(&from) {
            let wanted: Vec<&str> = self.from().iter().map(|status| status.as_str()).collect();
            return Err(Refusal::From { item, from, step: self, wanted: wanted.join(" or ") });
        }
        if let (Self::Reject | Self::Close, Some(release)) = (self, standing.release) {
            return Err(Refusal::InRelease { item, release });
        }
        Ok(match self {
            Self::Start => Status::InProgress,
            Self::Resolve | Self::Void => Status::Resolved,
            Self::Authorise => Status::Authorised,
            Self::Reject => Status::Rejected,
            Self::Reopen => Status::Reopened,
            Self::Release => Status::Released,
            Self::TakeBack if standing.is_covered => Status::Authorised,
            Self::TakeBack => Status::Resolved, // it was released without the requester's yes
            Self::Close | Self::Finish => Status::Closed,
        })
    }

    fn check_standing(self, item: WorkItemNumber, standing: &Standing) -> Result<(), Refusal> {
        let Standing { is_requester, may_work, may_plan, is_consequence, has_reason, .. } = *standing;
        let (may, who) = match self {
            Self::Start | Self::Resolve | Self::Close => (may_work, "editors"),
            Self::Reject | Self::Reopen => (may_work || is_requester, "editors and whoever requested it"),
            Self::Authorise => (may_plan || is_requester, "whoever requested it, or a release manager with a reason,"),
            Self::Void | Self::Release | Self::TakeBack | Self::Finish => (is_consequence, "only the service itself"),
        };
        if !may {
            return Err(Refusal::NotYours { item, step: self, who });
        }
        let needs_reason = match self {
            Self::Reject | Self::Reopen | Self::Close => true,
            Self::Authorise => !is_requester,
            Self::Start | Self::Resolve | Self::Void | Self::Release | Self::TakeBack | Self::Finish => false,
        };
        if needs_reason && !has_reason { Err(Refusal::NoReason { step: self }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ITEM: WorkItemNumber = WorkItemNumber::new(7);

    /// Every step that there is, said once more.
    const STEPS: &[(Status, Transition, Status)] = {
        use {Status as S, Transition as T};
        &[
            (S::Open, T::Start, S::InProgress),
            (S::Open, T::Resolve, S::Resolved),
            (S::Open, T::Reject, S::Rejected),
            (S::InProgress, T::Resolve, S::Resolved),
            (S::InProgress, T::Reject, S::Rejected),
            (S::Resolved, T::Authorise, S::Authorised),
            (S::Resolved, T::Reject, S::Rejected),
            (S::Resolved, T::Reopen, S::Reopened),
            (S::Resolved, T::Close, S::Closed),
            (S::Resolved, T::Release, S::Released),
            (S::Authorised, T::Void, S::Resolved),
            (S::Authorised, T::Reject, S::Rejected),
            (S::Authorised, T::Reopen, S::Reopened),
            (S::Authorised, T::Close, S::Closed),
            (S::Authorised, T::Release, S::Released),
            (S::Released, T::TakeBack, S::Authorised),
            (S::Released, T::TakeBack, S::Resolved),
            (S::Released, T::Finish, S::Closed),
            (S::Released, T::Close, S::Closed),
            (S::Released, T::Reopen, S::Reopened),
            (S::Closed, T::Reopen, S::Reopened),
            (S::Rejected, T::Reopen, S::Reopened),
            (S::Reopened, T::Start, S::InProgress),
            (S::Reopened, T::Resolve, S::Resolved),
            (S::Reopened, T::Reject, S::Rejected),
        ]
    };

    fn any_standing() -> impl Strategy<Value = Standing> {
        (any::<[bool; 7]>(), 0_i64..3).prop_map(|(flags, release)| Standing {
            is_requester: flags[0],
            may_work: flags[1],
            may_plan: flags[1] && flags[2], // who plans works too
            is_consequence: flags[3],
            has_reason: flags[4],
            release: (release > 0).then_some(ReleaseNumber::new(release)),
            is_covered: flags[6],
        })
    }

    proptest! {
        #[test]
        fn no_sequence_of_calls_reaches_a_status_but_by_the_steps_that_there_are(
            calls in prop::collection::vec((prop::sample::select(Transition::ALL), any_standing()), 1..200),
        ) {
            let mut status = Status::Open;
            for (step, standing) in calls {
                let Ok(next) = step.next(ITEM, status, &standing) else { continue };
                prop_assert!(STEPS.contains(&(status, step, next)), "{status:?} {step:?} {next:?}");
                let by_person = !matches!(step, Transition::Void | Transition::Release | Transition::TakeBack | Transition::Finish);
                prop_assert!(by_person || standing.is_consequence);
                prop_assert!(next != Status::Authorised || standing.is_requester || standing.may_plan || standing.is_covered);
                prop_assert!(standing.release.is_none() || next != Status::Rejected);
                status = next;
            }
        }
    }

    #[test]
    fn every_step_can_be_taken_by_someone() {
        let someone = Standing {
            is_requester: true,
            may_work: true,
            may_plan: true,
            is_consequence: true,
            has_reason: true,
            release: None,
            is_covered: true,
        };
        for (from, step, to) in STEPS {
            let is_covered = *to != Status::Resolved;
            assert_eq!(step.next(ITEM, *from, &Standing { is_covered, ..someone }), Ok(*to), "{from:?} {step:?}");
        }
    }

    #[test]
    fn a_release_manager_authorises_for_the_requester_only_with_a_reason() {
        let manager = Standing { may_work: true, may_plan: true, ..Standing::default() };
        let refused = Transition::Authorise.next(ITEM, Status::Resolved, &manager).unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (FailureKind::Invalid, Some("reason")));
        let with_reason = Standing { has_reason: true, ..manager };
        assert_eq!(Transition::Authorise.next(ITEM, Status::Resolved, &with_reason), Ok(Status::Authorised));
        let editor = Standing { may_plan: false, ..with_reason };
        let refused = Transition::Authorise.next(ITEM, Status::Resolved, &editor).unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Forbidden);
        let requester = Standing { is_requester: true, ..Standing::default() };
        assert_eq!(Transition::Authorise.next(ITEM, Status::Resolved, &requester), Ok(Status::Authorised));
    }

    #[test]
    fn what_belongs_to_a_release_is_neither_closed_nor_rejected_by_hand() {
        let editor =
            Standing { may_work: true, has_reason: true, release: Some(ReleaseNumber::new(3)), ..Standing::default() };
        for step in [Transition::Close, Transition::Reject] {
            let refused = step.next(ITEM, Status::Authorised, &editor).unwrap_err();
            assert_eq!(refused, Refusal::InRelease { item: ITEM, release: ReleaseNumber::new(3) });
        }
    }
}
