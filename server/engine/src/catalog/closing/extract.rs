//! The entries of the audit trail that are about one release.

use shelfmark_domain::audit::AuditEntry;
use shelfmark_domain::name::{ProjectName, ReleaseNumber};

use crate::catalog::audit::{COLUMNS, entry};
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::query;

/// What belongs to a release ($2) of a project ($1, by name $3): what was done to it and its builds ($4, and $5 as a
/// pattern), to its items and incidents, its deployments and the rollbacks from them, what the gate's tables know by
/// their entries, and its checklist's lessons. An asset may be called as a release or an item is: the actions tell.
const ABOUT: &str = "project = $3 AND sequence > $6 AND sequence <= $7 AND (\
     ((subject = $4 OR subject LIKE $5) AND action NOT LIKE 'asset%') \
     OR (action LIKE 'work_item.%' AND subject IN (SELECT 'W-' || CAST(i.item AS TEXT) FROM release_items i \
         WHERE i.project = $1 AND i.release = $2 UNION SELECT 'W-' || CAST(c.item AS TEXT) FROM incident_causes c \
         WHERE c.project = $1 AND c.release = $2)) \
     OR sequence IN (SELECT d.audit FROM deployments d WHERE d.project = $1 AND (d.release = $2 OR d.replaced_release = $2)) \
     OR sequence IN (SELECT p.sequence FROM approvals p WHERE p.project = $1 AND p.release = $2) \
     OR sequence IN (SELECT o.sequence FROM outside_reports o WHERE o.project = $1 AND o.release = $2) \
     OR sequence IN (SELECT w.number FROM waivers w WHERE w.project = $1 AND w.release = $2) \
     OR sequence IN (SELECT l.number FROM locks l WHERE l.project = $1 AND l.release = $2) \
     OR (action = 'checklist.point_added' AND subject IN (SELECT CAST(k.number AS TEXT) FROM checklist_items k \
         WHERE k.project = $1 AND k.origin = $2)))";

impl Catalog {
    /// The entries about a release after one sequence and up to another, oldest first, with their stored hashes.
    pub async fn audit_of_release(
        &self,
        (project, name): (i64, &ProjectName),
        release: ReleaseNumber,
        (after, until): (i64, i64),
        limit: u32,
    ) -> Result<Vec<(AuditEntry, [u8; 32])>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE {ABOUT} ORDER BY sequence LIMIT $8"))
            .bind(project)
            .bind(release.get())
            .bind(name.to_string())
            .bind(release.to_string())
            .bind(format!("{release}.%"))
            .bind(after)
            .bind(until)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let (entry, hash) = entry(row)?;
            Ok((entry, hash.try_into().map_err(|_| corrupt("an audit hash of a wrong length"))?))
        };
        rows.iter().map(read).collect()
    }

    /// The stored hash of the entry with a sequence; `None` for one that is not there.
    pub async fn audit_hash(&self, sequence: i64) -> Result<Option<[u8; 32]>, CatalogError> {
        let row =
            query("SELECT hash FROM audit WHERE sequence = $1").bind(sequence).fetch_optional(&self.reader).await?;
        let hash = row.map(|row| row.bytes(0)).transpose()?;
        hash.map(|hash| hash.try_into().map_err(|_| corrupt("an audit hash of a wrong length"))).transpose()
    }
}
