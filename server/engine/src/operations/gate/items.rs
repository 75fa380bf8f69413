//! The work items of a release as the gate sees them: authorised for exactly what the build pins, and tested on it.

use std::collections::HashMap;

use shelfmark_domain::environment::Served;
use shelfmark_domain::gate::{EvidenceFacts, ItemFacts};
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::pin::Entry;

use super::prepared::PrepareError;
use crate::Engine;
use crate::catalog::{CatalogError, ItemReadiness, ProjectRow, Reading};

/// Each item of the build's release.
///
/// # Errors
/// When rows or the manifest can't be read.
pub(super) async fn items(
    engine: &Engine,
    rows: &mut Reading<'_>,
    project: &ProjectRow,
    build: &Served,
) -> Result<Vec<ItemFacts>, PrepareError> {
    let release = build.build.release;
    let others = other_pins(engine, rows, project, build).await?;
    let mut tests: HashMap<WorkItemNumber, EvidenceFacts> = HashMap::new();
    for item in rows.item_tests(project.number, release, build.manifest).await? {
        let facts = EvidenceFacts { passed: item.passed.len() as u64, failed: item.failed };
        tests.insert(item.item, facts);
    }
    let items = rows.item_readiness(project.number, release).await?.into_iter().map(|item| ItemFacts {
        number: item.item,
        unauthorised: unauthorised(&item, others.get(&item.item)),
        evidence: tests.remove(&item.item).unwrap_or_default(),
    });
    Ok(items.collect())
}

/// By item, a path at which the build pins something else than its requester has said yes to. It is the build that goes
/// live: the release's lines may have changed since.
async fn other_pins(
    engine: &Engine,
    rows: &mut Reading<'_>,
    project: &ProjectRow,
    build: &Served,
) -> Result<HashMap<WorkItemNumber, String>, PrepareError> {
    let mut others = HashMap::new();
    for authorised in rows.authorised_pins(project.number, build.build.release).await? {
        let pin = engine.manifests.pin(build.manifest, &authorised.key).await?;
        if !pin.is_some_and(|pin| pin.asset == authorised.asset && pin.version == authorised.version) {
            others.entry(authorised.item).or_insert(authorised.key);
        }
    }
    Ok(others)
}

fn unauthorised(item: &ItemReadiness, other: Option<&String>) -> Option<String> {
    match (item.authorised_by.is_some() && item.is_carried(), other) {
        (false, _) => Some(format!("it is {}", item.status.as_str())),
        (true, Some(path)) => Some(format!("the build pins another version at {path}")),
        (true, None) => None,
    }
}

/// The paths that the build changes without any of the release's items standing behind it.
///
/// # Errors
/// When rows can't be read.
pub(super) async fn untraced(
    rows: &mut Reading<'_>,
    project: &ProjectRow,
    build: &Served,
    changes: &[Difference],
) -> Result<Vec<String>, CatalogError> {
    let answering = rows.answering_versions(project.number, build.build.release).await?;
    let untraced = changes.iter().filter(|change| match &change.after {
        Some(Entry::Pin(pin)) => !answering.contains(&(pin.asset, pin.version)),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => false,
    });
    Ok(untraced.map(|change| change.key.clone()).collect())
}
