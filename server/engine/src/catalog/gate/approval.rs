//! Approvals and rejections.

use shelfmark_domain::access::Role;
use shelfmark_domain::gate::{Approval, Decision};
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// What someone decided about a build in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRow {
    /// The audit entry's.
    pub sequence: i64,
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub manifest: ManifestId,
    pub approval: Approval,
}

const COLUMNS: &str =
    "sequence, environment, release, build, manifest, by_id, by_name, role, decision, reason, at FROM approvals";

fn read(row: &sqlx::any::AnyRow) -> Result<ApprovalRow, CatalogError> {
    let (role, decision) = (row.text(7)?, row.text(8)?);
    Ok(ApprovalRow {
        sequence: row.int(0)?,
        environment: row.parsed(1)?,
        build: build_name(row.int(2)?, row.int(3)?),
        manifest: row.manifest(4)?,
        approval: Approval {
            by: row.text(5)?,
            by_name: row.text(6)?,
            role: Role::parse(&role).ok_or_else(|| corrupt(format!("{role:?} as a role")))?,
            decision: Decision::parse(&decision).ok_or_else(|| corrupt(format!("{decision:?} as a decision")))?,
            reason: row.text(9)?,
            at: row.time(10)?,
        },
    })
}

impl Catalog {
    /// What was decided about a release's builds, newest first.
    pub async fn approvals_of_release(
        &self,
        project: i64,
        release: ReleaseNumber,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ApprovalRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND sequence < $3 ORDER BY sequence DESC LIMIT $4"
        ))
        .bind(project)
        .bind(release.get())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |approval| Cursor::after(approval.sequence)))
    }
}

impl Reading<'_> {
    /// What was decided about a manifest in an environment, oldest first.
    pub async fn approvals(
        &mut self,
        project: i64,
        manifest: ManifestId,
        environment: &EnvironmentName,
    ) -> Result<Vec<Approval>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND manifest = $2 AND environment = $3 ORDER BY sequence"
        ))
        .bind(project)
        .bind(manifest.as_bytes().to_vec())
        .bind(environment.to_string())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| read(row).map(|row| row.approval)).collect()
    }
}

impl Write {
    /// Adds a decision.
    pub async fn insert_approval(&mut self, project: i64, row: &ApprovalRow) -> Result<(), CatalogError> {
        query(
            "INSERT INTO approvals (project, manifest, environment, sequence, release, build, by_id, by_name, role, \
             decision, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(project)
        .bind(row.manifest.as_bytes().to_vec())
        .bind(row.environment.to_string())
        .bind(row.sequence)
        .bind(row.build.release.get())
        .bind(row.build.number)
        .bind(row.approval.by.clone())
        .bind(row.approval.by_name.clone())
        .bind(row.approval.role.as_str())
        .bind(row.approval.decision.as_str())
        .bind(row.approval.reason.clone())
        .bind(row.approval.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
