//! What automation made of deployments.

use shelfmark_domain::gate::Check;
use shelfmark_domain::name::{EnvironmentName, ProjectName};
use shelfmark_domain::time::Timestamp;

use super::row::json;
use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// What automation made of one deployment of the environment that it promotes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutomationRow {
    /// That it promotes to.
    pub environment: EnvironmentName,
    /// That it promotes from.
    pub source: EnvironmentName,
    /// The revision of the deployment there.
    pub source_revision: i64,
    /// The revision that it made; `None` while it has made none.
    pub deployment: Option<i64>,
    /// The checks that stood in the way at the last try, since when.
    pub refusal: Vec<Check>,
    pub refused_at: Option<Timestamp>,
}

impl Catalog {
    /// The projects of which some policy has promoted by itself at some time. Whether one does now is for the policy that
    /// holds to say.
    pub async fn projects_with_automation(&self) -> Result<Vec<ProjectName>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT p.name FROM policies o JOIN projects p ON p.number = o.project \
             WHERE o.document LIKE '%\"automatic\":%' ORDER BY p.name",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }
}

impl Reading<'_> {
    /// What automation has made of a deployment so far.
    pub async fn automation(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
        (source, source_revision): (&EnvironmentName, i64),
    ) -> Result<Option<AutomationRow>, CatalogError> {
        let row = query(
            "SELECT environment, source, source_revision, deployment, refusal, refused_at \
             FROM automations WHERE project = $1 AND environment = $2 AND source = $3 AND source_revision = $4",
        )
        .bind(project)
        .bind(environment.to_string())
        .bind(source.to_string())
        .bind(source_revision)
        .fetch_optional(self.connection())
        .await?;
        let read = |row: sqlx::any::AnyRow| {
            Ok(AutomationRow {
                environment: row.parsed(0)?,
                source: row.parsed(1)?,
                source_revision: row.int(2)?,
                deployment: row.int_or_null(3)?,
                refusal: json(&row, 4, "checks")?,
                refused_at: row.time_or_null(5)?,
            })
        };
        row.map(read).transpose()
    }

    /// The audit sequence and revision of an environment's last deployment.
    pub async fn last_deployment(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
    ) -> Result<Option<(i64, i64)>, CatalogError> {
        let row = query(
            "SELECT audit, revision FROM deployments WHERE project = $1 AND environment = $2 \
             ORDER BY revision DESC LIMIT 1",
        )
        .bind(project)
        .bind(environment.to_string())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| Ok((row.int(0)?, row.int(1)?))).transpose()
    }
}

impl Write {
    /// Writes what automation has made of a deployment so far.
    pub async fn put_automation(&mut self, project: i64, row: &AutomationRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO automations (project, environment, source, source_revision, deployment, refusal, refused_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (project, environment, source, source_revision) DO UPDATE SET \
             deployment = excluded.deployment, refusal = excluded.refusal, refused_at = excluded.refused_at",
        )
        .bind(project)
        .bind(row.environment.to_string())
        .bind(row.source.to_string())
        .bind(row.source_revision)
        .bind(row.deployment)
        .bind(serde_json::to_string(&row.refusal).expect("checks consist of texts"))
        .bind(row.refused_at.map(Timestamp::as_micros))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
