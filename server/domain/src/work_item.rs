//! Work items: requests, changes, fixes and incidents, and their life from `open` to `closed`.

mod label;
mod link;
mod mention;
mod rank;
mod transition;

use serde::{Deserialize, Serialize};

pub use label::{InvalidLabel, LABELS_MAX, Label};
pub use link::{InvalidLink, Link};
pub use mention::mentions;
pub use rank::{Neighbours, RANK_STEP, rank_between};
pub use transition::{Refusal, Standing, Transition};

/// A day in a calendar, such as 2026-03-01: what a due date is.
pub use jiff::civil::Date as Day;

/// Gives an enum its words: what the API, the command line and the catalog write.
macro_rules! worded {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// All of them, in the order in which people list them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that the API and the catalog write.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Reads what `as_str` writes.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}
use worded;

worded! {
    /// What a work item is about.
    #[derive(Default)]
    WorkKind {
        /// Somebody wants something.
        #[default]
        Request = "request",
        /// The team changes something by itself.
        Change = "change",
        /// Something that is wrong is put right.
        Fix = "fix",
        /// Something went wrong where people see it.
        Incident = "incident",
    }
}

worded! {
    /// How much a work item matters beside others.
    #[derive(Default)]
    Priority {
        Low = "low",
        #[default]
        Normal = "normal",
        High = "high",
        Urgent = "urgent",
    }
}

worded! {
    /// Where a work item stands.
    WorkStatus {
        Open = "open",
        InProgress = "in_progress",
        /// The work is done; the requester has not said yes.
        Resolved = "resolved",
        /// The requester has said yes to exactly the versions that are attached.
        Authorised = "authorised",
        /// The final environment has served it.
        Released = "released",
        Closed = "closed",
        Rejected = "rejected",
        Reopened = "reopened",
    }
}

worded! {
    /// What a test came to.
    TestOutcome { Pass = "pass", Fail = "fail" }
}

impl WorkStatus {
    /// Whether versions may be attached and detached: nothing is added to what is over.
    pub const fn takes_versions(self) -> bool {
        match self {
            Self::Open | Self::InProgress | Self::Resolved | Self::Authorised | Self::Reopened => true,
            Self::Released | Self::Closed | Self::Rejected => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for status in WorkStatus::ALL {
            assert_eq!(WorkStatus::parse(status.as_str()), Some(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for kind in WorkKind::ALL {
            assert_eq!(WorkKind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!((WorkStatus::parse("done"), Priority::parse("HIGH")), (None, None));
    }
}
