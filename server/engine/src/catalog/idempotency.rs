//! What a repeated request gets: the outcome of the first one, written in the same transaction as its effect.

use shelfmark_domain::time::Timestamp;

use super::columns::{Columns as _, corrupt};
use super::connection::Catalog;
use super::error::CatalogError;
use super::rows::query;
use super::write::Write;

impl Catalog {
    /// The outcome of an earlier request with this key: the fingerprint of what was asked, and what came of it.
    pub async fn idempotent_outcome(
        &self,
        principal: &str,
        key: &str,
    ) -> Result<Option<([u8; 32], String)>, CatalogError> {
        let row = query("SELECT fingerprint, outcome FROM idempotency_keys WHERE principal = $1 AND key = $2")
            .bind(principal.to_owned())
            .bind(key.to_owned())
            .fetch_optional(&self.writer)
            .await?;
        row.map(|row| {
            let fingerprint = row.bytes(0)?.try_into().map_err(|_| corrupt("a fingerprint of a wrong length"))?;
            Ok((fingerprint, row.text(1)?))
        })
        .transpose()
    }
}

impl Write {
    /// Whether a request with this key has been carried out by now.
    pub async fn is_noted(&mut self, principal: &str, key: &str) -> Result<bool, CatalogError> {
        let row = query("SELECT 1 FROM idempotency_keys WHERE principal = $1 AND key = $2")
            .bind(principal.to_owned())
            .bind(key.to_owned())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.is_some())
    }

    /// Notes the outcome of this change under a key; false when another request with the key was first, and then
    /// this change must be given up.
    pub async fn note_outcome(
        &mut self,
        principal: &str,
        key: &str,
        fingerprint: [u8; 32],
        outcome: &str,
        at: Timestamp,
    ) -> Result<bool, CatalogError> {
        let noted = query(
            "INSERT INTO idempotency_keys (principal, key, fingerprint, outcome, at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (principal, key) DO NOTHING",
        )
        .bind(principal.to_owned())
        .bind(key.to_owned())
        .bind(fingerprint.to_vec())
        .bind(outcome.to_owned())
        .bind(at.as_micros())
        .execute(self.connection())
        .await?;
        self.has_outcome = noted.rows_affected() == 1;
        Ok(self.has_outcome)
    }
}
