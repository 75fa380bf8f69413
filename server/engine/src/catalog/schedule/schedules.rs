//! Scheduled promotions.

use shelfmark_domain::gate::Check;
use shelfmark_domain::name::{EnvironmentName, ProjectName};
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_domain::time::Timestamp;

use super::row::{COLUMNS, COUNT, ScheduleRow, read};
use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A schedule whose instant has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueSchedule {
    pub project: ProjectName,
    pub project_number: i64,
    pub schedule: ScheduleRow,
}

/// Nobody has it: there is no lease, or it has run out. One that ends later than any that is given at `$1` was given by
/// a clock that was wrong.
const FREE: &str = "NOT (s.leased_until > $1 AND s.leased_until <= $2)";

impl Catalog {
    /// Schedules of an environment or of the whole project, newest first, of one state or of all.
    pub async fn schedules(
        &self,
        project: i64,
        environment: Option<&EnvironmentName>,
        state: Option<ScheduleState>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ScheduleRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} FROM schedules s WHERE s.project = $1 AND s.number < $2 AND ($3 = '' OR s.environment = $3) \
             AND ($4 = '' OR s.state = $4) ORDER BY s.number DESC LIMIT $5"
        ))
        .bind(project)
        .bind(before.unwrap_or(i64::MAX))
        .bind(environment.map(ToString::to_string).unwrap_or_default())
        .bind(state.map(ScheduleState::as_str).unwrap_or_default())
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |schedule| Cursor::after(schedule.number)))
    }

    /// A schedule.
    pub async fn schedule(&self, project: i64, number: i64) -> Result<Option<ScheduleRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM schedules s WHERE s.project = $1 AND s.number = $2"))
            .bind(project)
            .bind(number)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Schedules whose instant has come, which nobody is at, and for which it is time to try: the first one, some time
    /// after the last one, or something in their project has changed since. The earliest first.
    pub async fn due_schedules(
        &self,
        now: Timestamp,
        lease_ms: i64,
        limit: u32,
    ) -> Result<Vec<DueSchedule>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS}, p.name, p.number FROM schedules s JOIN projects p ON p.number = s.project \
             WHERE s.state = 'pending' AND s.at <= $1 AND {FREE} AND (s.next_at <= $1 OR s.deadline < $1 OR s.seen < \
             (SELECT COALESCE(MAX(a.sequence), 0) FROM audit a WHERE a.project = p.name)) ORDER BY s.at, s.number LIMIT $3"
        ))
        .bind(now.as_micros())
        .bind(now.plus_ms(lease_ms).as_micros())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let due = |row: &sqlx::any::AnyRow| {
            let (project, project_number) = (row.parsed(COUNT)?, row.int(COUNT + 1)?);
            Ok(DueSchedule { project, project_number, schedule: read(row)? })
        };
        rows.iter().map(due).collect()
    }

    /// How far the audit trail has been written for a project.
    pub async fn last_change(&self, project: &ProjectName) -> Result<i64, CatalogError> {
        let row = query("SELECT CAST(COALESCE(MAX(sequence), 0) AS BIGINT) FROM audit WHERE project = $1")
            .bind(project.to_string())
            .fetch_one(&self.reader)
            .await?;
        row.int(0)
    }

    /// When the next schedule is due that is not yet.
    pub async fn next_schedule_at(&self, now: Timestamp) -> Result<Option<Timestamp>, CatalogError> {
        let row = query("SELECT at FROM schedules WHERE state = 'pending' AND at > $1 ORDER BY at LIMIT 1")
            .bind(now.as_micros())
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.time(0)).transpose()
    }

    /// Takes a pending schedule for a while; false when someone else has it.
    pub async fn lease_schedule(
        &self,
        project: i64,
        number: i64,
        now: Timestamp,
        lease_ms: i64,
    ) -> Result<bool, CatalogError> {
        let leased = query(format!(
            "UPDATE schedules AS s SET leased_until = $2 WHERE s.project = $3 AND s.number = $4 AND s.state = 'pending' \
             AND {FREE}"
        ))
        .bind(now.as_micros())
        .bind(now.plus_ms(lease_ms).as_micros())
        .bind(project)
        .bind(number)
        .execute(&self.writer)
        .await?;
        Ok(leased.rows_affected() == 1)
    }

    /// Gives a schedule back that is still pending: it is tried again at `next_at`, or when the audit trail goes on
    /// beyond `seen`.
    pub async fn put_schedule_off(
        &self,
        project: i64,
        number: i64,
        (next_at, seen): (Timestamp, i64),
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE schedules SET leased_until = 0, next_at = $1, seen = $2 \
             WHERE project = $3 AND number = $4 AND state = 'pending'",
        )
        .bind(next_at.as_micros())
        .bind(seen)
        .bind(project)
        .bind(number)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

impl Write {
    /// A schedule as it stands in this change.
    pub async fn schedule(&mut self, project: i64, number: i64) -> Result<Option<ScheduleRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} FROM schedules s WHERE s.project = $1 AND s.number = $2"))
            .bind(project)
            .bind(number)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Adds a schedule, which must be pending.
    pub async fn insert_schedule(&mut self, project: i64, row: &ScheduleRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO schedules (project, number, environment, release, build, at, zone, deadline, reason, by_id, \
             by_name, grants, created_at, revision, state, refusal, next_at, seen, leased_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        )
        .bind(project)
        .bind(row.number)
        .bind(row.environment.to_string())
        .bind(row.build.release.get())
        .bind(row.build.number)
        .bind(row.at.as_micros())
        .bind(row.zone.clone())
        .bind(row.deadline.as_micros())
        .bind(row.reason.clone())
        .bind(row.by.clone())
        .bind(row.by_name.clone())
        .bind(serde_json::to_string(&row.grants).expect("grants consist of names"))
        .bind(row.created_at.as_micros())
        .bind(row.revision)
        .bind(row.state.as_str())
        .bind("[]")
        .bind(row.at.as_micros())
        .bind(row.number)
        .bind(0_i64)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a pending schedule; when it is done, with the revision of the deployment.
    pub async fn end_schedule(
        &mut self,
        project: i64,
        number: i64,
        state: ScheduleState,
        (at, by, why): (Timestamp, &str, &str),
        deployment: Option<i64>,
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE schedules SET state = $1, ended_at = $2, ended_by = $3, ended_why = $4, deployment = $5, \
             leased_until = 0, revision = revision + 1 WHERE project = $6 AND number = $7 AND state = 'pending'",
        )
        .bind(state.as_str())
        .bind(at.as_micros())
        .bind(by.to_owned())
        .bind(why.to_owned())
        .bind(deployment)
        .bind(project)
        .bind(number)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes what stands in the way of a pending schedule.
    pub async fn refuse_schedule(
        &mut self,
        project: i64,
        number: i64,
        refusal: &[Check],
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE schedules SET refusal = $1, refused_at = $2, revision = revision + 1 \
             WHERE project = $3 AND number = $4 AND state = 'pending'",
        )
        .bind(serde_json::to_string(refusal).expect("checks consist of texts"))
        .bind(at.as_micros())
        .bind(project)
        .bind(number)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
