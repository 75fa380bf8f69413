//! Subscriptions: what people want by mail.

use shelfmark_domain::name::{ProjectName, UserName};
use shelfmark_domain::notify::interest::Interest;
use shelfmark_domain::notify::timing::Timing;
use shelfmark_domain::time::Timestamp;

use super::{json, parsed};
use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::rows::query;
use crate::catalog::{Catalog, Write};

/// What a person wants by mail of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    pub id: String,
    pub user: UserName,
    pub project: ProjectName,
    pub interests: Vec<Interest>,
    pub timing: Timing,
    /// Events up to this audit sequence have been put into mail.
    pub cursor: i64,
    /// The next digest isn't written before.
    pub due_at: Timestamp,
    pub created_at: Timestamp,
}

const COLUMNS: &str = "s.id, s.user_name, s.project, s.interests, s.timing, s.cursor, s.due_at, s.created_at \
     FROM subscriptions s";

fn read(row: &sqlx::any::AnyRow) -> Result<SubscriptionRow, CatalogError> {
    Ok(SubscriptionRow {
        id: row.text(0)?,
        user: row.parsed(1)?,
        project: row.parsed(2)?,
        interests: parsed(&row.text(3)?)?,
        timing: parsed(&row.text(4)?)?,
        cursor: row.int(5)?,
        due_at: row.time(6)?,
        created_at: row.time(7)?,
    })
}

impl Catalog {
    /// A person's subscriptions, oldest first.
    pub async fn subscriptions(
        &self,
        user: &UserName,
        after: &str,
        limit: u32,
    ) -> Result<Page<SubscriptionRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE s.user_name = $1 AND s.id > $2 ORDER BY s.id LIMIT $3"))
            .bind(user.to_string())
            .bind(after.to_owned())
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.reader)
            .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |subscription| Cursor::after(&subscription.id)))
    }

    /// A subscription of anyone.
    pub async fn subscription(&self, id: &str) -> Result<Option<SubscriptionRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE s.id = $1")).bind(id.to_owned()).fetch_optional(&self.reader);
        row.await?.as_ref().map(read).transpose()
    }

    /// Subscriptions that are due and whose project has events after their cursor, each person's beside each other.
    pub async fn due_subscriptions(&self, now: Timestamp, limit: u32) -> Result<Vec<SubscriptionRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE s.due_at <= $1 AND s.cursor < \
             (SELECT MAX(e.sequence) FROM events e WHERE e.project = s.project) \
             ORDER BY s.user_name, s.timing, s.project, s.id LIMIT $2"
        ))
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Moves the due time of digests on for which nothing has happened.
    pub async fn postpone_subscription(&self, id: &str, due_at: Timestamp) -> Result<(), CatalogError> {
        query("UPDATE subscriptions SET due_at = $1 WHERE id = $2 AND due_at < $1")
            .bind(due_at.as_micros())
            .bind(id.to_owned())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

impl Write {
    /// How many subscriptions a person has.
    pub async fn count_subscriptions(&mut self, user: &UserName) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM subscriptions WHERE user_name = $1").bind(user.to_string());
        row.fetch_one(self.connection()).await?.int(0)
    }

    /// Adds a subscription.
    pub async fn insert_subscription(&mut self, subscription: &SubscriptionRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO subscriptions (id, user_name, project, interests, timing, cursor, due_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(subscription.id.clone())
        .bind(subscription.user.to_string())
        .bind(subscription.project.to_string())
        .bind(json(&subscription.interests))
        .bind(json(&subscription.timing))
        .bind(subscription.cursor)
        .bind(subscription.due_at.as_micros())
        .bind(subscription.created_at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a subscription; what it was, or `None` when there is none.
    pub async fn delete_subscription(&mut self, id: &str) -> Result<Option<SubscriptionRow>, CatalogError> {
        let row = query(format!("SELECT {COLUMNS} WHERE s.id = $1")).bind(id.to_owned());
        let row = row.fetch_optional(self.connection()).await?;
        query("DELETE FROM subscriptions WHERE id = $1").bind(id.to_owned()).execute(self.connection()).await?;
        row.as_ref().map(read).transpose()
    }
}
