//! Promoting by itself what has proved itself elsewhere. Who is first does it; the change that moves the pointer notes
//! the deployment that it came from, so that it happens once.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::{Check, Verdict};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::time::Timestamp;

use super::run::names;
use crate::Engine;
use crate::catalog::{AuditDraft, AutomationRow, CatalogError, ProjectRow};
use crate::operations::gate::{DeployError, Promotion, Ripe, Way, policy, promote, ripe};
use crate::operations::people::caller::Caller;

const AUTOMATION: &str = "automatic promotion";

/// What is promoted by itself now.
struct Candidate {
    project: ProjectRow,
    environment: EnvironmentName,
    build: BuildName,
    source: EnvironmentName,
    source_revision: i64,
}

/// What automation has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Automated {
    pub promoted: usize,
    /// When the next soak time is over that is not yet.
    pub next_at: Option<Timestamp>,
}

/// Promotes what policies promote by themselves at an instant that has really come, see `Clock::passed`.
///
/// # Errors
/// When the database can't say what there is. What goes wrong with one promotion is logged, and tried again.
pub async fn run_automations(engine: &Engine, now: Timestamp) -> Result<Automated, CatalogError> {
    let (candidates, next_at) = candidates(engine, now).await?;
    let mut automated = Automated { promoted: 0, next_at };
    for candidate in candidates {
        match try_to_promote(engine, &candidate, now).await {
            Ok(is_promoted) => automated.promoted += usize::from(is_promoted),
            Err(error) => {
                let environment = &candidate.environment;
                tracing::warn!(%error, %environment, "an automatic promotion could not be tried; it is tried again");
            }
        }
    }
    Ok(automated)
}

async fn candidates(engine: &Engine, now: Timestamp) -> Result<(Vec<Candidate>, Option<Timestamp>), CatalogError> {
    let (mut candidates, mut next) = (Vec::new(), None);
    for name in engine.catalog.projects_with_automation().await? {
        let Some(project) = engine.catalog.project(&name).await? else { continue };
        let mut snapshot = engine.catalog.snapshot().await?;
        for at in snapshot.reading().environments(project.number).await? {
            let environment = at.environment.name;
            let policy = policy(&mut snapshot.reading(), &project, &environment).await?;
            match ripe(&mut snapshot.reading(), &project, &environment, &policy, now).await? {
                Ripe::Now { build, source, source_revision } => {
                    let project = project.clone();
                    candidates.push(Candidate { project, environment, build, source, source_revision });
                }
                Ripe::At(instant) => next = Some(next.map_or(instant, |next: Timestamp| next.min(instant))),
                Ripe::Nothing => {}
            }
        }
    }
    Ok((candidates, next))
}

async fn try_to_promote(engine: &Engine, candidate: &Candidate, now: Timestamp) -> Result<bool, CatalogError> {
    let Candidate { project, environment, build, source, source_revision } = candidate;
    let promotion = Promotion {
        environment: environment.clone(),
        build: *build,
        reason: format!("{source} has served it for its soak time"),
        way: Way::Automation(*source_revision),
        expected: None,
    };
    let name: &ProjectName = &project.name;
    match promote(engine, &Caller::system(AUTOMATION, now), name, promotion).await {
        Ok(deployed) => Ok(deployed.is_new),
        Err(DeployError::NotDue(_)) => Ok(false),
        Err(DeployError::Refused(refusal)) => {
            refuse(engine, candidate, refusal.verdict, now).await?;
            Ok(false)
        }
        Err(error) => {
            if error.kind() != FailureKind::Busy {
                tracing::warn!(%error, %environment, "an automatic promotion failed; it is tried again");
            }
            Ok(false)
        }
    }
}

/// Notes what the gate said. People are told when other checks stand in the way than before.
async fn refuse(engine: &Engine, candidate: &Candidate, verdict: Verdict, now: Timestamp) -> Result<(), CatalogError> {
    let Candidate { project, environment, build, source, source_revision } = candidate;
    let failures: Vec<Check> = verdict.failures().cloned().collect();
    let mut write = engine.catalog.write().await?;
    let present = write.reading().automation(project.number, environment, (source, *source_revision)).await?;
    let is_known = |row: &AutomationRow| row.deployment.is_some() || names(&row.refusal) == names(&failures);
    if present.is_some_and(|row| is_known(&row)) {
        return Ok(());
    }
    let draft = AuditDraft {
        action: "environment.automation_refused",
        project: project.name.to_string(),
        subject: environment.to_string(),
        message: String::new(),
        details: serde_json::json!({ "environment": environment, "from": source, "revision": source_revision,
            "build": build, "checks": failures }),
    };
    write.record(&Caller::system(AUTOMATION, now).principal, now, draft);
    let row = AutomationRow {
        environment: environment.clone(),
        source: source.clone(),
        source_revision: *source_revision,
        deployment: None,
        refusal: failures,
        refused_at: Some(now),
    };
    write.put_automation(project.number, &row).await?;
    write.commit().await
}
