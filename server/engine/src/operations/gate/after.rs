//! What a move of an environment's pointer means to releases, locks and reviews. It happens in the same change.

use shelfmark_domain::environment::{DeploymentKind, Served};
use shelfmark_domain::gate::{Class, LockFacts};
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::release::{ReleaseState, ReleaseStep};

use super::facts::Place;
use crate::catalog::{
    AuditDraft, CatalogError, LockKind, LockRow, ProjectRow, ReleaseRow, ReviewRow, VerificationRow, VerificationState,
    Write,
};
use crate::operations::people::caller::Caller;
use crate::operations::work::{release_items, unrelease_items};

const MINUTE_MS: i64 = 60_000;

/// A move that the gate has let through.
pub(super) struct Move<'a> {
    /// As it was before.
    pub place: &'a Place,
    pub kind: DeploymentKind,
    pub class: Class,
    pub reason: &'a str,
    /// Of the deployment.
    pub revision: i64,
    /// Of its audit entry.
    pub sequence: i64,
}

/// Carries out what follows.
///
/// # Errors
/// When rows can't be read or written; the whole change is given up then.
pub(super) async fn follow(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    moved: &Move<'_>,
) -> Result<(), CatalogError> {
    let (before, served) = (moved.place.environment.serves, moved.place.served());
    if moved.kind == DeploymentKind::Rollback {
        hold(write, caller, project, moved).await?;
        thaw_environment(write, caller, project, moved).await?;
    }
    if moved.place.is_final {
        carry_release_states(write, caller, project, (before, served), moved).await?;
    }
    if moved.class == Class::BreakGlass {
        owe_review(write, caller, project, moved).await?;
    }
    verify(write, caller, project, moved).await
}

/// What the policy wants verified is noted with the move, so that no crash loses it.
async fn verify(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    moved: &Move<'_>,
) -> Result<(), CatalogError> {
    let Some(rule) = moved.place.policy.verification.clone() else { return Ok(()) };
    let served = moved.place.served();
    let row = VerificationRow {
        environment: moved.place.environment.name.clone(),
        revision: moved.revision,
        kind: moved.kind,
        build: served.build,
        manifest: served.manifest,
        before: moved.place.environment.serves.map(|before| before.manifest),
        run: 1,
        state: VerificationState::Pending,
        why: String::new(),
        items: Vec::new(),
        begun_at: caller.now,
        ends_at: caller.now.plus_ms(i64::from(rule.within_minutes) * MINUTE_MS),
        finished_at: None,
        rolled_back: None,
        rule,
    };
    write.put_verification(project.number, &row, caller.now).await
}

/// After a rollback schedules and automations wait until a person lifts the hold.
async fn hold(write: &mut Write, caller: &Caller, project: &ProjectRow, moved: &Move<'_>) -> Result<(), CatalogError> {
    let environment = &moved.place.environment.name;
    let present = write.reading().present_locks(project.number, environment).await?;
    if present.iter().any(|lock| lock.kind == LockKind::Hold) {
        return Ok(());
    }
    let facts = LockFacts {
        build: None,
        classes: [].into(),
        by_name: caller.principal.name.clone(),
        reason: moved.reason.to_owned(),
        since: caller.now,
        until: None,
    };
    let (number, environment) = (moved.sequence, environment.clone());
    let lock = LockRow { number, environment, kind: LockKind::Hold, facts, ended: None };
    write.insert_lock(project.number, &lock).await
}

/// A rollback of a frozen environment ends its freeze: what was frozen is not there any more.
async fn thaw_environment(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    moved: &Move<'_>,
) -> Result<(), CatalogError> {
    let present = write.reading().present_locks(project.number, &moved.place.environment.name).await?;
    let freeze = present.into_iter().find(|lock| lock.kind == LockKind::Freeze);
    let Some(freeze) = freeze.filter(|lock| lock.facts.build != Some(moved.place.served().build)) else {
        return Ok(());
    };
    let release = freeze.facts.build.map(|build| build.release);
    end_freeze(write, caller, project, &freeze, "the environment was rolled back").await?;
    let Some(release) = release else { return Ok(()) };
    if let Some(row) = write.release(project.number, release).await?
        && let Ok(state) = row.state.after(ReleaseStep::Unfreeze)
    {
        write.update_release(project.number, &ReleaseRow { state, ..row }).await?;
    }
    Ok(())
}

/// Ends a freeze, with its audit entry.
pub(in crate::operations) async fn end_freeze(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    freeze: &LockRow,
    why: &str,
) -> Result<(), CatalogError> {
    let release = freeze.facts.build.map(|build| build.release.to_string()).unwrap_or_default();
    let details = serde_json::json!({ "environment": freeze.environment, "build": freeze.facts.build });
    let draft = AuditDraft {
        action: "release.unfrozen",
        project: project.name.to_string(),
        subject: release,
        message: why.to_owned(),
        details,
    };
    write.record(&caller.principal, caller.now, draft);
    write.end_lock(project.number, freeze.number, (caller.now, &caller.principal.name, why)).await
}

/// What reaching or leaving the final environment means to the releases.
async fn carry_release_states(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    (before, served): (Option<Served>, Served),
    moved: &Move<'_>,
) -> Result<(), CatalogError> {
    let left = before.filter(|before| before.build.release != served.build.release);
    let environment = &moved.place.environment.name;
    if moved.kind == DeploymentKind::Rollback
        && let Some(left) = left
    {
        unrelease_items(write, caller, project, left.build.release, environment).await?;
        carry(write, project, left.build.release, ReleaseState::after_final_rollback).await?;
        if let Some(freeze) = write.reading().freeze_of(project.number, left.build.release).await? {
            end_freeze(write, caller, project, &freeze, "the release was rolled back").await?;
        }
    }
    release_items(write, caller, project, served.build.release, environment, served.build).await?;
    carry(write, project, served.build.release, ReleaseState::after_final_promotion).await
}

async fn carry(
    write: &mut Write,
    project: &ProjectRow,
    number: ReleaseNumber,
    to: impl Fn(ReleaseState) -> ReleaseState,
) -> Result<(), CatalogError> {
    if let Some(release) = write.release(project.number, number).await? {
        let state = to(release.state);
        write.update_release(project.number, &ReleaseRow { state, ..release }).await?;
    }
    Ok(())
}

/// Whoever breaks the glass owes a review by someone else.
async fn owe_review(
    write: &mut Write,
    caller: &Caller,
    project: &ProjectRow,
    moved: &Move<'_>,
) -> Result<(), CatalogError> {
    let environment = &moved.place.environment.name;
    let row = ReviewRow {
        environment: environment.clone(),
        revision: moved.revision,
        release: moved.place.served().build.release,
        by: caller.principal.id.clone(),
        by_name: caller.principal.name.clone(),
        reason: moved.reason.to_owned(),
        at: caller.now,
        done: None,
    };
    write.insert_review(project.number, &row).await
}
