//! Which deployment brought an incident about.

use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::time::Timestamp;
use shelfmark_domain::work_item::WorkStatus;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// The deployment that caused an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseRow {
    pub item: WorkItemNumber,
    pub environment: EnvironmentName,
    /// The environment's revision after it.
    pub deployment: i64,
    pub build: BuildName,
    /// +1 per change.
    pub revision: i64,
    pub by_name: String,
    pub at: Timestamp,
}

/// An incident of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    pub item: WorkItemNumber,
    pub title: String,
    pub status: WorkStatus,
    /// Whether the release is about it.
    pub is_grouped: bool,
    /// The deployment that is named as its cause, of this release or another one.
    pub cause: Option<CauseRow>,
}

const COLUMNS: &str = "c.item, c.environment, c.deployment, c.release, c.build, c.revision, c.by_name, c.at";

fn read(row: &sqlx::any::AnyRow) -> Result<CauseRow, CatalogError> {
    Ok(CauseRow {
        item: WorkItemNumber::new(row.int(0)?),
        environment: row.parsed(1)?,
        deployment: row.int(2)?,
        build: build_name(row.int(3)?, row.int(4)?),
        revision: row.int(5)?,
        by_name: row.text(6)?,
        at: row.time(7)?,
    })
}

fn read_incident(row: &sqlx::any::AnyRow) -> Result<IncidentRow, CatalogError> {
    let status = row.text(10)?;
    Ok(IncidentRow {
        item: WorkItemNumber::new(row.int(8)?),
        title: row.text(9)?,
        status: WorkStatus::parse(&status).ok_or_else(|| corrupt(format!("{status:?} as a status")))?,
        is_grouped: row.int(11)? != 0,
        cause: row.int_or_null(0)?.map(|_| read(row)).transpose()?,
    })
}

impl Catalog {
    /// The deployment that is named as the cause of an incident.
    pub async fn cause(&self, project: i64, item: WorkItemNumber) -> Result<Option<CauseRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM incident_causes c WHERE c.project = $1 AND c.item = $2"))
            .bind(project)
            .bind(item.get())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The incidents that belong to a release or that one of its deployments has caused, oldest first.
    pub async fn incidents(
        &self,
        project: i64,
        release: ReleaseNumber,
        after: i64,
        limit: u32,
    ) -> Result<Page<IncidentRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS}, w.number, w.title, w.status, (SELECT COUNT(*) FROM release_items g \
             WHERE g.project = $1 AND g.release = $2 AND g.item = w.number) FROM work_items w \
             LEFT JOIN incident_causes c ON c.project = w.project AND c.item = w.number \
             WHERE w.project = $1 AND w.kind = 'incident' AND w.number > $3 AND w.number IN \
             (SELECT i.item FROM release_items i WHERE i.project = $1 AND i.release = $2 UNION \
             SELECT n.item FROM incident_causes n WHERE n.project = $1 AND n.release = $2) ORDER BY w.number LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read_incident).collect();
        Ok(Page::cut(items?, limit, |incident| Cursor::after(incident.item.get())))
    }
}

impl Write {
    /// The build of a deployment, if there was such a deployment.
    pub async fn deployed_build(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
        deployment: i64,
    ) -> Result<Option<BuildName>, CatalogError> {
        let row =
            query("SELECT release, build FROM deployments WHERE project = $1 AND environment = $2 AND revision = $3")
                .bind(project)
                .bind(environment.to_string())
                .bind(deployment)
                .fetch_optional(self.connection())
                .await?;
        row.map(|row| Ok(build_name(row.int(0)?, row.int(1)?))).transpose()
    }

    /// The cause of an incident as it stands in this change.
    pub async fn cause(&mut self, project: i64, item: WorkItemNumber) -> Result<Option<CauseRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM incident_causes c WHERE c.project = $1 AND c.item = $2"))
            .bind(project)
            .bind(item.get())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Names the cause of an incident; an earlier one makes way.
    pub async fn put_cause(&mut self, project: i64, cause: &CauseRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO incident_causes (project, item, environment, deployment, release, build, revision, by_name, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (project, item) DO UPDATE SET \
             environment = excluded.environment, deployment = excluded.deployment, release = excluded.release, \
             build = excluded.build, revision = excluded.revision, by_name = excluded.by_name, at = excluded.at",
        )
        .bind(project)
        .bind(cause.item.get())
        .bind(cause.environment.to_string())
        .bind(cause.deployment)
        .bind(cause.build.release.get())
        .bind(cause.build.number)
        .bind(cause.revision)
        .bind(cause.by_name.clone())
        .bind(cause.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Takes the cause of an incident away.
    pub async fn remove_cause(&mut self, project: i64, item: WorkItemNumber) -> Result<(), CatalogError> {
        query("DELETE FROM incident_causes WHERE project = $1 AND item = $2")
            .bind(project)
            .bind(item.get())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
