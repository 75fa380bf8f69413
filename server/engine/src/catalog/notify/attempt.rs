//! Recording a try: its log and how far the queue has got, in one transaction.

use shelfmark_domain::time::Timestamp;

use super::delivery::DeliveryState;
use super::queue::QueueState;
use crate::catalog::Catalog;
use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// A try that was made, and what follows from it.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub webhook: String,
    /// Who holds the queue's lease.
    pub owner: String,
    pub sequence: i64,
    pub kind: String,
    pub at: Timestamp,
    /// Of the answer; `None` without one.
    pub status: Option<u16>,
    pub duration_ms: i64,
    /// The start of the answer, or why there is none.
    pub answer: String,
    pub state: DeliveryState,
    /// Where the cursor was when this was sent.
    pub cursor_before: i64,
    pub queue: QueueState,
    /// For what is delivered beside the queue and failed: how often by now, and when it is tried again.
    pub queued: Option<(u32, Timestamp)>,
}

impl Catalog {
    /// Records a try. False when the lease was lost or the cursor moved meanwhile: then nothing is recorded, and the
    /// event is sent again by whoever holds the lease, under the same id.
    pub async fn note_attempt(&self, attempt: &Attempt) -> Result<bool, CatalogError> {
        let mut tx = self.begin_writing().await?;
        let QueueState { cursor, failures, due_at, dead_in_row } = attempt.queue;
        let moved = query(
            "UPDATE webhook_queues SET cursor = $1, failures = $2, due_at = $3, dead_in_row = $4 \
             WHERE webhook = $5 AND lease_owner = $6 AND cursor = $7",
        )
        .bind(cursor)
        .bind(i64::from(failures))
        .bind(due_at.as_micros())
        .bind(i64::from(dead_in_row))
        .bind(attempt.webhook.clone())
        .bind(attempt.owner.clone())
        .bind(attempt.cursor_before)
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        let (failures, due_at) = attempt.queued.unwrap_or((0, attempt.at));
        let row = query(
            "INSERT INTO webhook_deliveries (webhook, sequence, kind, state, tries, at, is_queued, failures, due_at) \
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8) ON CONFLICT (webhook, sequence) DO UPDATE SET \
             state = excluded.state, tries = webhook_deliveries.tries + 1, at = excluded.at, \
             is_queued = excluded.is_queued, failures = excluded.failures, due_at = excluded.due_at RETURNING tries",
        )
        .bind(attempt.webhook.clone())
        .bind(attempt.sequence)
        .bind(attempt.kind.clone())
        .bind(attempt.state.as_str())
        .bind(attempt.at.as_micros())
        .bind(i64::from(attempt.queued.is_some()))
        .bind(i64::from(failures))
        .bind(due_at.as_micros())
        .fetch_one(&mut *tx)
        .await?;
        query(
            "INSERT INTO webhook_attempts (webhook, sequence, number, at, status, duration_ms, answer) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(attempt.webhook.clone())
        .bind(attempt.sequence)
        .bind(row.int(0)?)
        .bind(attempt.at.as_micros())
        .bind(attempt.status.map(i64::from))
        .bind(attempt.duration_ms)
        .bind(attempt.answer.clone())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }
}
