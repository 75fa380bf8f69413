//! Where a release has been, and what stood around it there.

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::gate::{LockRow, ReviewRow, WaiverRow, lock, review, waiver};
use crate::catalog::releases::deployment::{self, DeploymentRow};
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::query;

impl Catalog {
    /// The deployments of a release's builds and the rollbacks from them, by environment and revision, after a place in
    /// that order.
    pub async fn deployments_of_release(
        &self,
        project: i64,
        release: ReleaseNumber,
        after: Option<(&EnvironmentName, i64)>,
        limit: u32,
    ) -> Result<Vec<DeploymentRow>, CatalogError> {
        let (environment, revision) = after.map_or_else(|| (String::new(), 0), |(name, at)| (name.to_string(), at));
        let rows = query(format!(
            "SELECT {} WHERE project = $1 AND (release = $2 OR replaced_release = $2) \
             AND (environment > $3 OR (environment = $3 AND revision > $4)) ORDER BY environment, revision LIMIT $5",
            deployment::COLUMNS
        ))
        .bind(project)
        .bind(release.get())
        .bind(environment)
        .bind(revision)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(deployment::read).collect()
    }

    /// What an environment's deployments in a span of time made of it, oldest first: after `from`, not after `to`.
    pub async fn moves_between(
        &self,
        project: i64,
        environment: &EnvironmentName,
        (from, to): (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<(DeploymentKind, BuildName, Option<BuildName>)>, CatalogError> {
        let rows = query(
            "SELECT kind, release, build, replaced_release, replaced_build FROM deployments \
             WHERE project = $1 AND environment = $2 AND at > $3 AND at <= $4 ORDER BY revision LIMIT $5",
        )
        .bind(project)
        .bind(environment.to_string())
        .bind(from.as_micros())
        .bind(to.as_micros())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let kind = row.text(0)?;
            let replaced = match (row.int_or_null(3)?, row.int_or_null(4)?) {
                (Some(release), Some(build)) => Some(build_name(release, build)),
                _ => None,
            };
            let kind = DeploymentKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a deployment")))?;
            Ok((kind, build_name(row.int(1)?, row.int(2)?), replaced))
        };
        rows.iter().map(read).collect()
    }

    /// The locks of a project's environments that held at any time in a span, by number.
    pub async fn locks_between(
        &self,
        project: i64,
        (from, to): (Timestamp, Timestamp),
        (after, limit): (i64, u32),
    ) -> Result<Vec<LockRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {} WHERE project = $1 AND since <= $2 AND (ended_at IS NULL OR ended_at >= $3) AND number > $4 \
             ORDER BY number LIMIT $5",
            lock::COLUMNS
        ))
        .bind(project)
        .bind(to.as_micros())
        .bind(from.as_micros())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(lock::read).collect()
    }

    /// The waivers that held for a release at any time in a span, by number.
    pub async fn waivers_between(
        &self,
        project: i64,
        release: ReleaseNumber,
        (from, to): (Timestamp, Timestamp),
        (after, limit): (i64, u32),
    ) -> Result<Vec<WaiverRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {} WHERE project = $1 AND (release IS NULL OR release = $2) AND at <= $3 AND ends_at >= $4 \
             AND (revoked_at IS NULL OR revoked_at >= $4) AND number > $5 ORDER BY number LIMIT $6",
            waiver::COLUMNS
        ))
        .bind(project)
        .bind(release.get())
        .bind(to.as_micros())
        .bind(from.as_micros())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(waiver::read).collect()
    }

    /// The reviews of a release's deployments for which the glass was broken, owed and done.
    pub async fn reviews_of_release(
        &self,
        project: i64,
        release: ReleaseNumber,
    ) -> Result<Vec<ReviewRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {} WHERE project = $1 AND release = $2 ORDER BY environment, revision",
            review::COLUMNS
        ))
        .bind(project)
        .bind(release.get())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(review::read).collect()
    }
}
