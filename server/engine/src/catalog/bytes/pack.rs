//! Packs: objects in the store. A pack is named in a row before it is stored, so that the collector knows every
//! object and never has to guess by its age whether someone is about to refer to it.

use shelfmark_domain::hash::PackId;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, big, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, query};

/// Where a pack stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackState {
    /// Named, perhaps not stored yet.
    Writing,
    Live,
    /// No row refers to its chunks any more; the object goes when readers are done.
    Deleting,
}

impl PackState {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "writing" => Some(Self::Writing),
            "live" => Some(Self::Live),
            "deleting" => Some(Self::Deleting),
            _ => None,
        }
    }
}

impl Catalog {
    /// Names a pack that is about to be stored; returns the catalog's number of it.
    pub async fn announce_pack(
        &self,
        id: PackId,
        bytes: u64,
        upload: Option<[u8; 16]>,
        held_until: Timestamp,
    ) -> Result<i64, CatalogError> {
        // To the end, though there is one row: SQLite commits there, and nobody would hear that it could not.
        let rows = query(
            "INSERT INTO packs (id, bytes, state, upload, held_until) VALUES ($1, $2, 'writing', $3, $4) \
             RETURNING number",
        )
        .bind(id.as_bytes().to_vec())
        .bind(big(bytes))
        .bind(upload.map(|upload| upload.to_vec()))
        .bind(held_until.as_micros())
        .fetch_all(&self.writer)
        .await?;
        rows.first().ok_or_else(|| corrupt("a pack without a number"))?.int(0)
    }

    /// The packs in the order of their numbers: number, name, bytes and state.
    pub async fn packs(&self, after: i64, limit: u32) -> Result<Vec<(i64, PackId, u64, PackState)>, CatalogError> {
        let rows = query("SELECT number, id, bytes, state FROM packs WHERE number > $1 ORDER BY number LIMIT $2")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let state = row.text(3)?;
            let state = PackState::parse(&state).ok_or_else(|| corrupt("an unknown pack state"))?;
            Ok((row.int(0)?, row.pack(1)?, row.size(2)?, state))
        };
        rows.iter().map(read).collect()
    }

    /// Those of the packs that have a row, whatever their state.
    pub async fn known_packs(&self, ids: &[PackId]) -> Result<Vec<PackId>, CatalogError> {
        let mut connection = self.writer.acquire().await?; // the newest rows: a reader may lag
        let found = rows::select_in(
            &mut connection,
            "SELECT id FROM packs WHERE id IN",
            "",
            (0, |query| query),
            ids,
            |query, id| query.bind(id.as_bytes().to_vec()),
        )
        .await?;
        found.iter().map(|row| row.pack(0)).collect()
    }
}
