//! The one gate to an environment's pointer. Every promotion and every rollback, whoever asks for it, passes
//! `deploy`, where the domain decides, and leaves the same traces: the row, its history with what the gate said, the
//! audit entry, the event.

use shelfmark_domain::access::Permission;
use shelfmark_domain::environment::{DeploymentKind, Moved, Pointing, Served};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::gate::{Class, Question, Trigger, Verdict};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};

use super::after::{Move, follow};
use super::facts::{NoPlace, Place};
use super::occasion::{NotDue, Occasion, Occasioned};
use super::prepared::{PrepareError, Prepared};
use super::target::rollback_target;
use crate::Engine;
use crate::catalog::{AuditDraft, Authorised, CatalogError, DeploymentRow, ProjectRow, Write};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::references::ReferenceError;
use crate::operations::text::{InvalidText, check_said, check_text};

/// How often what a decision needs is worked out anew because the environment or its policy has changed meanwhile.
const TRIES: u32 = 8;

/// On what ground a build is promoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Someone asks for it.
    #[default]
    Person,
    /// Someone who may breaks the glass, and says why.
    BreakGlass,
    /// The schedule of this number is due.
    Schedule(i64),
    /// A policy says so, because of the deployment of this revision in the environment that it promotes from.
    Automation(i64),
}

impl From<Way> for Occasion {
    fn from(way: Way) -> Self {
        match way {
            Way::Person | Way::BreakGlass => Self::Request,
            Way::Schedule(number) => Self::Schedule(number),
            Way::Automation(revision) => Self::Automation(revision),
        }
    }
}

/// What to move to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub reason: String,
    pub way: Way,
    /// The environment's revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// What to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    pub environment: EnvironmentName,
    /// `None`: what was served before the present build was promoted.
    pub to: Option<BuildName>,
    pub reason: String,
    /// A person, or a verification that failed.
    pub trigger: Trigger,
    pub expected: Option<i64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The deployment that made the environment serve the build; an earlier one when nothing had to be done.
    pub deployment: DeploymentRow,
    pub is_new: bool,
    /// The environment's revision then: later than the deployment's when its settings have changed since.
    pub revision: i64,
}

/// The gate has said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{environment} does not take {build}: {}", reasons(.verdict))]
pub struct Refusal {
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub verdict: Verdict,
}

fn reasons(verdict: &Verdict) -> String {
    let failures: Vec<String> = verdict.failures().map(|check| format!("{}: {}", check.name, check.reason)).collect();
    failures.join("; ")
}

/// Why an environment serves what it served before.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    #[error("there is no build {0} in this project; list a release's builds with GET builds")]
    NoBuild(BuildName),
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error("{environment} has never served {build}; promote it, or choose one from its deployments")]
    NeverServed { environment: EnvironmentName, build: BuildName },
    #[error("{0} has served nothing before what it serves now, so there is nothing to go back to")]
    NothingBefore(EnvironmentName),
    #[error("{0} and its policy keep changing; try again when they have settled")]
    Restless(EnvironmentName),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    NotDue(#[from] NotDue),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Moved(#[from] Moved),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    References(#[from] ReferenceError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for DeployError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoBuild(_) | Self::NoEnvironment(_) => FailureKind::NotFound,
            Self::NeverServed { .. } | Self::NothingBefore(_) | Self::Refused(_) => FailureKind::Conflict,
            Self::Restless(_) => FailureKind::Busy,
            Self::NotDue(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Moved(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::References(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        if let Self::Text(error) = self { error.field() } else { None }
    }
}

impl From<Occasioned> for DeployError {
    fn from(error: Occasioned) -> Self {
        match error {
            Occasioned::NotDue(error) => Self::NotDue(error),
            Occasioned::Catalog(error) => Self::Catalog(error),
        }
    }
}

impl From<PrepareError> for DeployError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Read(error) => Self::Read(error),
            PrepareError::Catalog(error) => Self::Catalog(error),
            PrepareError::References(error) => Self::References(error),
        }
    }
}

