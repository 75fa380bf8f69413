//! Assets whose latest version is still to be examined where it is. A row is entered with the change that makes it
//! necessary, so that no crash and no other process can lose it.

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::references::Format;

use super::MAY_REFER;
use crate::catalog::NewVersion;
use crate::catalog::assets::asset::range;
use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// An asset to be examined, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingAsset {
    pub asset: AssetId,
    /// Of the change since which it is pending.
    pub sequence: i64,
    pub project: ProjectName,
    pub project_number: i64,
    pub path: String,
    pub content: ContentId,
    pub size_bytes: u64,
    pub media_type: String,
}

const UPSERT: &str = "ON CONFLICT (asset) DO UPDATE SET sequence = excluded.sequence";

impl Catalog {
    /// The assets that are to be examined, of one project or of all, by id.
    pub async fn pending_references(
        &self,
        project: Option<i64>,
        after: Option<AssetId>,
        limit: u32,
    ) -> Result<Vec<PendingAsset>, CatalogError> {
        let rows = query(
            "SELECT r.asset, r.sequence, p.name, p.number, s.path, v.content, v.size_bytes, v.media_type \
             FROM references_pending r JOIN assets s ON s.id = r.asset \
             JOIN versions v ON v.asset = s.id AND v.number = s.latest JOIN projects p ON p.number = s.project \
             WHERE r.asset > $1 AND (CAST($2 AS BIGINT) = 0 OR s.project = $3) ORDER BY r.asset LIMIT $4",
        )
        .bind(after.map_or_else(Vec::new, |asset| asset.0.to_vec()))
        .bind(i64::from(project.is_some()))
        .bind(project.unwrap_or(0))
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(PendingAsset {
                asset: row.asset(0)?,
                sequence: row.int(1)?,
                project: row.parsed(2)?,
                project_number: row.int(3)?,
                path: row.text(4)?,
                content: row.content(5)?,
                size_bytes: row.size(6)?,
                media_type: row.text(7)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Has every asset examined again when the last ones were examined by an earlier extractor.
    pub async fn ask_for_references_of(&self, extractor: i64) -> Result<bool, CatalogError> {
        let known = query("SELECT extractor FROM reference_extractor").fetch_one(&self.reader).await?;
        if known.int(0)? >= extractor {
            return Ok(false); // nearly always: nobody has to wait for a turn to write
        }
        let mut tx = self.begin_writing().await?;
        let raised = query("UPDATE reference_extractor SET extractor = $1 WHERE extractor < $2")
            .bind(extractor)
            .bind(extractor)
            .execute(&mut *tx)
            .await?;
        if raised.rows_affected() == 0 {
            return Ok(false);
        }
        query(format!(
            "INSERT INTO references_pending (asset, sequence) SELECT s.id, 0 FROM assets s \
             JOIN versions v ON v.asset = s.id AND v.number = s.latest WHERE s.deleted_at IS NULL AND {MAY_REFER} \
             ON CONFLICT (asset) DO NOTHING"
        ))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes assets out that have been examined, unless they have changed since.
    pub(super) async fn settle_references(&self, settled: &[(AssetId, i64)]) -> Result<(), CatalogError> {
        let Some(newest) = settled.iter().map(|(_, sequence)| *sequence).max() else { return Ok(()) };
        // In turn with changes: those enter rows of the same assets in another order.
        let mut tx = self.begin_housekeeping().await?;
        rows::execute_in(
            &mut tx,
            "DELETE FROM references_pending WHERE sequence <= $1 AND asset IN",
            "",
            (1, |query: rows::AnyQuery| query.bind(newest)),
            settled,
            |query, (asset, _)| query.bind(asset.0.to_vec()),
        )
        .await?;
        Ok(tx.commit().await?)
    }
}

impl Write {
    /// Notes which of these new versions are to be examined.
    pub(in crate::catalog) async fn note_pending_references(
        &mut self,
        versions: &[&NewVersion],
    ) -> Result<(), CatalogError> {
        let readable: Vec<_> = versions.iter().filter(|version| Format::of(&version.media_type).is_some()).collect();
        rows::insert(
            self.connection(),
            "INSERT INTO references_pending (asset, sequence)",
            UPSERT,
            2,
            &readable,
            |query, version| query.bind(version.asset.0.to_vec()).bind(version.audit),
        )
        .await?;
        Ok(())
    }

    /// Notes that an asset is at another path now.
    pub(in crate::catalog) async fn note_placed(&mut self, asset: AssetId) -> Result<(), CatalogError> {
        let sequence = self.coming_sequence();
        query(format!(
            "INSERT INTO references_pending (asset, sequence) SELECT s.id, CAST($1 AS BIGINT) FROM assets s \
             JOIN versions v ON v.asset = s.id AND v.number = s.latest WHERE s.id = $2 AND {MAY_REFER} {UPSERT}"
        ))
        .bind(sequence)
        .bind(asset.0.to_vec())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Notes that what is in a folder may have come from elsewhere.
    pub(in crate::catalog) async fn note_moved(
        &mut self,
        project: i64,
        folder: &FolderPath,
    ) -> Result<(), CatalogError> {
        let (sequence, (first, end)) = (self.coming_sequence(), range(folder));
        query(format!(
            "INSERT INTO references_pending (asset, sequence) SELECT s.id, CAST($1 AS BIGINT) FROM assets s \
             JOIN versions v ON v.asset = s.id AND v.number = s.latest \
             WHERE s.project = $2 AND s.path >= $3 AND s.path < $4 AND s.deleted_at IS NULL AND {MAY_REFER} {UPSERT}"
        ))
        .bind(sequence)
        .bind(project)
        .bind(first)
        .bind(end)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
