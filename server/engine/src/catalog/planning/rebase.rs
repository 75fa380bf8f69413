//! What an environment has served since the lines of a release were made, and which lines a person kept all the same.

use std::collections::HashMap;

use shelfmark_domain::environment::Served;
use shelfmark_domain::name::{EnvironmentName, ReleaseNumber};

use crate::catalog::columns::Columns as _;
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::releases::change::{self, ChangeRow};
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::{self, query};
use crate::catalog::write::Write;

/// What an environment began to serve, by the audit sequence of that deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedSince {
    pub sequence: i64,
    pub served: Served,
}

/// How old the knowledge is that stands behind a release's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Audit sequence of its oldest line.
    pub oldest_line: Option<i64>,
    /// Audit sequence up to which its newest build that tracks the environment knows what that serves; 0 without one.
    pub seen: i64,
}

impl Catalog {
    /// What an environment served at an audit sequence, if anything, and all that it began to serve later; oldest first.
    pub async fn served_since(
        &self,
        project: i64,
        environment: &EnvironmentName,
        sequence: i64,
    ) -> Result<Vec<ServedSince>, CatalogError> {
        let rows = query(
            "SELECT audit, release, build, manifest FROM deployments WHERE project = $1 AND environment = $2 \
             AND audit >= COALESCE((SELECT MAX(e.audit) FROM deployments e WHERE e.project = $1 AND e.environment = $2 \
             AND e.audit <= $3), 0) ORDER BY audit",
        )
        .bind(project)
        .bind(environment.to_string())
        .bind(sequence)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let served = Served { build: build_name(row.int(1)?, row.int(2)?), manifest: row.manifest(3)? };
            Ok(ServedSince { sequence: row.int(0)?, served })
        };
        rows.iter().map(read).collect()
    }

    /// How old the knowledge behind a release's lines is.
    pub async fn past_of_release(
        &self,
        project: i64,
        release: ReleaseNumber,
        environment: &EnvironmentName,
    ) -> Result<Past, CatalogError> {
        let line = query("SELECT MIN(audit) FROM changes WHERE project = $1 AND release = $2")
            .bind(project)
            .bind(release.get())
            .fetch_one(&self.reader)
            .await?;
        let build = query(
            "SELECT seen FROM builds WHERE project = $1 AND release = $2 AND tracks = $3 \
             ORDER BY number DESC LIMIT 1",
        )
        .bind(project)
        .bind(release.get())
        .bind(environment.to_string())
        .fetch_optional(&self.reader)
        .await?;
        let seen = build.map_or(Ok(0), |row| row.int(0))?;
        Ok(Past { oldest_line: line.int_or_null(0)?, seen })
    }

    /// A release's lines that are older than an audit sequence, by key, each with its own.
    pub async fn lines_before(
        &self,
        project: i64,
        release: ReleaseNumber,
        sequence: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ChangeRow, i64)>, CatalogError> {
        let rows = query(
            "SELECT key, kind, asset, version, value, audit FROM changes \
             WHERE project = $1 AND release = $2 AND audit < $3 AND key > $4 ORDER BY key LIMIT $5",
        )
        .bind(project)
        .bind(release.get())
        .bind(sequence)
        .bind(after.to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| Ok((change::read(row, 0)?, row.int(5)?))).collect()
    }

    /// Where a person kept a release's line, and who: by key, with the value that was served beside it then.
    pub async fn kept_lines(
        &self,
        project: i64,
        release: ReleaseNumber,
        environment: &EnvironmentName,
    ) -> Result<HashMap<String, (String, String)>, CatalogError> {
        let rows = query(
            "SELECT k.key, k.theirs, a.actor_name FROM kept_lines k JOIN audit a ON a.sequence = k.audit \
             WHERE k.project = $1 AND k.release = $2 AND k.environment = $3",
        )
        .bind(project)
        .bind(release.get())
        .bind(environment.to_string())
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| Ok((row.text(0)?, (row.text(1)?, row.text(2)?)))).collect()
    }
}

impl Write {
    /// Keeps lines of a release although what is served has changed to the named values beside them.
    pub async fn keep_lines(
        &mut self,
        project: i64,
        release: ReleaseNumber,
        environment: &EnvironmentName,
        kept: &[(String, String)],
        sequence: i64,
    ) -> Result<(), CatalogError> {
        rows::insert(
            self.connection(),
            "INSERT INTO kept_lines (project, release, environment, key, theirs, audit)",
            "ON CONFLICT (project, release, environment, key) DO UPDATE \
             SET theirs = excluded.theirs, audit = excluded.audit",
            6,
            kept,
            |query, (key, theirs)| {
                let query = query.bind(project).bind(release.get()).bind(environment.to_string());
                query.bind(key.clone()).bind(theirs.clone()).bind(sequence)
            },
        )
        .await?;
        Ok(())
    }
}
