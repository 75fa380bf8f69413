//! The log of deliveries, and deliveries that somebody asked for.

use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::{Catalog, Write};

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried, or tried again.
    Pending,
    Delivered,
    /// It was given up. A replay tries it again.
    Dead,
}

/// One event to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    pub webhook: String,
    /// The event's.
    pub sequence: i64,
    pub kind: String,
    pub state: DeliveryState,
    /// All that were made, over replays too.
    pub tries: i64,
    /// Of the last try, or when it was asked for.
    pub at: Timestamp,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    pub number: i64,
    pub at: Timestamp,
    /// `None` without an answer.
    pub status: Option<i64>,
    pub duration_ms: i64,
    /// The start of the answer, or why there is none.
    pub answer: String,
}

/// A delivery that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedDelivery {
    pub sequence: i64,
    pub kind: String,
    /// Since it was asked for.
    pub failures: u32,
}

const COLUMNS: &str = "webhook, sequence, kind, state, tries, at FROM webhook_deliveries";

impl DeliveryState {
    /// The state as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads what `as_str` writes.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Dead].into_iter().find(|state| state.as_str() == text)
    }
}

fn read(row: &sqlx::any::AnyRow) -> Result<DeliveryRow, CatalogError> {
    let state = row.text(3)?;
    Ok(DeliveryRow {
        webhook: row.text(0)?,
        sequence: row.int(1)?,
        kind: row.text(2)?,
        state: DeliveryState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a delivery's state")))?,
        tries: row.int(4)?,
        at: row.time(5)?,
    })
}

impl Catalog {
    /// A webhook's deliveries, the newest event first.
    pub async fn deliveries(
        &self,
        webhook: &str,
        state: Option<DeliveryState>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<DeliveryRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE webhook = $1 AND sequence < $2 AND ($3 = '' OR state = $3) ORDER BY sequence DESC LIMIT $4"
        ))
        .bind(webhook.to_owned())
        .bind(before.unwrap_or(i64::MAX))
        .bind(state.map_or("", DeliveryState::as_str))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |delivery| Cursor::after(delivery.sequence)))
    }

    /// One delivery.
    pub async fn delivery(&self, webhook: &str, sequence: i64) -> Result<Option<DeliveryRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE webhook = $1 AND sequence = $2"))
            .bind(webhook.to_owned())
            .bind(sequence)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest tries of a delivery, oldest first.
    pub async fn attempts(&self, webhook: &str, sequence: i64, limit: u32) -> Result<Vec<AttemptRow>, CatalogError> {
        let rows = query(
            "SELECT number, at, status, duration_ms, answer FROM webhook_attempts WHERE webhook = $1 AND sequence = $2 \
             ORDER BY number DESC LIMIT $3",
        )
        .bind(webhook.to_owned())
        .bind(sequence)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let attempt = |row: &sqlx::any::AnyRow| {
            Ok(AttemptRow {
                number: row.int(0)?,
                at: row.time(1)?,
                status: row.int_or_null(2)?,
                duration_ms: row.int(3)?,
                answer: row.text(4)?,
            })
        };
        rows.iter().rev().map(attempt).collect()
    }

    /// The next delivery that was asked for and is due.
    pub async fn queued_delivery(&self, webhook: &str, now: Timestamp) -> Result<Option<QueuedDelivery>, CatalogError> {
        let row = query(
            "SELECT sequence, kind, failures FROM webhook_deliveries WHERE webhook = $1 AND is_queued = 1 AND due_at <= $2 \
             ORDER BY due_at, sequence LIMIT 1",
        )
        .bind(webhook.to_owned())
        .bind(now.as_micros())
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| Ok(QueuedDelivery { sequence: row.int(0)?, kind: row.text(1)?, failures: row.size32(2)? }))
            .transpose()
    }

    /// Removes up to `limit` deliveries from the log that were last tried before an instant; returns how many.
    pub async fn trim_deliveries(&self, before: Timestamp, limit: u32) -> Result<u64, CatalogError> {
        const OLD: &str = "(webhook, sequence) IN (SELECT webhook, sequence FROM webhook_deliveries WHERE at < $1 \
             AND is_queued = 0 AND state <> 'pending' ORDER BY at, webhook, sequence LIMIT $2)";
        let mut tx = self.begin_housekeeping().await?;
        let mut removed = 0;
        for table in ["webhook_attempts", "webhook_deliveries"] {
            let statement = query(format!("DELETE FROM {table} WHERE {OLD}")).bind(before.as_micros());
            removed = statement.bind(i64::from(limit)).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(removed)
    }
}

impl Write {
    /// Asks for an event to be delivered beside the queue.
    pub async fn queue_delivery(
        &mut self,
        webhook: &str,
        (sequence, kind): (i64, &str),
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO webhook_deliveries (webhook, sequence, kind, state, tries, at, is_queued, failures, due_at) \
             VALUES ($1, $2, $3, 'pending', 0, $4, 1, 0, $4) ON CONFLICT (webhook, sequence) DO UPDATE SET \
             state = 'pending', at = excluded.at, is_queued = 1, failures = 0, due_at = excluded.due_at",
        )
        .bind(webhook.to_owned())
        .bind(sequence)
        .bind(kind.to_owned())
        .bind(at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
