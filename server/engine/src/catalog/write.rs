//! The one way to change rows. A [`Write`] takes the audit trail's head before anything else: that row's lock puts
//! changes one after the other, on SQLite (which has a single writer anyway) and on PostgreSQL, in one process and in
//! many. So numbers come without gaps, what a decision has read stays true until it commits, and the hash chain has
//! one order. Transactions are short: bytes are in the store before one begins.

use sqlx::{Any, AnyConnection, Transaction};
use tokio::sync::watch;

use shelfmark_domain::access::Principal;
use shelfmark_domain::audit::AuditEntry;
use shelfmark_domain::time::Timestamp;

use super::columns::{Columns as _, corrupt};
use super::connection::{Catalog, Dialect};
use super::error::CatalogError;
use super::rows;

/// What an audit entry says; the trail adds who, when and the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDraft {
    /// Such as `environment.promoted`; the event has the same kind.
    pub action: &'static str,
    /// The project's name; empty for the whole service.
    pub project: String,
    pub subject: String,
    /// What the actor said about it; empty for nothing.
    pub message: String,
    pub details: serde_json::Value,
}

/// A change under way. Dropped without [`Write::commit`], it changes nothing.
#[derive(Debug)]
pub struct Write {
    tx: Transaction<'static, Any>,
    dialect: Dialect,
    sequence: i64,
    hash: [u8; 32],
    entries: Vec<(AuditEntry, [u8; 32])>,
    /// Who waits for events hears of these after the commit.
    heard: watch::Sender<i64>,
    /// Whether the outcome of a request is kept for its repetitions.
    pub(super) has_outcome: bool,
}

impl Catalog {
    /// Begins a change. Waits for the one before to end.
    ///
    /// # Errors
    /// `Busy` when that takes too long.
    pub async fn write(&self) -> Result<Write, CatalogError> {
        let mut tx = self.begin_writing().await?;
        // Writing the row takes its lock on PostgreSQL; on SQLite the transaction holds the only write lock already.
        let row = sqlx::query("UPDATE audit_head SET sequence = sequence WHERE id = 1 RETURNING sequence, hash")
            .fetch_one(&mut *tx)
            .await?;
        let hash = row.bytes(1)?.try_into().map_err(|_| corrupt("an audit hash of a wrong length"))?;
        let (dialect, heard) = (self.dialect, self.heard.clone());
        Ok(Write { tx, dialect, sequence: row.int(0)?, hash, entries: Vec::new(), heard, has_outcome: false })
    }

    /// Begins a transaction for housekeeping of the store (where chunks are), which isn't a change in the audit's
    /// sense. It waits its turn among the changes all the same: both lock rows of the same chunks, in different
    /// orders, and would otherwise wait for each other in a circle.
    pub(super) async fn begin_housekeeping(&self) -> Result<Transaction<'static, Any>, CatalogError> {
        let mut tx = self.begin_writing().await?;
        if self.dialect == Dialect::Postgres {
            sqlx::query("SELECT sequence FROM audit_head WHERE id = 1 FOR UPDATE").fetch_one(&mut *tx).await?;
        }
        Ok(tx)
    }

    /// Begins a transaction that writes without waiting for changes under way, for rows that no change decides about.
    pub(super) async fn begin_writing(&self) -> Result<Transaction<'static, Any>, CatalogError> {
        Ok(match self.dialect {
            Dialect::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Postgres => self.writer.begin().await?,
        })
    }
}

impl Write {
    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// What the next entry of the trail will be numbered: later than every change before this one.
    pub(super) fn coming_sequence(&self) -> i64 {
        self.sequence + 1
    }

    /// Adds an entry to the trail and its event to the outbox; returns its sequence, which rows can refer to.
    pub fn record(&mut self, who: &Principal, at: Timestamp, draft: AuditDraft) -> i64 {
        self.sequence += 1;
        let entry = AuditEntry {
            sequence: self.sequence,
            at,
            actor: who.id.clone(),
            actor_name: who.name.clone(),
            action: draft.action.to_owned(),
            project: draft.project,
            subject: draft.subject,
            message: draft.message,
            details: draft.details.to_string(),
            previous: self.hash,
        };
        self.hash = entry.hash();
        self.entries.push((entry, self.hash));
        self.sequence
    }

    /// Tells other processes that an environment has moved, when this commits.
    pub(super) async fn notify_pointers(&mut self) -> Result<(), CatalogError> {
        if self.dialect == Dialect::Postgres {
            sqlx::query("SELECT CAST(pg_notify('shelfmark_pointers', '') AS TEXT)").fetch_one(&mut *self.tx).await?;
        }
        Ok(())
    }

    /// Makes the change durable together with its audit entries. A change that recorded none is given up: it can't
    /// have changed anything worth keeping, unless that it changed nothing is an outcome to be repeated.
    ///
    /// # Errors
    /// Nothing has been changed, except after `Unreachable`: then the outcome is unknown.
    pub async fn commit(mut self) -> Result<(), CatalogError> {
        if self.entries.is_empty() && !self.has_outcome {
            return Ok(self.tx.rollback().await?);
        }
        rows::insert(
            &mut self.tx,
            "INSERT INTO audit (sequence, at, actor, actor_name, action, project, subject, message, details, previous, hash)",
            "",
            11,
            &self.entries,
            |query, (entry, hash)| {
                query
                    .bind(entry.sequence)
                    .bind(entry.at.as_micros())
                    .bind(entry.actor.clone())
                    .bind(entry.actor_name.clone())
                    .bind(entry.action.clone())
                    .bind(entry.project.clone())
                    .bind(entry.subject.clone())
                    .bind(entry.message.clone())
                    .bind(entry.details.clone())
                    .bind(entry.previous.to_vec())
                    .bind(hash.to_vec())
            },
        )
        .await?;
        rows::insert(
            &mut self.tx,
            "INSERT INTO events (sequence, project, kind, subject, payload, at)",
            "",
            6,
            &self.entries,
            |query, (entry, _)| {
                query
                    .bind(entry.sequence)
                    .bind(entry.project.clone())
                    .bind(entry.action.clone())
                    .bind(entry.subject.clone())
                    .bind(entry.details.clone())
                    .bind(entry.at.as_micros())
            },
        )
        .await?;
        sqlx::query("UPDATE audit_head SET sequence = $1, hash = $2 WHERE id = 1")
            .bind(self.sequence)
            .bind(self.hash.to_vec())
            .execute(&mut *self.tx)
            .await?;
        self.tx.commit().await?;
        let sequence = self.sequence;
        self.heard.send_if_modified(|newest| std::mem::replace(newest, sequence.max(*newest)) < sequence);
        Ok(())
    }
}
