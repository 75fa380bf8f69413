//! What moves of a pointer that nobody asks for at the moment are made for: a schedule that is due, a policy that promotes
//! by itself, a verification that has failed. The change that moves the pointer sees that its occasion is still there,
//! and uses it up: so each occasion leads to one move at most, however many processes try, and wherever one dies.

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::gate::Policy;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_domain::time::Timestamp;

use super::facts::Place;
use crate::catalog::{
    AuditDraft, AutomationRow, CatalogError, EnvironmentPointer, ProjectRow, Reading, VerificationState, Write,
};
use crate::operations::people::caller::Caller;

const MINUTE_MS: i64 = 60_000;

/// The occasion of a move is gone; nothing has been moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDue {
    #[error("schedule {0} is not pending for this any more")]
    Schedule(i64),
    #[error("no policy of {0} promotes this by itself any more")]
    Automation(EnvironmentName),
    #[error("no verification of what {0} serves asks to go back")]
    Verification(EnvironmentName),
}

impl Failure for NotDue {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Schedule(_) | Self::Automation(_) | Self::Verification(_) => FailureKind::Conflict,
        }
    }
}

/// Why a move is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Someone asks.
    Request,
    /// The schedule of this number.
    Schedule(i64),
    /// A policy, and the revision of the deployment in the environment that it promotes from.
    Automation(i64),
    /// The failed verification of what the environment serves.
    Verification,
}

impl Occasion {
    /// The number of the schedule, for the traces of the move.
    pub(super) fn schedule(self) -> Option<i64> {
        if let Self::Schedule(number) = self { Some(number) } else { None }
    }

    /// Whether it is still there for this place.
    ///
    /// # Errors
    /// `Occasioned`.
    pub(super) async fn check(
        self,
        write: &mut Write,
        project: &ProjectRow,
        place: &Place,
        now: Timestamp,
    ) -> Result<(), Occasioned> {
        let (environment, build) = (&place.environment.name, place.served().build);
        match self {
            Self::Request => Ok(()),
            Self::Schedule(number) => {
                let row = write.schedule(project.number, number).await?;
                let is_due = row.is_some_and(|row| {
                    row.state == ScheduleState::Pending
                        && (&row.environment, row.build) == (environment, build)
                        && row.at <= now
                });
                if is_due { Ok(()) } else { Err(NotDue::Schedule(number).into()) }
            }
            Self::Automation(revision) => {
                let ripe = ripe(&mut write.reading(), project, environment, &place.policy, now).await?;
                match ripe {
                    Ripe::Now { build: ripe, source_revision, .. } if (ripe, source_revision) == (build, revision) => {
                        Ok(())
                    }
                    _ => Err(NotDue::Automation(environment.clone()).into()),
                }
            }
            Self::Verification => match failed_verification(write, project, environment).await? {
                Some(_) => Ok(()),
                None => Err(NotDue::Verification(environment.clone()).into()),
            },
        }
    }

    /// Uses it up. `replaced` is the deployment that was there before, `revision` the environment's by which it serves
    /// the build now.
    pub(super) async fn close(
        self,
        write: &mut Write,
        caller: &Caller,
        project: &ProjectRow,
        place: &Place,
        (replaced, revision): (Option<i64>, i64),
    ) -> Result<(), CatalogError> {
        let environment = &place.environment.name;
        match self {
            Self::Request => Ok(()),
            Self::Schedule(number) => {
                let ended = (caller.now, caller.principal.name.as_str(), "");
                write.end_schedule(project.number, number, ScheduleState::Done, ended, Some(revision)).await
            }
            Self::Automation(source_revision) => {
                let Some(rule) = &place.policy.automatic else { return Ok(()) };
                let (environment, source) = (environment.clone(), rule.from.clone());
                let deployment = Some(revision);
                let row = AutomationRow {
                    environment,
                    source,
                    source_revision,
                    deployment,
                    refusal: Vec::new(),
                    refused_at: None,
                };
                write.put_automation(project.number, &row).await
            }
            Self::Verification => {
                let Some(replaced) = replaced else { return Ok(()) };
                let Some(mut row) = write.verification(project.number, environment, replaced).await? else {
                    return Ok(());
                };
                row.state = VerificationState::RolledBack;
                row.rolled_back = Some(revision);
                row.finished_at = Some(caller.now);
                write.put_verification(project.number, &row, caller.now).await
            }
        }
    }

