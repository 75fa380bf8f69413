//! Moving chunks out of packs that are mostly garbage. Only where a chunk is changes; its name, and what refers to it
//! by that name, stays.

use shelfmark_domain::hash::{ChunkId, PackId};
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::{CHUNK_OVERHEAD_BYTES_MAX, PACK_OVERHEAD_BYTES_MAX};
use shelfmark_domain::time::Timestamp;

use super::chunk::{LOCATION, location};
use crate::catalog::columns::{Columns as _, big};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, query};

/// A pack of which little is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SparsePack {
    pub number: i64,
    pub id: PackId,
    pub bytes: u64,
    /// The stored bytes of its chunks that are needed.
    pub needed_bytes: u64,
}

/// A chunk that has been copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedChunk {
    pub chunk: ChunkId,
    /// The number of the pack in which it was.
    pub from: i64,
    /// Where its stored bytes start in the new pack.
    pub offset: u64,
}

impl Catalog {
    /// The packs of which less than so many thousandths are needed once the expired chunks have gone, those first that
    /// free most. Packs are left out that an upload under way may have brought: it counts its chunks by their pack.
    ///
    /// What a chunk takes in the index counts as needed, so that a pack that has been written anew is not sparse.
    pub async fn sparse_packs(&self, now: Timestamp, below_permille: u32) -> Result<Vec<SparsePack>, CatalogError> {
        let rows = query(
            "SELECT p.number, p.id, p.bytes, CAST(SUM(c.stored_length) AS BIGINT) FROM packs p \
             JOIN chunks c ON c.pack = p.number WHERE p.state = 'live' AND (p.upload IS NULL OR p.held_until < $1) \
             AND NOT (c.held_until > 0 AND c.held_until < $1) GROUP BY p.number, p.id, p.bytes \
             HAVING MAX(c.held_until) = 0 AND (SUM(c.stored_length) + COUNT(*) * $2 + $3) * 1000 < p.bytes * $4 \
             ORDER BY p.bytes - SUM(c.stored_length) DESC, p.number",
        )
        .bind(now.as_micros())
        .bind(big(CHUNK_OVERHEAD_BYTES_MAX as u64))
        .bind(big(PACK_OVERHEAD_BYTES_MAX as u64))
        .bind(i64::from(below_permille))
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(SparsePack { number: row.int(0)?, id: row.pack(1)?, bytes: row.size(2)?, needed_bytes: row.size(3)? })
        };
        rows.iter().map(read).collect()
    }

    /// The chunks that are in a pack, in the order in which they lie there.
    pub async fn locations_in_pack(&self, pack: i64) -> Result<Vec<ChunkLocation>, CatalogError> {
        let sql = format!("{LOCATION} WHERE c.pack = $1 ORDER BY c.start");
        let rows = query(sql).bind(pack).fetch_all(&self.reader).await?;
        rows.iter().map(location).collect()
    }

    /// Makes a stored pack the place of the chunks that were copied into it, those that are still where they were
    /// copied from.
    ///
    /// # Errors
    /// `Ok(false)` when the pack's own row is gone: it took longer than the grace period. Nothing has been changed.
    pub async fn move_chunks(&self, pack: i64, chunks: &[MovedChunk]) -> Result<bool, CatalogError> {
        let mut tx = self.begin_housekeeping().await?;
        let live = query("UPDATE packs SET state = 'live' WHERE number = $1 AND state = 'writing'").bind(pack);
        if live.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        // Both databases name the columns of VALUES so.
        let head = "UPDATE chunks SET pack = moved.column2, start = moved.column3 FROM (";
        let tail = ") AS moved WHERE chunks.id = moved.column1 AND chunks.pack = moved.column4";
        rows::insert(&mut tx, head, tail, 4, chunks, |query, moved| {
            query.bind(moved.chunk.as_bytes().to_vec()).bind(pack).bind(big(moved.offset)).bind(moved.from)
        })
        .await?;
        tx.commit().await?;
        Ok(true)
    }
}
