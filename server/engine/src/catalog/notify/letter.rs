//! Letters: mail that has been written and is sent at least once. A letter is written in the transaction that moves its
//! subscriptions' cursors, so each event gets into mail once, whoever writes and whatever dies.

use serde_json::Value;
use shelfmark_domain::name::UserName;
use shelfmark_domain::time::Timestamp;

use super::{json, parsed};
use crate::catalog::Catalog;
use crate::catalog::columns::Columns as _;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// Mail to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRow {
    /// The same for the same events to the same person.
    pub id: String,
    pub user: UserName,
    pub is_digest: bool,
    /// What it tells: documents of events, by project and then in their order.
    pub events: Vec<Value>,
    /// Ids of the subscriptions that it comes from.
    pub subscriptions: Vec<String>,
    /// Who knows it may unsubscribe.
    pub unsubscribe: String,
    pub tries: u32,
    pub created_at: Timestamp,
}

/// What has become of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    Waiting,
    Sent,
    /// Nobody is to get it any more.
    Dropped,
    /// It was given up.
    Dead,
}

impl LetterState {
    /// The state as the catalog writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Dead => "dead",
        }
    }
}

const COLUMNS: &str = "id, user_name, is_digest, events, subscriptions, unsubscribe, tries, created_at";

fn read(row: &sqlx::any::AnyRow) -> Result<LetterRow, CatalogError> {
    Ok(LetterRow {
        id: row.text(0)?,
        user: row.parsed(1)?,
        is_digest: row.int(2)? != 0,
        events: parsed(&row.text(3)?)?,
        subscriptions: parsed(&row.text(4)?)?,
        unsubscribe: row.text(5)?,
        tries: row.size32(6)?,
        created_at: row.time(7)?,
    })
}

impl Catalog {
    /// Writes letters and moves the cursors of the subscriptions that they come from: (id, from, to, next due). False
    /// when somebody else did so meanwhile, and then nothing is written.
    pub async fn write_letters(
        &self,
        letters: &[LetterRow],
        moves: &[(String, i64, i64, Timestamp)],
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin_writing().await?;
        for (id, from, to, due_at) in moves {
            let moved = query("UPDATE subscriptions SET cursor = $1, due_at = $2 WHERE id = $3 AND cursor = $4")
                .bind(*to)
                .bind(due_at.as_micros())
                .bind(id.clone())
                .bind(*from)
                .execute(&mut *tx)
                .await?;
            if moved.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(false);
            }
        }
        for letter in letters {
            query(
                "INSERT INTO letters (id, user_name, is_digest, events, subscriptions, unsubscribe, state, tries, error, \
                 created_at, due_at, lease_owner, lease_until) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, '', $7, $7, '', 0) \
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(letter.id.clone())
            .bind(letter.user.to_string())
            .bind(i64::from(letter.is_digest))
            .bind(json(&letter.events))
            .bind(json(&letter.subscriptions))
            .bind(letter.unsubscribe.clone())
            .bind(letter.created_at.as_micros())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Takes the lease of the next letter that is due; `None` when none is.
    pub async fn lease_letter(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LetterRow>, CatalogError> {
        let row = query(format!(
            "UPDATE letters SET lease_owner = $1, lease_until = $2 WHERE id = (SELECT id FROM letters WHERE state = 'waiting' \
             AND due_at <= $3 AND (lease_owner = '' OR lease_until <= $3) ORDER BY due_at, id LIMIT 1) \
             AND state = 'waiting' AND (lease_owner = '' OR lease_until <= $3) RETURNING {COLUMNS}"
        ))
        .bind(owner.to_owned())
        .bind(until.as_micros())
        .bind(now.as_micros())
        .fetch_optional(&self.writer)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Records what became of a letter and gives its lease back; false when the lease was lost.
    pub async fn note_letter(
        &self,
        id: &str,
        owner: &str,
        (state, error): (LetterState, &str),
        (tries, due_at): (u32, Timestamp),
    ) -> Result<bool, CatalogError> {
        let noted = query(
            "UPDATE letters SET state = $1, error = $2, tries = $3, due_at = $4, lease_owner = '', lease_until = 0 \
             WHERE id = $5 AND lease_owner = $6",
        )
        .bind(state.as_str())
        .bind(error.to_owned())
        .bind(i64::from(tries))
        .bind(due_at.as_micros())
        .bind(id.to_owned())
        .bind(owner.to_owned())
        .execute(&self.writer)
        .await?;
        Ok(noted.rows_affected() == 1)
    }

    /// The person and the subscriptions of the letter with this key, while it is kept.
    pub async fn letter_by_key(&self, key: &str) -> Result<Option<(UserName, Vec<String>)>, CatalogError> {
        let row = query("SELECT user_name, subscriptions FROM letters WHERE unsubscribe = $1")
            .bind(key.to_owned())
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| Ok((row.parsed(0)?, parsed(&row.text(1)?)?))).transpose()
    }

    /// How many letters are in a state.
    pub async fn count_letters(&self, state: LetterState) -> Result<i64, CatalogError> {
        let row = query("SELECT COUNT(*) FROM letters WHERE state = $1").bind(state.as_str());
        row.fetch_one(&self.reader).await?.int(0)
    }

    /// Removes up to `limit` letters from before an instant that no longer wait; returns how many.
    pub async fn trim_letters(&self, before: Timestamp, limit: u32) -> Result<u64, CatalogError> {
        let removed = query(
            "DELETE FROM letters WHERE id IN (SELECT id FROM letters WHERE created_at < $1 AND state <> 'waiting' \
             ORDER BY created_at LIMIT $2)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(&self.writer)
        .await?;
        Ok(removed.rows_affected())
    }
}
