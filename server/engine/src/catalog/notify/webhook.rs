//! Webhooks: where a project's events are sent.

use shelfmark_domain::notify::pattern::EventPattern;
use shelfmark_domain::time::Timestamp;

use super::{json, parsed};
use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::{Catalog, Write};

/// A webhook. What it is shown as never has its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookRow {
    pub id: String,
    /// The project's name.
    pub project: String,
    pub url: String,
    pub kinds: Vec<EventPattern>,
    pub description: String,
    pub is_enabled: bool,
    /// Why the service disabled it by itself; empty otherwise.
    pub disabled_reason: String,
    pub secret: String,
    /// The secret before, and until when it signs too.
    pub old_secret: Option<(String, Timestamp)>,
    pub created_at: Timestamp,
    /// +1 per change.
    pub revision: i64,
}

impl std::fmt::Debug for WebhookRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRow").field("id", &self.id).field("revision", &self.revision).finish_non_exhaustive()
    }
}

const COLUMNS: &str = "id, project, url, kinds, description, is_enabled, disabled_reason, secret, old_secret, \
     old_secret_until, created_at, revision FROM webhooks";

fn read(row: &sqlx::any::AnyRow) -> Result<WebhookRow, CatalogError> {
    Ok(WebhookRow {
        id: row.text(0)?,
        project: row.text(1)?,
        url: row.text(2)?,
        kinds: parsed(&row.text(3)?)?,
        description: row.text(4)?,
        is_enabled: row.int(5)? != 0,
        disabled_reason: row.text(6)?,
        secret: row.text(7)?,
        old_secret: row.text_or_null(8)?.zip(row.time_or_null(9)?),
        created_at: row.time(10)?,
        revision: row.int(11)?,
    })
}

impl Catalog {
    /// A webhook of any project.
    pub async fn webhook(&self, id: &str) -> Result<Option<WebhookRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE id = $1")).bind(id.to_owned()).fetch_optional(&self.reader);
        row.await?.as_ref().map(read).transpose()
    }

    /// A project's webhooks, oldest first.
    pub async fn webhooks(&self, project: &str, after: &str, limit: u32) -> Result<Page<WebhookRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND id > $2 ORDER BY id LIMIT $3"))
            .bind(project.to_owned())
            .bind(after.to_owned())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |webhook| Cursor::after(&webhook.id)))
    }
}

impl Write {
    /// A project's webhook as it stands in this change.
    pub async fn webhook(&mut self, project: &str, id: &str) -> Result<Option<WebhookRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE project = $1 AND id = $2"))
            .bind(project.to_owned())
            .bind(id.to_owned())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// How many webhooks a project has.
    pub async fn count_webhooks(&mut self, project: &str) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM webhooks WHERE project = $1").bind(project.to_owned());
        row.fetch_one(self.connection()).await?.int(0)
    }

    /// Adds a webhook, or changes one.
    pub async fn put_webhook(&mut self, webhook: &WebhookRow) -> Result<(), CatalogError> {
        let (old_secret, until) = webhook.old_secret.clone().unzip();
        query(
            "INSERT INTO webhooks (id, project, url, kinds, description, is_enabled, disabled_reason, secret, old_secret, \
             old_secret_until, created_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (id) DO UPDATE SET url = excluded.url, kinds = excluded.kinds, description = excluded.description, \
             is_enabled = excluded.is_enabled, disabled_reason = excluded.disabled_reason, secret = excluded.secret, \
             old_secret = excluded.old_secret, old_secret_until = excluded.old_secret_until, revision = excluded.revision",
        )
        .bind(webhook.id.clone())
        .bind(webhook.project.clone())
        .bind(webhook.url.clone())
        .bind(json(&webhook.kinds))
        .bind(webhook.description.clone())
        .bind(i64::from(webhook.is_enabled))
        .bind(webhook.disabled_reason.clone())
        .bind(webhook.secret.clone())
        .bind(old_secret)
        .bind(until.map(Timestamp::as_micros))
        .bind(webhook.created_at.as_micros())
        .bind(webhook.revision)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Begins a webhook's queue: events after the cursor are for it.
    pub async fn begin_queue(&mut self, webhook: &str, cursor: i64) -> Result<(), CatalogError> {
        query(
            "INSERT INTO webhook_queues (webhook, cursor, failures, due_at, dead_in_row, lease_owner, lease_until) \
             VALUES ($1, $2, 0, 0, 0, '', 0)",
        )
        .bind(webhook.to_owned())
        .bind(cursor)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Lets a webhook that is enabled again begin at once, as if it had not failed.
    pub async fn forgive_webhook(&mut self, webhook: &str) -> Result<(), CatalogError> {
        query("UPDATE webhook_queues SET failures = 0, due_at = 0, dead_in_row = 0 WHERE webhook = $1")
            .bind(webhook.to_owned())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Removes a webhook with its queue and log. The queue goes first: a delivery under way takes its row first too, so
    /// neither waits for the other in a circle.
    pub async fn delete_webhook(&mut self, id: &str) -> Result<(), CatalogError> {
        for sql in [
            "DELETE FROM webhook_queues WHERE webhook = $1",
            "DELETE FROM webhook_attempts WHERE webhook = $1",
            "DELETE FROM webhook_deliveries WHERE webhook = $1",
            "DELETE FROM webhooks WHERE id = $1",
        ] {
            query(sql).bind(id.to_owned()).execute(self.connection()).await?;
        }
        Ok(())
    }
}
