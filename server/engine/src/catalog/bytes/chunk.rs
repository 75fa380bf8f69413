//! Where chunks are, and who still needs them.
//!
//! A chunk's row is provisional (`held_until` > 0) while the upload that brought it is under way, and permanent
//! (`held_until` = 0) from the transaction on in which something refers to it. The collector only ever takes
//! provisional rows whose time is over. An upload that met a provisional row of another upload makes it permanent in
//! its own last transaction and fails there when the row is gone, so nothing acknowledged can lose a chunk, whatever
//! clocks say and whoever races. With a chunk, the chunks that its decoding needs become permanent: another upload may
//! have stored it against a dictionary that is provisional as well.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;

use shelfmark_domain::hash::ChunkId;
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::pack::{Encoding, PackEntry};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, big, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, AnyQuery, query};
use crate::catalog::write::Write;

/// A chunk in a pack that has been stored, to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRow {
    pub entry: PackEntry,
    /// How many references stand behind it.
    pub depth: u32,
}

/// A chunk that the catalog has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownChunk {
    pub depth: u32,
    /// Something refers to it, so it stays.
    pub is_permanent: bool,
}

/// Chunks with what [`location`] reads.
pub(crate) const LOCATION: &str = "SELECT c.id, p.id, c.start, c.stored_length, c.length, c.encoding, c.reference \
     FROM chunks c JOIN packs p ON p.number = c.pack";

pub(crate) fn location(row: &AnyRow) -> Result<ChunkLocation, CatalogError> {
    Ok(ChunkLocation {
        chunk: row.chunk(0)?,
        pack: row.pack(1)?,
        offset: row.size(2)?,
        stored_length: row.size32(3)?,
        length: row.size32(4)?,
        encoding: Encoding::from_i64(row.int(5)?).ok_or_else(|| corrupt("an unknown encoding of a chunk"))?,
        reference: row.chunk_or_null(6)?,
    })
}

const INSERT: &str =
    "INSERT INTO chunks (id, pack, start, stored_length, length, encoding, reference, depth, held_until)";

fn bind_row(query: AnyQuery, pack: i64, row: &ChunkRow, held_until: i64) -> AnyQuery {
    query
        .bind(row.entry.chunk.as_bytes().to_vec())
        .bind(pack)
        .bind(big(row.entry.offset))
        .bind(i64::from(row.entry.stored_length))
        .bind(i64::from(row.entry.length))
        .bind(row.entry.encoding.as_i64())
        .bind(row.entry.reference.map(|reference| reference.as_bytes().to_vec()))
        .bind(i64::from(row.depth))
        .bind(held_until)
}

/// Rows in the order of their ids, so that two uploads of the same chunks never wait for each other in a circle.
fn sorted(rows: &[ChunkRow]) -> Vec<&ChunkRow> {
    let mut sorted: Vec<&ChunkRow> = rows.iter().collect();
    sorted.sort_by_key(|row| row.entry.chunk);
    sorted
}

fn bind_id(query: AnyQuery, id: &ChunkId) -> AnyQuery {
    query.bind(id.as_bytes().to_vec())
}