/// Makes an environment serve a build. What it serves already is a success that adds nothing.
///
/// # Errors
/// See `DeployError`; the environment is unchanged.
pub async fn promote(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    promotion: Promotion,
) -> Result<Deployed, DeployError> {
    let Promotion { environment, build, reason, way, expected } = promotion;
    let (permission, class, trigger) = match way {
        Way::Person => (Permission::Promote, None, Trigger::Person),
        Way::BreakGlass => (Permission::BreakGlass, Some(Class::BreakGlass), Trigger::Person),
        Way::Schedule(_) => (Permission::Promote, None, Trigger::Schedule),
        Way::Automation(_) => (Permission::Promote, None, Trigger::Automation),
    };
    let project = caller.environment(&engine.catalog, project, &environment, permission).await?;
    if way == Way::BreakGlass {
        check_said("reason", &reason, engine.limits.text_bytes_max)?;
    }
    if let Some(earlier) = earlier(engine, caller, &project, &environment).await? {
        return Ok(earlier);
    }
    let (kind, occasion) = (DeploymentKind::Promotion, way.into());
    let asked = Asked { environment, build, kind, class, trigger, occasion, reason, expected };
    deploy(engine, caller, &project, asked).await
}

/// Makes an environment serve again what it served before.
///
/// # Errors
/// See `DeployError`; the environment is unchanged.
pub async fn roll_back(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    rollback: Rollback,
) -> Result<Deployed, DeployError> {
    let project = caller.environment(&engine.catalog, project, &rollback.environment, Permission::Promote).await?;
    if let Some(earlier) = earlier(engine, caller, &project, &rollback.environment).await? {
        return Ok(earlier);
    }
    let (served, revision) = rollback_target(engine, &project, &rollback).await?;
    let Rollback { environment, reason, trigger, expected, .. } = rollback;
    // The target was found for this revision; if the pointer has moved since, it may be another one.
    let expected = expected.or(Some(revision));
    let (kind, class) = (DeploymentKind::Rollback, Some(Class::Rollback));
    let occasion = match trigger {
        Trigger::Verification => Occasion::Verification,
        Trigger::Person | Trigger::Schedule | Trigger::Automation => Occasion::Request,
    };
    let asked = Asked { environment, build: served.build, kind, class, trigger, occasion, reason, expected };
    deploy(engine, caller, &project, asked).await
}

/// What the gate is asked.
struct Asked {
    environment: EnvironmentName,
    build: BuildName,
    kind: DeploymentKind,
    /// `None`: that of the release's kind.
    class: Option<Class>,
    trigger: Trigger,
    occasion: Occasion,
    reason: String,
    expected: Option<i64>,
}

/// The gate.
async fn deploy(engine: &Engine, caller: &Caller, project: &ProjectRow, asked: Asked) -> Result<Deployed, DeployError> {
    check_text("reason", &asked.reason, engine.limits.text_bytes_max)?;
    let mut prepared = Prepared::default();
    for _ in 0..TRIES {
        let mut write = caller.begin(&engine.catalog).await?;
        let place = Place::read(&mut write.reading(), project, &asked.environment, asked.build).await;
        let place = place.map_err(|error| absent(error, &asked))?;
        if place.environment.serves == Some(place.served()) {
            return already_served(engine, caller, project, write, (asked.occasion, &place)).await;
        }
        if prepared.fits(&place) {
            return through(engine, caller, project, write, (&asked, &place, &prepared)).await;
        }
        drop(write); // what is worked out may take its time, and may keep rows of its own
        prepared = Prepared::for_place(engine, project, &place).await?;
    }
    Err(DeployError::Restless(asked.environment))
}

fn absent(error: NoPlace, asked: &Asked) -> DeployError {
    match error {
        NoPlace::Environment => DeployError::NoEnvironment(asked.environment.clone()),
        NoPlace::Build => DeployError::NoBuild(asked.build),
        NoPlace::Catalog(error) => DeployError::Catalog(error),
    }
}