    /// Uses it up where the environment serves the build already.
    pub(super) async fn close_served(
        self,
        write: &mut Write,
        caller: &Caller,
        project: &ProjectRow,
        place: &Place,
        revision: i64,
    ) -> Result<(), CatalogError> {
        let Self::Schedule(number) = self else { return Ok(()) };
        let environment = &place.environment.name;
        let details = serde_json::json!({ "environment": environment, "build": place.served().build,
            "revision": revision, "schedule": number });
        let draft = AuditDraft {
            action: "schedule.done",
            project: project.name.to_string(),
            subject: environment.to_string(),
            message: String::new(),
            details,
        };
        write.record(&caller.principal, caller.now, draft);
        let ended = (caller.now, caller.principal.name.as_str(), "the environment served it already");
        write.end_schedule(project.number, number, ScheduleState::Done, ended, Some(revision)).await
    }
}

/// What checking an occasion can come to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Occasioned {
    #[error(transparent)]
    NotDue(#[from] NotDue),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// The revision of the deployment that an environment serves, if its verification asks to go back.
async fn failed_verification(
    write: &mut Write,
    project: &ProjectRow,
    environment: &EnvironmentName,
) -> Result<Option<i64>, CatalogError> {
    let Some((_, revision)) = write.reading().last_deployment(project.number, environment).await? else {
        return Ok(None);
    };
    let row = write.verification(project.number, environment, revision).await?;
    Ok(row.filter(|row| row.state == VerificationState::RollingBack).map(|row| row.revision))
}

/// What a policy would promote by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::operations) enum Ripe {
    Now {
        build: BuildName,
        source: EnvironmentName,
        /// Of the deployment there.
        source_revision: i64,
    },
    /// Not before that instant.
    At(Timestamp),
    Nothing,
}

/// What the policy of an environment would promote into it by itself: what the environment that it names has served
/// without a break for the soak time. Each deployment there once, and never over what has come into this environment
/// after it, by whatever way: that is newer, or someone has said that it shall not be.
pub(in crate::operations) async fn ripe(
    rows: &mut Reading<'_>,
    project: &ProjectRow,
    environment: &EnvironmentName,
    policy: &Policy,
    now: Timestamp,
) -> Result<Ripe, CatalogError> {
    let Some(rule) = policy.automatic.as_ref().filter(|rule| rule.from != *environment) else {
        return Ok(Ripe::Nothing);
    };
    let environments = rows.environments(project.number).await?;
    let find = |name: &EnvironmentName| environments.iter().find(|at| at.environment.name == *name);
    let (Some(source), Some(target)) = (find(&rule.from), find(environment)) else { return Ok(Ripe::Nothing) };
    let EnvironmentPointer { deployed_at: Some(since), .. } = source else { return Ok(Ripe::Nothing) };
    let Some(served) = source.environment.serves.filter(|served| target.environment.serves != Some(*served)) else {
        return Ok(Ripe::Nothing);
    };
    let Some((source_audit, source_revision)) = rows.last_deployment(project.number, &rule.from).await? else {
        return Ok(Ripe::Nothing);
    };
    let last = rows.last_deployment(project.number, environment).await?;
    if last.is_some_and(|(audit, _)| audit > source_audit) {
        return Ok(Ripe::Nothing);
    }
    let made = rows.automation(project.number, environment, (&rule.from, source_revision)).await?;
    if made.is_some_and(|made| made.deployment.is_some()) {
        return Ok(Ripe::Nothing);
    }
    let release = rows.release(project.number, served.build.release).await?;
    if release.is_none_or(|release| rule.kind.is_some_and(|kind| kind != release.kind)) {
        return Ok(Ripe::Nothing);
    }
    let soaked = since.plus_ms(i64::from(rule.soak_minutes) * MINUTE_MS);
    if now < soaked {
        return Ok(Ripe::At(soaked));
    }
    Ok(Ripe::Now { build: served.build, source: rule.from.clone(), source_revision })
}
