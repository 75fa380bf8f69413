//! Policies, each revision of them.

use shelfmark_domain::gate::Policy;
use shelfmark_domain::name::EnvironmentName;
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// A revision of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRow {
    /// 1, 2, 3 and so on.
    pub revision: i64,
    pub policy: Policy,
    pub by_name: String,
    pub message: String,
    pub at: Timestamp,
}

const COLUMNS: &str = "revision, document, by_name, message, at FROM policies";

fn read(row: &sqlx::any::AnyRow) -> Result<PolicyRow, CatalogError> {
    let policy = serde_json::from_str(&row.text(1)?);
    Ok(PolicyRow {
        revision: row.int(0)?,
        policy: policy.map_err(|error| corrupt(format!("a policy that can't be read: {error}")))?,
        by_name: row.text(2)?,
        message: row.text(3)?,
        at: row.time(4)?,
    })
}

/// The environment's column; empty for the whole project.
fn place(environment: Option<&EnvironmentName>) -> String {
    environment.map(ToString::to_string).unwrap_or_default()
}

impl Catalog {
    /// The revisions of a policy, newest first.
    pub async fn policy_revisions(
        &self,
        project: i64,
        environment: Option<&EnvironmentName>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<PolicyRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND revision < $3 ORDER BY revision DESC LIMIT $4"
        ))
        .bind(project)
        .bind(place(environment))
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |policy| Cursor::after(policy.revision)))
    }
}

impl Reading<'_> {
    /// The policy that holds for an environment, or with none for the whole project; `None` when none was ever set.
    pub async fn policy(
        &mut self,
        project: i64,
        environment: Option<&EnvironmentName>,
    ) -> Result<Option<PolicyRow>, CatalogError> {
        let row =
            query(format!("SELECT {COLUMNS} WHERE project = $1 AND environment = $2 ORDER BY revision DESC LIMIT 1"))
                .bind(project)
                .bind(place(environment))
                .fetch_optional(self.connection())
                .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Adds a revision of a policy.
    pub async fn insert_policy(
        &mut self,
        project: i64,
        environment: Option<&EnvironmentName>,
        policy: &PolicyRow,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO policies (project, environment, revision, document, by_name, message, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(project)
        .bind(place(environment))
        .bind(policy.revision)
        .bind(serde_json::to_string(&policy.policy).expect("a policy consists of names and numbers"))
        .bind(policy.by_name.clone())
        .bind(policy.message.clone())
        .bind(policy.at.as_micros())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