/// Decides, and if the gate says yes moves the pointer with all that follows.
async fn through(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    mut write: Write,
    (asked, place, prepared): (&Asked, &Place, &Prepared),
) -> Result<Deployed, DeployError> {
    let (served, class) = (place.served(), asked.class.unwrap_or_else(|| place.kind().into()));
    let pointing = place.environment.point_at(served, asked.kind, asked.reason.clone(), asked.expected, caller.now)?;
    let Pointing::Move(deployment) = pointing else {
        return already_served(engine, caller, project, write, (asked.occasion, place)).await;
    };
    asked.occasion.check(&mut write, project, place, caller.now).await?;
    let question = Question {
        environment: asked.environment.clone(),
        build: asked.build,
        at: caller.now,
        class,
        trigger: asked.trigger,
        reason: asked.reason.clone(),
    };
    let verdict = place.decide(engine, &mut write.reading(), project, &question, prepared).await?;
    if !verdict.passes() {
        return Err(Refusal { environment: asked.environment.clone(), build: asked.build, verdict }.into());
    }
    let last = write.reading().last_deployment(project.number, &asked.environment).await?;
    let sequence =
        write.record(&caller.principal, caller.now, trace(project, asked, place, deployment.revision, class));
    let by = Authorised { actor_name: caller.principal.name.clone(), class, cause: asked.trigger, verdict };
    let moved = write.move_pointer(project.number, &deployment, &by, sequence).await?;
    debug_assert!(moved, "the revision was read in this same transaction, which holds the lock on all changes");
    let (kind, revision) = (asked.kind, deployment.revision);
    let followed = Move { place, kind, class, reason: &asked.reason, revision, sequence };
    follow(&mut write, caller, project, &followed).await?;
    let revisions = (last.map(|(_, revision)| revision), deployment.revision);
    asked.occasion.close(&mut write, caller, project, place, revisions).await?;
    let Authorised { actor_name, class, cause, verdict } = by;
    let row = DeploymentRow {
        environment: asked.environment.clone(),
        revision: deployment.revision,
        kind: asked.kind,
        serves: served,
        replaced: deployment.replaced.map(|served| served.build),
        reason: deployment.reason,
        actor_name,
        at: caller.now,
        class,
        cause,
        verdict,
    };
    let deployed = Deployed { revision: row.revision, deployment: row, is_new: true };
    note(&mut write, caller, &deployed).await?;
    engine.pointers.commit(write, project.number).await?;
    Ok(deployed)
}

fn trace(project: &ProjectRow, asked: &Asked, place: &Place, revision: i64, class: Class) -> AuditDraft {
    let action = match asked.kind {
        DeploymentKind::Promotion => "environment.promoted",
        DeploymentKind::Rollback => "environment.rolled_back",
    };
    let (served, replaced): (Served, Option<Served>) = (place.served(), place.environment.serves);
    let details = serde_json::json!({ "environment": asked.environment, "build": served.build,
        "manifest": served.manifest, "revision": revision, "replaced": replaced.map(|served| served.build),
        "class": class, "cause": asked.trigger, "schedule": asked.occasion.schedule() });
    let (project, subject) = (project.name.to_string(), asked.environment.to_string());
    AuditDraft { action, project, subject, message: asked.reason.clone(), details }
}

/// What is kept for a repetition: a promotion that is sent again must not undo a rollback that came in between.
type Kept = (i64, bool, i64);

async fn note(write: &mut Write, caller: &Caller, deployed: &Deployed) -> Result<(), AccessError> {
    let kept: Kept = (deployed.deployment.revision, deployed.is_new, deployed.revision);
    caller.note_outcome(write, &kept).await
}

/// What came of an earlier request with the same key.
async fn earlier(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    environment: &EnvironmentName,
) -> Result<Option<Deployed>, DeployError> {
    let Some((deployed_at, is_new, revision)) = caller.earlier_outcome::<Kept>(&engine.catalog).await? else {
        return Ok(None);
    };
    engine.pointers.refresh().await?; // the first request may not have learnt that its commit took effect
    let before = deployed_at.saturating_add(1);
    let page = engine.catalog.deployments(project.number, environment, Some(before), 1).await?;
    let deployment = page.items.into_iter().next();
    let deployment = deployment.ok_or_else(|| DeployError::NothingBefore(environment.clone()))?;
    Ok(Some(Deployed { deployment, is_new, revision }))
}

async fn already_served(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    mut write: Write,
    (occasion, place): (Occasion, &Place),
) -> Result<Deployed, DeployError> {
    occasion.check(&mut write, project, place, caller.now).await?;
    // Another process may have moved it, or this one without learning that its commit took effect.
    engine.pointers.refresh().await?;
    let (environment, revision) = (&place.environment.name, place.environment.revision);
    let page = engine.catalog.deployments(project.number, environment, None, 1).await?;
    let deployment = page.items.into_iter().next();
    let deployment = deployment.ok_or_else(|| DeployError::NothingBefore(environment.clone()))?;
    let deployed = Deployed { deployment, is_new: false, revision };
    occasion.close_served(&mut write, caller, project, place, deployed.deployment.revision).await?;
    note(&mut write, caller, &deployed).await?;
    write.commit().await?;
    Ok(deployed)
}
