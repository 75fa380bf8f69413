//! An environment is one pointer. Promotion and rollback both move it through `Environment::point_at`, which
//! decides whether and how it moves; the catalog then moves the row, guarded by the revision.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::hash::ManifestId;
use crate::name::{BuildName, EnvironmentName};
use crate::pin::Visibility;
use crate::time::Timestamp;

/// What an environment serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    pub build: BuildName,
    pub manifest: ManifestId,
}

/// A named place that serves one build at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub name: EnvironmentName,
    /// Its place in the project's order, counted from 1; the last one is final.
    pub position: i64,
    /// Whether anyone may fetch what it serves, but for what an access rule of the build makes private. A private one
    /// serves nothing without credentials, whatever the rules say.
    pub visibility: Visibility,
    /// `None` until the first promotion.
    pub serves: Option<Served>,
    /// +1 per deployment; guards against concurrent writers.
    pub revision: i64,
}

/// Why a deployment is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    Promotion,
    Rollback,
}

impl DeploymentKind {
    /// The kind as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promotion => "promotion",
            Self::Rollback => "rollback",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Promotion, Self::Rollback].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A move of the pointer: the record of a promotion or rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub environment: EnvironmentName,
    /// The environment's revision after the move.
    pub revision: i64,
    pub kind: DeploymentKind,
    pub serves: Served,
    /// What was served before.
    pub replaced: Option<Served>,
    pub reason: String,
    pub at: Timestamp,
}

/// What follows from asking an environment to serve a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointing {
    Move(Deployment),
    /// It is what the environment serves: nothing to do.
    AlreadyServed,
}

/// Someone moved the pointer after the caller had looked. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{environment} moved on: it serves {serves} at revision {revision}, not revision {expected} as expected; look at it and try again", serves = shown(.serves))]
pub struct Moved {
    pub environment: EnvironmentName,
    /// What won.
    pub serves: Option<Served>,
    pub revision: i64,
    pub expected: i64,
}

impl Failure for Moved {
    fn kind(&self) -> FailureKind {
        FailureKind::Stale
    }
}

fn shown(serves: &Option<Served>) -> String {
    serves.as_ref().map_or_else(|| "nothing".to_owned(), |served| served.build.to_string())
}

impl Environment {
    /// Decides what serving `next` means. `expected` is the revision that the caller saw, if it insists on one.
    ///
    /// # Errors
    /// `Moved` when the environment is at another revision than expected and serves another build.
    pub fn point_at(
        &self,
        next: Served,
        kind: DeploymentKind,
        reason: String,
        expected: Option<i64>,
        now: Timestamp,
    ) -> Result<Pointing, Moved> {
        if self.serves == Some(next) {
            return Ok(Pointing::AlreadyServed);
        }
        if let Some(expected) = expected.filter(|revision| *revision != self.revision) {
            let (environment, serves) = (self.name.clone(), self.serves);
            return Err(Moved { environment, serves, revision: self.revision, expected });
        }
        Ok(Pointing::Move(Deployment {
            environment: self.name.clone(),
            revision: self.revision + 1,
            kind,
            serves: next,
            replaced: self.serves,
            reason,
            at: now,
        }))
    }
}

/// What was served before the present build, as someone sees it who goes back step by step: a promotion puts its
/// build on top of what was served, a rollback takes away what lies above its build. So rollbacks in a row go further
/// back each time, and never to and fro. `history` comes oldest first.
pub fn served_before(history: impl IntoIterator<Item = (DeploymentKind, Served)>) -> Option<Served> {
    let mut pile: Vec<Served> = Vec::new();
    for (kind, serves) in history {
        let below = pile.len().saturating_sub(1);
        match (kind, pile[..below].iter().rposition(|earlier| *earlier == serves)) {
            (DeploymentKind::Rollback, Some(at)) => pile.truncate(at + 1),
            // A rollback to what an earlier one had taken away is a way forward, as a promotion is.
            (DeploymentKind::Rollback, None) | (DeploymentKind::Promotion, _) => pile.push(serves),
        }
    }
    pile.len().checked_sub(2).map(|at| pile[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ReleaseNumber;

    fn build(number: i64) -> Served {
        let build = BuildName { release: ReleaseNumber::new(number), number: 1 };
        Served { build, manifest: ManifestId::of(&number.to_le_bytes()) }
    }

    fn production(serves: Option<Served>, revision: i64) -> Environment {
        let name = "production".parse().unwrap();
        Environment { name, position: 3, visibility: Visibility::Public, serves, revision }
    }

    fn point(environment: &Environment, next: Served, expected: Option<i64>) -> Result<Pointing, Moved> {
        environment.point_at(next, DeploymentKind::Promotion, String::new(), expected, Timestamp::from_micros(7))
    }

    #[test]
    fn serving_what_is_served_is_no_move_whatever_was_expected() {
        assert_eq!(point(&production(Some(build(1)), 4), build(1), Some(3)), Ok(Pointing::AlreadyServed));
    }

    #[test]
    fn who_saw_an_older_revision_is_told_what_won() {
        let moved = point(&production(Some(build(2)), 5), build(3), Some(4)).unwrap_err();
        assert_eq!((moved.serves, moved.revision), (Some(build(2)), 5));
        assert!(moved.to_string().contains("serves R-2.1 at revision 5"), "{moved}");
    }

    #[test]
    fn going_back_again_and_again_reaches_the_beginning() {
        let cases: [(&[i64], &[i64]); 4] =
            [(&[1, 2, 3], &[2, 1]), (&[1, 2, 1], &[2, 1]), (&[1, 2, 1, 3, 2], &[3, 1, 2, 1]), (&[1], &[])];
        for (promoted, back_to) in cases {
            let mut history: Vec<_> = promoted.iter().map(|n| (DeploymentKind::Promotion, build(*n))).collect();
            let mut reached = Vec::new();
            while let Some(served) = served_before(history.iter().copied()) {
                reached.push(served);
                history.push((DeploymentKind::Rollback, served));
            }
            assert_eq!(reached, back_to.iter().map(|n| build(*n)).collect::<Vec<_>>());
        }
        let (there, back) = (DeploymentKind::Promotion, DeploymentKind::Rollback);
        let taken_away = [(there, build(1)), (there, build(2)), (back, build(1)), (back, build(2))];
        assert_eq!(served_before(taken_away), Some(build(1)));
    }

    #[test]
    fn a_move_remembers_what_it_replaced() {
        let Ok(Pointing::Move(deployment)) = point(&production(Some(build(1)), 4), build(2), Some(4)) else {
            panic!("it moves")
        };
        assert_eq!((deployment.revision, deployment.replaced), (5, Some(build(1))));
    }
}
