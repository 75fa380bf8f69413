//! Going on with verifications: what can be looked at from here.

use std::convert::Infallible;
use std::time::Duration;

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{OnFailure, OutsideFacts, Trigger};
use shelfmark_domain::time::Timestamp;

use super::decide::{conclude, go_back_refused};
use super::error::VerifyError;
use super::found::{Looked, VERIFIER};
use super::read_back::read_back;
use crate::Engine;
use crate::catalog::{CatalogError, OpenVerification, VerificationState, VerifiedItem};
use crate::operations::gate::{DeployError, Rollback, roll_back};
use crate::operations::people::caller::Caller;

/// Verifications looked at in one go.
const AT_ONCE: u32 = 20;
const CONTENTS: &str = "contents";

/// Takes the verifications that are to be gone on with at an instant that has really come, see `Clock::passed`.
///
/// # Errors
/// When the database doesn't answer.
pub async fn claim_verifications(engine: &Engine, now: Timestamp) -> Result<Vec<OpenVerification>, CatalogError> {
    let lease_ms = engine.limits.lease_ms;
    let mut claimed = Vec::new();
    for open in engine.catalog.open_verifications(now, lease_ms, AT_ONCE).await? {
        if engine.catalog.lease_verification(&open, now, lease_ms).await? {
            claimed.push(open);
        }
    }
    Ok(claimed)
}

/// Looks at contents and outside checks. Contents that have been found right are not read again.
///
/// # Errors
/// What kept the reading from going on; damage is no error.
pub async fn look_at_verification(
    engine: &Engine,
    open: &OpenVerification,
    now: Timestamp,
) -> Result<Looked, VerifyError> {
    let mut looked = Looked { items: Vec::new(), is_hopeless: false };
    if open.row.rule.read_back {
        let known = open.row.items.iter().find(|item| item.name == CONTENTS && item.passed.is_some());
        let item = match known {
            Some(item) => item.clone(),
            None => contents(engine, open, now).await?,
        };
        looked.is_hopeless = item.passed == Some(false);
        looked.items.push(item);
    }
    if !open.row.rule.outside.is_empty() {
        let mut snapshot = engine.catalog.snapshot().await?;
        let reports = snapshot.reading().last_reports(open.project_number, open.row.manifest).await?;
        let rules = open.row.rule.outside.iter();
        looked.items.extend(rules.map(|rule| outside(&rule.name, &reports, open.row.begun_at, now)));
    }
    Ok(looked)
}

async fn contents(engine: &Engine, open: &OpenVerification, now: Timestamp) -> Result<VerifiedItem, VerifyError> {
    let found = read_back(engine, (open.row.before, open.row.manifest)).await?;
    Ok(VerifiedItem { name: CONTENTS.into(), passed: Some(found.passed()), reason: found.reason(), at: now })
}

/// Keeps a verification from other processes for as long as this is waited for; it does not end.
pub async fn hold_verification(engine: &Engine, open: &OpenVerification) -> Infallible {
    let third = Duration::from_millis(engine.limits.lease_ms.unsigned_abs()) / 3;
    loop {
        tokio::time::sleep(third).await;
        let until = engine.clock.passed().plus_ms(engine.limits.lease_ms);
        if let Err(error) = engine.catalog.extend_verification_lease(open, until).await {
            tracing::warn!(%error, "a verification could not be held; another process may begin it as well");
        }
    }
}

/// What an outside check says of the build since it is served; of several reports the last one counts.
fn outside(name: &str, reports: &[OutsideFacts], since: Timestamp, now: Timestamp) -> VerifiedItem {
    let report = reports.iter().find(|report| report.name == name && report.at >= since);
    let (passed, reason) = match report {
        None => (None, "nothing is reported on the build since it is served".to_owned()),
        Some(OutsideFacts { passed: None, at, .. }) => (None, format!("it runs since {at}")),
        Some(OutsideFacts { passed, summary, at, .. }) => (*passed, format!("reported at {at}: {summary}")),
    };
    VerifiedItem { name: format!("outside:{name}"), passed, reason, at: now }
}

/// Takes an environment back whose verification has failed, if it still serves what was verified. The change that moves
/// the pointer marks the verification, so that it happens once.
///
/// # Errors
/// What is tried again later.
pub async fn roll_back_verified(engine: &Engine, open: &OpenVerification, now: Timestamp) -> Result<(), VerifyError> {
    let row = &open.row;
    debug_assert_eq!((row.state, row.kind), (VerificationState::RollingBack, DeploymentKind::Promotion));
    debug_assert_eq!(row.rule.on_failure, OnFailure::RollBack);
    let rollback = Rollback {
        environment: row.environment.clone(),
        to: None,
        reason: format!("the verification of deployment {} has failed", row.revision),
        trigger: Trigger::Verification,
        expected: None,
    };
    match roll_back(engine, &Caller::system(VERIFIER, now), &open.project, rollback).await {
        Ok(_) => Ok(()),
        Err(error @ (DeployError::NotDue(_) | DeployError::NothingBefore(_) | DeployError::NoEnvironment(_))) => {
            Ok(conclude(engine, open, (VerificationState::Failed, &error.to_string()), &row.items, now).await?)
        }
        Err(DeployError::Refused(refusal)) => {
            go_back_refused(engine, open, &refusal.to_string(), now).await?;
            let again = now.plus_ms(engine.limits.refused_ms);
            Ok(engine.catalog.put_verification_off(open, &row.items, again).await?)
        }
        Err(error) => {
            if error.kind() != FailureKind::Busy {
                tracing::warn!(%error, environment = %row.environment, "a rollback failed; it is tried again");
            }
            let again = now.plus_ms(engine.limits.verify_again_ms);
            Ok(engine.catalog.put_verification_off(open, &row.items, again).await?)
        }
    }
}
