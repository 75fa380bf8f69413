//! Reading the audit trail.

use shelfmark_domain::audit::{AuditEntry, ChainVerifier};

use super::columns::{Columns as _, corrupt};
use super::connection::Catalog;
use super::error::CatalogError;
use super::page::{Cursor, Page};
use super::rows::query;

pub(super) const COLUMNS: &str =
    "sequence, at, actor, actor_name, action, project, subject, message, details, previous, hash FROM audit";

pub(super) fn entry(row: &sqlx::any::AnyRow) -> Result<(AuditEntry, Vec<u8>), CatalogError> {
    let previous = row.bytes(9)?.try_into().map_err(|_| corrupt("an audit hash of a wrong length"))?;
    let entry = AuditEntry {
        sequence: row.int(0)?,
        at: row.time(1)?,
        actor: row.text(2)?,
        actor_name: row.text(3)?,
        action: row.text(4)?,
        project: row.text(5)?,
        subject: row.text(6)?,
        message: row.text(7)?,
        details: row.text(8)?,
        previous,
    };
    Ok((entry, row.bytes(10)?))
}

impl Catalog {
    /// Entries, newest first, of one project or of everything.
    pub async fn audit_entries(
        &self,
        project: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, CatalogError> {
        let before = before.unwrap_or(i64::MAX);
        let rows = match project {
            Some(project) => {
                query(format!("SELECT {COLUMNS} WHERE project = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3"))
                    .bind(project.to_owned())
            }
            None => query(format!("SELECT {COLUMNS} WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2")),
        };
        let rows = rows.bind(before).bind(i64::from(limit) + 1).fetch_all(&self.reader).await?;
        let items: Result<Vec<_>, _> = rows.iter().map(|row| entry(row).map(|(entry, _)| entry)).collect();
        Ok(Page::cut(items?, limit, |entry| Cursor::after(entry.sequence)))
    }

    /// The next entries of the whole chain with their stored hashes, oldest first.
    pub async fn audit_chain(&self, after: i64, limit: u32) -> Result<Vec<(AuditEntry, Vec<u8>)>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE sequence > $1 ORDER BY sequence LIMIT $2"))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(entry).collect()
    }

    /// How far the trail has been written, and the hash of its last entry.
    pub async fn audit_head(&self) -> Result<(i64, Vec<u8>), CatalogError> {
        let row = query("SELECT sequence, hash FROM audit_head WHERE id = 1").fetch_one(&self.reader).await?;
        Ok((row.int(0)?, row.bytes(1)?))
    }

    /// Reads the whole chain up to the present head and checks it; returns the number of entries.
    ///
    /// # Errors
    /// `Corrupt` with the first entry that does not hold.
    pub async fn verify_audit(&self) -> Result<u64, CatalogError> {
        const AT_ONCE: u32 = 1_000;
        let (head, hash) = self.audit_head().await?;
        let mut verifier = ChainVerifier::default();
        let mut after = 0;
        while after < head {
            let entries = self.audit_chain(after, AT_ONCE).await?;
            let Some((last, _)) = entries.last() else { break };
            after = last.sequence;
            for (entry, stored) in entries.iter().filter(|(entry, _)| entry.sequence <= head) {
                verifier.read(entry, stored).map_err(|broken| corrupt(format!("a broken audit trail: {broken}")))?;
            }
        }
        verifier.finish(head, &hash).map_err(|broken| corrupt(format!("a broken audit trail: {broken}")))
    }
}
