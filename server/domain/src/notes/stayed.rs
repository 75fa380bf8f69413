//! Which releases came to an environment and stayed, and which were taken back.

use crate::environment::DeploymentKind;
use crate::name::{BuildName, ReleaseNumber};

/// What a row of deployments came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stayed {
    /// Oldest first.
    pub releases: Vec<ReleaseNumber>,
    /// In the order in which they were taken back.
    pub taken_back: Vec<ReleaseNumber>,
}

/// Goes through deployments, oldest first: what each was, to which build, and from which.
pub fn stayed(moves: impl IntoIterator<Item = (DeploymentKind, BuildName, Option<BuildName>)>) -> Stayed {
    let mut outcome = Stayed::default();
    for (kind, to, from) in moves {
        let to = to.release;
        outcome.taken_back.retain(|release| *release != to);
        match kind {
            DeploymentKind::Promotion => {
                outcome.releases.retain(|release| *release != to);
                outcome.releases.push(to);
            }
            DeploymentKind::Rollback => {
                // What is not among them came before: then all that came since is gone, and what was there as well.
                let kept = outcome.releases.iter().position(|release| *release == to).map_or(0, |at| at + 1);
                let gone = outcome.releases.split_off(kept);
                let gone = gone.into_iter().rev().chain(from.map(|build| build.release));
                for release in gone.filter(|release| *release != to) {
                    if !outcome.taken_back.contains(&release) {
                        outcome.taken_back.push(release);
                    }
                }
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promotions as `3`, rollbacks as `-2`: to builds of these releases.
    fn outcome(steps: &[i64]) -> (Vec<i64>, Vec<i64>) {
        let build = |release: i64| BuildName { release: ReleaseNumber::new(release), number: 1 };
        let mut before = None;
        let moves = steps.iter().map(|step| {
            let kind = if *step > 0 { DeploymentKind::Promotion } else { DeploymentKind::Rollback };
            (kind, build(step.abs()), before.replace(build(step.abs())))
        });
        let Stayed { releases, taken_back } = stayed(moves);
        let numbers = |list: Vec<ReleaseNumber>| list.into_iter().map(ReleaseNumber::get).collect();
        (numbers(releases), numbers(taken_back))
    }

    #[test]
    fn what_was_rolled_back_did_not_stay() {
        assert_eq!(outcome(&[1, 2, 3]), (vec![1, 2, 3], vec![]));
        assert_eq!(outcome(&[1, 2, 3, -2]), (vec![1, 2], vec![3]));
        assert_eq!(outcome(&[1, 2, 3, -1]), (vec![1], vec![3, 2]));
        assert_eq!(outcome(&[2, 3, -1]), (vec![], vec![3, 2]), "release 1 came before");
        assert_eq!(outcome(&[1, 2, -1, 2]), (vec![1, 2], vec![]), "it came again");
        assert_eq!(outcome(&[1, 1, -1]), (vec![1], vec![]), "from one build to another of the same release");
    }
}