impl Catalog {
    /// Which of the chunks are there already.
    pub async fn known_chunks(&self, ids: &[ChunkId]) -> Result<HashMap<ChunkId, KnownChunk>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let head = "SELECT id, depth, held_until FROM chunks WHERE id IN";
        let found = rows::select_in(&mut connection, head, "", (0, |query| query), ids, bind_id).await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok((row.chunk(0)?, KnownChunk { depth: row.size32(1)?, is_permanent: row.int(2)? == 0 }))
        };
        found.iter().map(read).collect()
    }

    /// Where chunks are. One that is absent from the answer is in no pack.
    pub async fn locate(&self, ids: &[ChunkId]) -> Result<HashMap<ChunkId, ChunkLocation>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let head = format!("{LOCATION} WHERE c.id IN");
        let found = rows::select_in(&mut connection, &head, "", (0, |query| query), ids, bind_id).await?;
        found.iter().map(|row| location(row).map(|location| (location.chunk, location))).collect()
    }

    /// Enters a stored pack of an upload that goes on: its chunks stay provisional. Returns the chunks that were
    /// there already, provisional ones of other uploads included (these are now held at least as long).
    ///
    /// # Errors
    /// `Ok(None)` when the pack's own row is gone: the upload took longer than the grace period.
    pub async fn enter_pack(
        &self,
        pack: i64,
        chunks: &[ChunkRow],
        held_until: Timestamp,
    ) -> Result<Option<Vec<ChunkId>>, CatalogError> {
        let mut tx = self.begin_housekeeping().await?;
        let live = query("UPDATE packs SET state = 'live' WHERE number = $1 AND state = 'writing'").bind(pack);
        if live.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let entered = rows::insert(
            &mut tx,
            INSERT,
            "ON CONFLICT (id) DO UPDATE SET held_until = CASE WHEN chunks.held_until = 0 THEN 0 \
             WHEN chunks.held_until > excluded.held_until THEN chunks.held_until ELSE excluded.held_until END \
             RETURNING id, pack",
            9,
            &sorted(chunks),
            |query, row| bind_row(query, pack, row, held_until.as_micros()),
        )
        .await?;
        tx.commit().await?;
        let mut foreign = Vec::new();
        for row in &entered {
            if row.int(1)? != pack {
                foreign.push(row.chunk(0)?);
            }
        }
        Ok(Some(foreign))
    }
}

impl Write {
    /// Enters a stored pack whose chunks are referred to in this same change.
    ///
    /// # Errors
    /// `Ok(false)` when the pack's own row, or what a chunk that was there already needs, is gone: it took longer than
    /// the grace period.
    pub async fn insert_pack(&mut self, pack: i64, chunks: &[ChunkRow]) -> Result<bool, CatalogError> {
        let live = query("UPDATE packs SET state = 'live' WHERE number = $1 AND state = 'writing'").bind(pack);
        if live.execute(self.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let conflict = "ON CONFLICT (id) DO UPDATE SET held_until = 0";
        rows::insert(self.connection(), INSERT, conflict, 9, &sorted(chunks), |query, row| {
            bind_row(query, pack, row, 0)
        })
        .await?;
        let own = query("SELECT COUNT(*) FROM chunks WHERE pack = $1").bind(pack).fetch_one(self.connection()).await?;
        if own.size(0)? == chunks.len() as u64 {
            return Ok(true);
        }
        // Some were there already, stored in their own way.
        self.adopt_chunks(chunks.iter().map(|row| row.entry.chunk)).await
    }

    /// Makes chunks permanent, and those that their decoding needs; false when one of them is not there any more.
    pub async fn adopt_chunks(&mut self, ids: impl IntoIterator<Item = ChunkId>) -> Result<bool, CatalogError> {
        let mut wanted: HashSet<ChunkId> = ids.into_iter().collect();
        let mut adopted = HashSet::new();
        while !wanted.is_empty() {
            let mut ids: Vec<ChunkId> = wanted.drain().collect();
            ids.sort();
            let (head, tail) = ("UPDATE chunks SET held_until = 0 WHERE id IN", "RETURNING reference");
            let found = rows::select_in(self.connection(), head, tail, (0, |query| query), &ids, bind_id).await?;
            if found.len() != ids.len() {
                return Ok(false);
            }
            adopted.extend(ids);
            for row in &found {
                wanted.extend(row.chunk_or_null(0)?.filter(|reference| !adopted.contains(reference)));
            }
        }
        Ok(true)
    }

    /// Makes every chunk permanent that an upload has brought; returns how many are (still) there.
    pub async fn adopt_upload(&mut self, upload: [u8; 16]) -> Result<u64, CatalogError> {
        let adopted =
            query("UPDATE chunks SET held_until = 0 WHERE pack IN (SELECT number FROM packs WHERE upload = $1)")
                .bind(upload.to_vec())
                .execute(self.connection())
                .await?;
        query("UPDATE packs SET upload = NULL WHERE upload = $1")
            .bind(upload.to_vec())
            .execute(self.connection())
            .await?;
        Ok(adopted.rows_affected())
    }
}
