//! The history of environments.

use shelfmark_domain::environment::{Deployment, DeploymentKind, Served};
use shelfmark_domain::gate::{Class, Trigger, Verdict};
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::time::Timestamp;

use super::environment::build_name;
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A recorded promotion or rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentRow {
    pub environment: EnvironmentName,
    /// The environment's revision after it.
    pub revision: i64,
    pub kind: DeploymentKind,
    pub serves: Served,
    /// What was served before; `None` for the first one.
    pub replaced: Option<BuildName>,
    pub reason: String,
    pub actor_name: String,
    pub at: Timestamp,
    pub class: Class,
    pub cause: Trigger,
    /// What the gate said.
    pub verdict: Verdict,
}

/// By whom and by what a deployment is made, and what the gate said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    pub actor_name: String,
    pub class: Class,
    pub cause: Trigger,
    pub verdict: Verdict,
}

pub(crate) const COLUMNS: &str = "environment, revision, kind, release, build, manifest, replaced_release, replaced_build, \
     reason, actor_name, at, class, cause, checks FROM deployments";

pub(crate) fn read(row: &sqlx::any::AnyRow) -> Result<DeploymentRow, CatalogError> {
    let (kind, class, cause) = (row.text(2)?, row.text(11)?, row.text(12)?);
    let verdict = serde_json::from_str(&row.text(13)?);
    let replaced = match (row.int_or_null(6)?, row.int_or_null(7)?) {
        (Some(release), Some(build)) => Some(build_name(release, build)),
        _ => None,
    };
    Ok(DeploymentRow {
        environment: row.parsed(0)?,
        revision: row.int(1)?,
        kind: DeploymentKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a kind of deployment")))?,
        serves: Served { build: build_name(row.int(3)?, row.int(4)?), manifest: row.manifest(5)? },
        replaced,
        reason: row.text(8)?,
        actor_name: row.text(9)?,
        at: row.time(10)?,
        class: Class::parse(&class).ok_or_else(|| corrupt(format!("{class:?} as a class of promotion")))?,
        cause: Trigger::parse(&cause).ok_or_else(|| corrupt(format!("{cause:?} as a cause")))?,
        verdict: verdict.map_err(|error| corrupt(format!("checks that can't be read: {error}")))?,
    })
}

impl Catalog {
    /// An environment's deployments, newest first.
    pub async fn deployments(
        &self,
        project: i64,
        environment: &EnvironmentName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<DeploymentRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND revision < $3 \
             ORDER BY revision DESC LIMIT $4"
        ))
        .bind(project)
        .bind(environment.to_string())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |deployment| Cursor::after(deployment.revision)))
    }

    /// What an environment served at an instant: its newest deployment that was not after it.
    pub async fn deployment_at(
        &self,
        project: i64,
        environment: &EnvironmentName,
        at: Timestamp,
    ) -> Result<Option<DeploymentRow>, CatalogError> {
        let row = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND at <= $3 ORDER BY revision DESC LIMIT 1"
        ))
        .bind(project)
        .bind(environment.to_string())
        .bind(at.as_micros())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// When and as what an environment's deployments after a revision began to be served, oldest first.
    pub async fn served_after(
        &self,
        project: i64,
        environment: &EnvironmentName,
        revision: i64,
    ) -> Result<Vec<(i64, Timestamp, Served)>, CatalogError> {
        let rows = query(
            "SELECT revision, at, release, build, manifest FROM deployments \
             WHERE project = $1 AND environment = $2 AND revision > $3 ORDER BY revision",
        )
        .bind(project)
        .bind(environment.to_string())
        .bind(revision)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let served = Served { build: build_name(row.int(2)?, row.int(3)?), manifest: row.manifest(4)? };
            Ok((row.int(0)?, row.time(1)?, served))
        };
        rows.iter().map(read).collect()
    }

    /// The environments to which a build has ever been deployed.
    pub async fn environments_of_build(
        &self,
        project: i64,
        build: BuildName,
    ) -> Result<Vec<EnvironmentName>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT environment FROM deployments WHERE project = $1 AND release = $2 AND build = $3 \
             ORDER BY environment",
        )
        .bind(project)
        .bind(build.release.get())
        .bind(build.number)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// The manifests that an environment has served, the latest served first, each once.
    pub async fn manifests_served(
        &self,
        project: i64,
        environment: &EnvironmentName,
        limit: u32,
    ) -> Result<Vec<ManifestId>, CatalogError> {
        let rows = query(
            "SELECT manifest, MAX(revision) FROM deployments WHERE project = $1 AND environment = $2 \
             GROUP BY manifest ORDER BY MAX(revision) DESC LIMIT $3",
        )
        .bind(project)
        .bind(environment.to_string())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.manifest(0)).collect()
    }
}

impl Write {
    pub(crate) async fn insert_deployment(
        &mut self,
        project: i64,
        deployment: &Deployment,
        by: &Authorised,
        sequence: i64,
    ) -> Result<(), CatalogError> {
        let replaced = deployment.replaced.as_ref().map(|served| served.build);
        query(
            "INSERT INTO deployments (project, environment, revision, kind, release, build, manifest, \
             replaced_release, replaced_build, reason, actor_name, audit, at, class, cause, checks) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        )
        .bind(project)
        .bind(deployment.environment.to_string())
        .bind(deployment.revision)
        .bind(deployment.kind.as_str())
        .bind(deployment.serves.build.release.get())
        .bind(deployment.serves.build.number)
        .bind(deployment.serves.manifest.as_bytes().to_vec())
        .bind(replaced.map(|build| build.release.get()))
        .bind(replaced.map(|build| build.number))
        .bind(deployment.reason.clone())
        .bind(by.actor_name.clone())
        .bind(sequence)
        .bind(deployment.at.as_micros())
        .bind(by.class.as_str())
        .bind(by.cause.as_str())
        .bind(serde_json::to_string(&by.verdict).expect("checks consist of texts"))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
