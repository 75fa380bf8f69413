//! Environments: the pointers that promotions move.

use shelfmark_domain::environment::{Deployment, Environment, Served};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::pin::Visibility;
use shelfmark_domain::time::Timestamp;

use super::deployment::Authorised;
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// An environment with what a process needs to hold it in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentPointer {
    pub project: ProjectName,
    pub project_number: i64,
    pub environment: Environment,
    pub deployed_at: Option<Timestamp>,
    /// Audit sequence of the row's last change: newer rows have higher ones.
    pub changed: i64,
}

const COLUMNS: &str = "p.name, p.number, e.name, e.position, e.visibility, e.release, e.build, e.manifest, \
     e.revision, e.deployed_at, e.changed FROM environments e JOIN projects p ON p.number = e.project";

fn visibility_text(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}

/// Release and build columns as a build's name.
pub(crate) fn build_name(release: i64, number: i64) -> BuildName {
    BuildName { release: ReleaseNumber::new(release), number }
}

fn read(row: &sqlx::any::AnyRow) -> Result<EnvironmentPointer, CatalogError> {
    let visibility = match row.text(4)?.as_str() {
        "public" => Visibility::Public,
        "private" => Visibility::Private,
        other => return Err(corrupt(format!("{other:?} as a visibility"))),
    };
    let serves = match (row.int_or_null(5)?, row.int_or_null(6)?, row.manifest_or_null(7)?) {
        (Some(release), Some(build), Some(manifest)) => Some(Served { build: build_name(release, build), manifest }),
        _ => None,
    };
    let environment =
        Environment { name: row.parsed(2)?, position: row.int(3)?, visibility, serves, revision: row.int(8)? };
    Ok(EnvironmentPointer {
        project: row.parsed(0)?,
        project_number: row.int(1)?,
        environment,
        deployed_at: row.time_or_null(9)?,
        changed: row.int(10)?,
    })
}

impl Catalog {
    /// A project's environments in their order.
    pub async fn environments(&self, project: i64) -> Result<Vec<EnvironmentPointer>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE e.project = $1 ORDER BY e.position, e.name"))
            .bind(project)
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(read).collect()
    }

    /// One environment.
    pub async fn environment(
        &self,
        project: i64,
        name: &EnvironmentName,
    ) -> Result<Option<EnvironmentPointer>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE e.project = $1 AND e.name = $2"))
            .bind(project)
            .bind(name.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Every environment of every project that has changed after an audit sequence, in order of change.
    pub async fn pointers_after(&self, changed: i64) -> Result<Vec<EnvironmentPointer>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE e.changed > $1 ORDER BY e.changed"))
            .bind(changed)
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(read).collect()
    }
}

impl Reading<'_> {
    /// A project's environments in their order.
    pub async fn environments(&mut self, project: i64) -> Result<Vec<EnvironmentPointer>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE e.project = $1 ORDER BY e.position, e.name"))
            .bind(project)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read).collect()
    }
}

impl Write {
    /// A project's environments in their order, as they stand in this change.
    pub async fn environments(&mut self, project: i64) -> Result<Vec<EnvironmentPointer>, CatalogError> {
        self.reading().environments(project).await
    }

    /// Adds an environment, or changes an existing one's position and visibility. With `is_asked_for` that counts its
    /// revision up; without, only its place has shifted because another one's has.
    pub async fn put_environment(
        &mut self,
        project: i64,
        (name, visibility): (&EnvironmentName, Visibility),
        position: i64,
        is_asked_for: bool,
        sequence: i64,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO environments (project, name, position, visibility, revision, changed) \
             VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (project, name) DO UPDATE \
             SET position = excluded.position, visibility = excluded.visibility, changed = excluded.changed, \
             revision = environments.revision + CAST($6 AS BIGINT)",
        )
        .bind(project)
        .bind(name.to_string())
        .bind(position)
        .bind(visibility_text(visibility))
        .bind(sequence)
        .bind(i64::from(is_asked_for))
        .execute(self.connection())
        .await?;
        self.notify_pointers().await
    }

    /// Moves the pointer and appends its history; false when the revision is no longer the one before, and then
    /// nothing has been changed.
    pub async fn move_pointer(
        &mut self,
        project: i64,
        deployment: &Deployment,
        by: &Authorised,
        sequence: i64,
    ) -> Result<bool, CatalogError> {
        let moved = query(
            "UPDATE environments SET release = $1, build = $2, manifest = $3, revision = $4, deployed_at = $5, \
             changed = $6 WHERE project = $7 AND name = $8 AND revision = $9",
        )
        .bind(deployment.serves.build.release.get())
        .bind(deployment.serves.build.number)
        .bind(deployment.serves.manifest.as_bytes().to_vec())
        .bind(deployment.revision)
        .bind(deployment.at.as_micros())
        .bind(sequence)
        .bind(project)
        .bind(deployment.environment.to_string())
        .bind(deployment.revision - 1)
        .execute(self.connection())
        .await?;
        if moved.rows_affected() == 0 {
            return Ok(false);
        }
        self.insert_deployment(project, deployment, by, sequence).await?;
        self.notify_pointers().await?;
        Ok(true)
    }
}
