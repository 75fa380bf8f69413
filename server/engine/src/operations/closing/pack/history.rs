//! Where the release has been, what the gate said then, and what went wrong.

use serde_json::{Value, json};

use super::archive::Archive;
use super::{PackError, ROWS_AT_ONCE, Source};
use crate::catalog::{DeploymentRow, IncidentRow, ReviewRow};

/// The deployments of the release's builds and the rollbacks from them, by environment and revision.
pub(super) async fn deployments(source: &Source<'_>) -> Result<Vec<DeploymentRow>, PackError> {
    let mut found: Vec<DeploymentRow> = Vec::new();
    loop {
        let after = found.last().map(|row| (row.environment.clone(), row.revision));
        let after = after.as_ref().map(|(environment, revision)| (environment, *revision));
        let catalog = &source.engine.catalog;
        let page = catalog.deployments_of_release(source.project.number, source.number(), after, ROWS_AT_ONCE).await?;
        let is_last = page.len() < ROWS_AT_ONCE as usize;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// Adds deployments with the gate's checks, reviews of broken glass, and incidents.
pub(super) async fn add(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    let found = deployments(source).await?;
    archive.list("deployments.ndjson", found.iter().map(deployment)).await?;
    let reviews = source.engine.catalog.reviews_of_release(source.project.number, source.number()).await?;
    archive.list("reviews.ndjson", reviews.iter().map(review)).await?;
    archive.begin("incidents.ndjson").await?;
    let mut after = 0;
    loop {
        let catalog = &source.engine.catalog;
        let page = catalog.incidents(source.project.number, source.number(), after, ROWS_AT_ONCE).await?;
        after = page.items.last().map_or(after, |row| row.item.get());
        archive.lines(page.items.iter().map(incident)).await?;
        if page.next.is_none() {
            return Ok(());
        }
    }
}

fn deployment(row: &DeploymentRow) -> Value {
    json!({ "environment": row.environment, "revision": row.revision, "kind": row.kind, "build": row.serves.build,
        "manifest": row.serves.manifest, "replaced": row.replaced, "reason": row.reason, "by": row.actor_name,
        "at": row.at, "class": row.class, "cause": row.cause, "checks": row.verdict })
}

fn review(row: &ReviewRow) -> Value {
    let done = row.done.as_ref().map(|(by, at, review)| json!({ "by": by, "at": at, "review": review }));
    json!({ "environment": row.environment, "revision": row.revision, "by": row.by_name, "reason": row.reason,
        "at": row.at, "done": done })
}

fn incident(row: &IncidentRow) -> Value {
    let cause = row.cause.as_ref().map(|cause| {
        json!({ "environment": cause.environment, "revision": cause.deployment, "build": cause.build,
            "by": cause.by_name, "at": cause.at })
    });
    json!({ "item": row.item, "title": row.title, "status": row.status, "of_release": row.is_grouped, "cause": cause })
}
