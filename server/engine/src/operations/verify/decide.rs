//! Deciding verifications by what has been found.

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::gate::OnFailure;
use shelfmark_domain::time::Timestamp;

use super::found::{Found, Looked, VERIFIER};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, OpenVerification, VerificationState, VerifiedItem};
use crate::operations::people::caller::Caller;

/// Said of an address that has not been fetched.
const NOT_FETCHED: &str = "it was not fetched";

/// Decides a verification, or puts it off: it has passed when each item has, and failed when its time is over before, or
/// nothing can help. `found` says what is at the addresses.
///
/// # Errors
/// When the database doesn't answer; the verification is gone on with when the lease is over.
pub async fn conclude_verification(
    engine: &Engine,
    open: &OpenVerification,
    (looked, found): (Looked, Vec<Found>),
    now: Timestamp,
) -> Result<VerificationState, CatalogError> {
    let mut items = looked.items;
    items.extend(found.into_iter().map(|(name, outcome)| {
        let passed = Some(outcome.is_ok());
        VerifiedItem { name, passed, reason: outcome.unwrap_or_else(|wrong| wrong), at: now }
    }));
    for address in &open.row.rule.addresses {
        if !items.iter().any(|item| item.name == address.url) {
            let (name, reason) = (address.url.clone(), NOT_FETCHED.to_owned());
            items.push(VerifiedItem { name, passed: None, reason, at: now });
        }
    }
    let wrong: Vec<String> = items
        .iter()
        .filter(|item| item.passed != Some(true))
        .map(|item| format!("{}: {}", item.name, item.reason))
        .collect();
    let (state, why) = if wrong.is_empty() {
        (VerificationState::Passed, "everything is as it should be".to_owned())
    } else if looked.is_hopeless || now >= open.row.ends_at {
        (after_failure(open), wrong.join("; "))
    } else {
        let again = now.plus_ms(engine.limits.verify_again_ms).min(open.row.ends_at);
        engine.catalog.put_verification_off(open, &items, again).await?;
        return Ok(VerificationState::Pending);
    };
    conclude(engine, open, (state, &why), &items, now).await?;
    Ok(state)
}

/// What follows a failure. What has been rolled back to is not left again by itself.
fn after_failure(open: &OpenVerification) -> VerificationState {
    match (open.row.rule.on_failure, open.row.kind) {
        (OnFailure::RollBack, DeploymentKind::Promotion) => VerificationState::RollingBack,
        (OnFailure::RollBack, DeploymentKind::Rollback) | (OnFailure::Report, _) => VerificationState::Failed,
    }
}

/// Writes a decision, if it is still to be made. An environment that has moved on makes it void.
pub(super) async fn conclude(
    engine: &Engine,
    open: &OpenVerification,
    (state, why): (VerificationState, &str),
    items: &[VerifiedItem],
    now: Timestamp,
) -> Result<(), CatalogError> {
    let mut write = engine.catalog.write().await?;
    let (project, environment) = (open.project_number, &open.row.environment);
    let present = write.verification(project, environment, open.row.revision).await?;
    let Some(mut row) = present.filter(|row| row.run == open.row.run && row.state == open.row.state) else {
        return Ok(());
    };
    let last = write.reading().last_deployment(project, environment).await?;
    let is_served = last.is_some_and(|(_, revision)| revision == row.revision);
    let was_failing = row.state == VerificationState::RollingBack;
    (row.state, row.why) = match (is_served, was_failing) {
        (false, false) => (VerificationState::Superseded, "the environment serves another deployment by now".into()),
        (true, false) => (state, why.to_owned()),
        (_, true) => (state, format!("{}; it was not rolled back: {why}", row.why)),
    };
    row.items = items.to_vec();
    row.finished_at = (row.state != VerificationState::RollingBack).then_some(now);
    let action = match row.state {
        VerificationState::Passed => "verification.passed",
        VerificationState::Superseded => "verification.superseded",
        VerificationState::Failed if was_failing => "verification.not_rolled_back",
        _ => "verification.failed",
    };
    let draft = audit(action, open, &row.why, row.state);
    write.record(&Caller::system(VERIFIER, now).principal, now, draft);
    write.put_verification(project, &row, now).await?;
    write.commit().await
}

fn audit(action: &'static str, open: &OpenVerification, why: &str, state: VerificationState) -> AuditDraft {
    let row = &open.row;
    AuditDraft {
        action,
        project: open.project.to_string(),
        subject: row.environment.to_string(),
        message: why.to_owned(),
        details: serde_json::json!({ "environment": row.environment, "revision": row.revision, "build": row.build,
            "rolls_back": state == VerificationState::RollingBack }),
    }
}

/// Tells once that the gate refuses to go back.
pub(super) async fn go_back_refused(
    engine: &Engine,
    open: &OpenVerification,
    why: &str,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let mut write = engine.catalog.write().await?;
    let (project, environment) = (open.project_number, &open.row.environment);
    let Some(mut row) = write.verification(project, environment, open.row.revision).await? else { return Ok(()) };
    const SAID: &str = "; the rollback waits: ";
    if row.state != VerificationState::RollingBack || row.why.contains(SAID) {
        return Ok(());
    }
    row.why = format!("{}{SAID}{why}", row.why);
    let draft = audit("verification.rollback_refused", open, why, row.state);
    write.record(&Caller::system(VERIFIER, now).principal, now, draft);
    write.put_verification(project, &row, now).await?;
    write.commit().await
}
