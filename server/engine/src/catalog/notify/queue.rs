//! How far webhooks have got, and who delivers for them now. A lease keeps two processes from delivering for the same
//! webhook at the same time; who dies with one loses it when its time is over.

use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;
use crate::catalog::{Catalog, Write};

/// How far a webhook has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Nothing up to this audit sequence is to be delivered any more.
    pub cursor: i64,
    /// Failures of the event after the cursor.
    pub failures: u32,
    /// It is not tried before.
    pub due_at: Timestamp,
    /// Events that were given up since the last success.
    pub dead_in_row: u32,
}

const STATE: &str = "cursor, failures, due_at, dead_in_row";

fn read(row: &sqlx::any::AnyRow) -> Result<QueueState, CatalogError> {
    Ok(QueueState { cursor: row.int(0)?, failures: row.size32(1)?, due_at: row.time(2)?, dead_in_row: row.size32(3)? })
}

impl Catalog {
    /// How far a webhook has got.
    pub async fn queue_state(&self, webhook: &str) -> Result<Option<QueueState>, CatalogError> {
        let row = query(format!("SELECT {STATE} FROM webhook_queues WHERE webhook = $1"))
            .bind(webhook.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Webhooks that have something to deliver now and that nobody delivers for.
    pub async fn due_webhooks(&self, now: Timestamp, limit: u32) -> Result<Vec<String>, CatalogError> {
        let rows = query(
            "SELECT q.webhook FROM webhook_queues q JOIN webhooks w ON w.id = q.webhook \
             WHERE w.is_enabled = 1 AND (q.lease_owner = '' OR q.lease_until <= $1) AND ((q.due_at <= $1 \
             AND q.cursor < (SELECT MAX(e.sequence) FROM events e WHERE e.project = w.project)) OR EXISTS \
             (SELECT 1 FROM webhook_deliveries d WHERE d.webhook = w.id AND d.is_queued = 1 AND d.due_at <= $1)) \
             ORDER BY q.due_at LIMIT $2",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Takes the lease of a webhook's queue; `None` while somebody else has it.
    pub async fn lease_queue(
        &self,
        webhook: &str,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<QueueState>, CatalogError> {
        let row = query(format!(
            "UPDATE webhook_queues SET lease_owner = $1, lease_until = $2 WHERE webhook = $3 \
             AND (lease_owner = '' OR lease_owner = $1 OR lease_until <= $4) RETURNING {STATE}"
        ))
        .bind(owner.to_owned())
        .bind(until.as_micros())
        .bind(webhook.to_owned())
        .bind(now.as_micros())
        .fetch_optional(&self.writer)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Gives a lease back.
    pub async fn release_queue(&self, webhook: &str, owner: &str) -> Result<(), CatalogError> {
        query("UPDATE webhook_queues SET lease_owner = '', lease_until = 0 WHERE webhook = $1 AND lease_owner = $2")
            .bind(webhook.to_owned())
            .bind(owner.to_owned())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Passes over events that a webhook doesn't want; false when the lease is lost or the cursor was moved.
    pub async fn pass_events(&self, webhook: &str, owner: &str, from: i64, to: i64) -> Result<bool, CatalogError> {
        let passed =
            query("UPDATE webhook_queues SET cursor = $1 WHERE webhook = $2 AND lease_owner = $3 AND cursor = $4")
                .bind(to)
                .bind(webhook.to_owned())
                .bind(owner.to_owned())
                .bind(from)
                .execute(&self.writer)
                .await?;
        Ok(passed.rows_affected() == 1)
    }
}

impl Write {
    /// Moves a webhook's cursor back, so that everything after it is delivered again.
    pub async fn rewind_queue(&mut self, webhook: &str, cursor: i64) -> Result<bool, CatalogError> {
        let moved = query(
            "UPDATE webhook_queues SET cursor = $1, failures = 0, due_at = 0, dead_in_row = 0 WHERE webhook = $2 AND cursor > $1",
        )
        .bind(cursor)
        .bind(webhook.to_owned())
        .execute(self.connection())
        .await?;
        Ok(moved.rows_affected() == 1)
    }
}
