//! The outbox: reading events in their order, and forgetting old ones.

use shelfmark_domain::time::Timestamp;
use tokio::sync::watch;

use crate::catalog::Catalog;
use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// The audit entry's.
    pub sequence: i64,
    pub project: String,
    pub kind: String,
    pub subject: String,
    /// JSON.
    pub details: String,
    pub at: Timestamp,
    pub actor: String,
    pub actor_name: String,
    /// What the actor said about it.
    pub message: String,
}

const SELECT: &str = "SELECT e.sequence, e.project, e.kind, e.subject, e.payload, e.at, a.actor, a.actor_name, a.message \
     FROM events e JOIN audit a ON a.sequence = e.sequence";

fn read(row: &sqlx::any::AnyRow) -> Result<EventRow, CatalogError> {
    Ok(EventRow {
        sequence: row.int(0)?,
        project: row.text(1)?,
        kind: row.text(2)?,
        subject: row.text(3)?,
        details: row.text(4)?,
        at: row.time(5)?,
        actor: row.text(6)?,
        actor_name: row.text(7)?,
        message: row.text(8)?,
    })
}

impl Catalog {
    /// A project's events after a sequence, oldest first.
    pub async fn events_after(&self, project: &str, after: i64, limit: u32) -> Result<Vec<EventRow>, CatalogError> {
        let rows = query(format!("{SELECT} WHERE e.project = $1 AND e.sequence > $2 ORDER BY e.sequence LIMIT $3"))
            .bind(project.to_owned())
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(read).collect()
    }

    /// An event of a project, while the outbox has it.
    pub async fn event(&self, project: &str, sequence: i64) -> Result<Option<EventRow>, CatalogError> {
        let row = query(format!("{SELECT} WHERE e.sequence = $1 AND e.project = $2"))
            .bind(sequence)
            .bind(project.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The sequence of the last event of a project before an instant; 0 for none.
    pub async fn last_event_before(&self, project: &str, at: Timestamp) -> Result<i64, CatalogError> {
        let first = query("SELECT MIN(sequence) FROM events WHERE project = $1 AND at >= $2")
            .bind(project.to_owned())
            .bind(at.as_micros())
            .fetch_one(&self.reader)
            .await?;
        match first.int_or_null(0)? {
            Some(first) => Ok(first - 1),
            None => Ok(self.audit_head().await?.0),
        }
    }

    /// Up to which sequence a project's events are forgotten; 0 while all are there.
    pub async fn outbox_floor(&self, project: &str) -> Result<i64, CatalogError> {
        let row = query("SELECT sequence FROM outbox_floors WHERE project = $1")
            .bind(project.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// Tells of the audit sequence up to which events are there, whenever it goes up.
    pub fn hear(&self) -> watch::Receiver<i64> {
        self.heard.subscribe()
    }

    /// Looks how far other processes have written, and tells who waits.
    pub async fn listen_once(&self) -> Result<(), CatalogError> {
        let (sequence, _) = self.audit_head().await?;
        self.heard.send_if_modified(|newest| std::mem::replace(newest, sequence.max(*newest)) < sequence);
        Ok(())
    }

    /// The projects that have events from before an instant.
    pub async fn projects_with_events_before(&self, at: Timestamp) -> Result<Vec<String>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT e.project FROM events e WHERE e.sequence <= \
             (SELECT COALESCE(MAX(sequence), 0) FROM events WHERE at < $1)",
        )
        .bind(at.as_micros())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Forgets up to `limit` of a project's oldest events: those before the first one that is not from before `at`, and
    /// that no webhook which is enabled and no subscription still needs. Returns how many.
    pub async fn trim_events(&self, project: &str, at: Timestamp, limit: u32) -> Result<u64, CatalogError> {
        let mut tx = self.begin_housekeeping().await?;
        let bound = query(
            "SELECT MAX(sequence), COUNT(*) FROM (SELECT e.sequence FROM events e WHERE e.project = $1 \
             AND e.sequence < (SELECT COALESCE(MIN(sequence), 9223372036854775807) FROM events WHERE project = $1 AND at >= $2) \
             AND e.sequence <= (SELECT COALESCE(MIN(q.cursor), 9223372036854775807) FROM webhook_queues q \
             JOIN webhooks w ON w.id = q.webhook WHERE w.project = $1 AND w.is_enabled = 1) \
             AND e.sequence <= (SELECT COALESCE(MIN(s.cursor), 9223372036854775807) FROM subscriptions s WHERE s.project = $1) \
             AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook \
             WHERE d.is_queued = 1 AND w.is_enabled = 1 AND w.project = $1 AND d.sequence <= e.sequence) \
             ORDER BY e.sequence LIMIT $3) AS old",
        )
        .bind(project.to_owned())
        .bind(at.as_micros())
        .bind(i64::from(limit))
        .fetch_one(&mut *tx)
        .await?;
        let Some(last) = bound.int_or_null(0)? else { return Ok(0) };
        let count = bound.int(1)?;
        query("DELETE FROM events WHERE project = $1 AND sequence <= $2")
            .bind(project.to_owned())
            .bind(last)
            .execute(&mut *tx)
            .await?;
        query(
            "INSERT INTO outbox_floors (project, sequence, trimmed) VALUES ($1, $2, $3) ON CONFLICT (project) DO UPDATE \
             SET sequence = excluded.sequence, trimmed = outbox_floors.trimmed + excluded.trimmed",
        )
        .bind(project.to_owned())
        .bind(last)
        .bind(count)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(count.unsigned_abs())
    }
}
