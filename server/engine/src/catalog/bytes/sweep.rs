//! What the collector asks of the catalog. Deleting goes the other way round than writing: first the rows, then,
//! when readers that still know an old location are done, the bytes.

use shelfmark_domain::hash::PackId;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// Chunks that may go: nothing refers to them and no upload holds them any longer.
const EXPIRED: &str = "held_until > 0 AND held_until < $1";
/// Packs that may go: announced and given up, or without any chunk. Rows of chunks are entered in the transaction that
/// makes their pack live and never later, so a live pack without chunks stays without.
const EMPTY: &str = "(state = 'writing' AND held_until < $1) OR (state = 'live' AND NOT EXISTS \
     (SELECT 1 FROM chunks c WHERE c.pack = packs.number))";

impl Catalog {
    /// How many chunks with how many stored bytes may go.
    pub async fn count_expired_chunks(&self, now: Timestamp) -> Result<(u64, u64), CatalogError> {
        let row = query(format!(
            "SELECT COUNT(*), CAST(COALESCE(SUM(stored_length), 0) AS BIGINT) FROM chunks WHERE {EXPIRED}"
        ))
        .bind(now.as_micros())
        .fetch_one(&self.writer)
        .await?;
        Ok((row.size(0)?, row.size(1)?))
    }

    /// The packs that may go once the expired chunks have gone: name and bytes.
    pub async fn expired_packs(&self, now: Timestamp) -> Result<Vec<(PackId, u64)>, CatalogError> {
        let rows = query(format!(
            "SELECT id, bytes FROM packs WHERE (state = 'writing' AND held_until < $1) OR \
             (state = 'live' AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.pack = packs.number AND NOT ({EXPIRED}))) \
             ORDER BY number"
        ))
        .bind(now.as_micros())
        .fetch_all(&self.writer)
        .await?;
        rows.iter().map(|row| Ok((row.pack(0)?, row.size(1)?))).collect()
    }

    /// Deletes the rows of expired chunks; an upload that met one of them finds it missing in its last transaction.
    /// Returns how many there were.
    pub async fn sweep_chunks(&self, now: Timestamp) -> Result<u64, CatalogError> {
        let mut tx = self.begin_housekeeping().await?;
        let swept =
            query(format!("DELETE FROM chunks WHERE {EXPIRED}")).bind(now.as_micros()).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(swept.rows_affected())
    }

    /// Marks packs for deletion that nothing needs; their objects may go after `readers_until`. Returns their names.
    pub async fn retire_packs(&self, now: Timestamp, readers_until: Timestamp) -> Result<Vec<PackId>, CatalogError> {
        // In turn: on PostgreSQL a pack that is just being entered would be seen as live already but without chunks.
        let mut tx = self.begin_housekeeping().await?;
        let retired = query(format!("UPDATE packs SET state = 'deleting', held_until = $2 WHERE {EMPTY} RETURNING id"))
            .bind(now.as_micros())
            .bind(readers_until.as_micros())
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        retired.iter().map(|row| row.pack(0)).collect()
    }

    /// The marked packs whose readers are done: number, name, bytes.
    pub async fn retired_packs(&self, now: Timestamp) -> Result<Vec<(i64, PackId, u64)>, CatalogError> {
        let rows =
            query("SELECT number, id, bytes FROM packs WHERE state = 'deleting' AND held_until <= $1 ORDER BY number")
                .bind(now.as_micros())
                .fetch_all(&self.writer)
                .await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.pack(1)?, row.size(2)?))).collect()
    }

    /// Forgets a marked pack whose object is gone.
    pub async fn forget_pack(&self, number: i64) -> Result<(), CatalogError> {
        query("DELETE FROM packs WHERE number = $1 AND state = 'deleting'").bind(number).execute(&self.writer).await?;
        Ok(())
    }

    /// Drops the chunk lists of uploads that were given up.
    pub async fn sweep_segments(&self, now: Timestamp) -> Result<u64, CatalogError> {
        let swept = query(
            "DELETE FROM segments WHERE LENGTH(owner) = 16 AND owner NOT IN \
             (SELECT upload FROM packs WHERE upload IS NOT NULL AND held_until >= $1)",
        )
        .bind(now.as_micros())
        .execute(&self.writer)
        .await?;
        Ok(swept.rows_affected())
    }

    /// Forgets what repeated requests would have got, from before an instant.
    pub async fn sweep_idempotency_keys(&self, before: Timestamp) -> Result<u64, CatalogError> {
        let swept =
            query("DELETE FROM idempotency_keys WHERE at < $1").bind(before.as_micros()).execute(&self.writer).await?;
        Ok(swept.rows_affected())
    }
}
