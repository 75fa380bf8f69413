//! Verifications of deployments.

use serde::{Deserialize, Serialize};

use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::gate::VerificationRule;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::time::Timestamp;

use super::row::json;
use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::{AnyQuery, query};
use crate::catalog::write::Write;

/// What has become of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    Pending,
    Passed,
    Failed,
    /// It has failed, and the environment is to go back.
    RollingBack,
    /// It has failed, and the environment has gone back.
    RolledBack,
    /// The environment has moved on before it was decided.
    Superseded,
}

impl VerificationState {
    const ALL: [Self; 6] =
        [Self::Pending, Self::Passed, Self::Failed, Self::RollingBack, Self::RolledBack, Self::Superseded];

    /// The state as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One thing that is verified, with its last outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedItem {
    /// `contents`, an address, or `outside:NAME`.
    pub name: String,
    /// `None`: it is still to be looked at.
    pub passed: Option<bool>,
    pub reason: String,
    pub at: Timestamp,
}

/// What is verified of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationRow {
    pub environment: EnvironmentName,
    /// Of the deployment.
    pub revision: i64,
    pub kind: DeploymentKind,
    pub build: BuildName,
    pub manifest: ManifestId,
    /// What was served before; `None` for the first deployment.
    pub before: Option<ManifestId>,
    pub rule: VerificationRule,
    /// 1, and +1 each time that someone asks again.
    pub run: i64,
    pub state: VerificationState,
    /// A sentence on how it ended; empty before.
    pub why: String,
    pub items: Vec<VerifiedItem>,
    pub begun_at: Timestamp,
    /// What has not become right by then has failed.
    pub ends_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// The revision of the rollback that it led to.
    pub rolled_back: Option<i64>,
}

/// A verification that is to be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenVerification {
    pub project: ProjectName,
    pub project_number: i64,
    pub row: VerificationRow,
}

const COLUMNS: &str = "v.environment, v.revision, v.kind, v.release, v.build, v.manifest, v.before, v.rule, v.run, \
     v.state, v.why, v.items, v.begun_at, v.ends_at, v.finished_at, v.rolled_back";
/// How many columns those are.
const COUNT: usize = 16;
/// As that of schedules.
const FREE: &str = "NOT (v.leased_until > $1 AND v.leased_until <= $2)";
const OPEN: &str = "v.state IN ('pending', 'rolling_back')";

fn read(row: &sqlx::any::AnyRow) -> Result<VerificationRow, CatalogError> {
    let (kind, state) = (row.text(2)?, row.text(9)?);
    Ok(VerificationRow {
        environment: row.parsed(0)?,
        revision: row.int(1)?,
        kind: DeploymentKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a kind of deployment")))?,
        build: build_name(row.int(3)?, row.int(4)?),
        manifest: row.manifest(5)?,
        before: row.manifest_or_null(6)?,
        rule: json(row, 7, "a rule of verification")?,
        run: row.int(8)?,
        state: VerificationState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} of a verification")))?,
        why: row.text(10)?,
        items: json(row, 11, "verified items")?,
        begun_at: row.time(12)?,
        ends_at: row.time(13)?,
        finished_at: row.time_or_null(14)?,
        rolled_back: row.int_or_null(15)?,
    })
}

fn items_text(items: &[VerifiedItem]) -> String {
    serde_json::to_string(items).expect("items consist of texts")
}

fn one(project: i64, environment: &EnvironmentName, revision: i64) -> AnyQuery {
    query(format!(
        "SELECT {COLUMNS} FROM verifications v WHERE v.project = $1 AND v.environment = $2 AND v.revision = $3"
    ))
    .bind(project)
    .bind(environment.to_string())
    .bind(revision)
}

impl Catalog {
    /// The verification of a deployment.
    pub async fn verification(
        &self,
        project: i64,
        environment: &EnvironmentName,
        revision: i64,
    ) -> Result<Option<VerificationRow>, CatalogError> {
        let row = one(project, environment, revision).fetch_optional(&self.reader).await?;
        row.as_ref().map(read).transpose()
    }

    /// Verifications to go on with now, which nobody is at. The longest waiting first.
    pub async fn open_verifications(
        &self,
        now: Timestamp,
        lease_ms: i64,
        limit: u32,
    ) -> Result<Vec<OpenVerification>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS}, p.name, p.number FROM verifications v JOIN projects p ON p.number = v.project \
             WHERE {OPEN} AND v.next_at <= $1 AND {FREE} ORDER BY v.next_at LIMIT $3"
        ))
        .bind(now.as_micros())
        .bind(now.plus_ms(lease_ms).as_micros())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        let open = |row: &sqlx::any::AnyRow| {
            let (project, project_number) = (row.parsed(COUNT)?, row.int(COUNT + 1)?);
            Ok(OpenVerification { project, project_number, row: read(row)? })
        };
        rows.iter().map(open).collect()
    }

    /// Takes an open verification for a while; false when someone else has it or it has been decided.
    pub async fn lease_verification(
        &self,
        open: &OpenVerification,
        now: Timestamp,
        lease_ms: i64,
    ) -> Result<bool, CatalogError> {
        let leased = query(format!(
            "UPDATE verifications AS v SET leased_until = $2 WHERE v.project = $3 AND v.environment = $4 \
             AND v.revision = $5 AND v.run = $6 AND {OPEN} AND {FREE}"
        ))
        .bind(now.as_micros())
        .bind(now.plus_ms(lease_ms).as_micros())
        .bind(open.project_number)
        .bind(open.row.environment.to_string())
        .bind(open.row.revision)
        .bind(open.row.run)
        .execute(&self.writer)
        .await?;
        Ok(leased.rows_affected() == 1)
    }

    /// Keeps a verification for longer.
    pub async fn extend_verification_lease(
        &self,
        open: &OpenVerification,
        until: Timestamp,
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE verifications SET leased_until = $1 \
             WHERE project = $2 AND environment = $3 AND revision = $4 AND run = $5",
        )
        .bind(until.as_micros())
        .bind(open.project_number)
        .bind(open.row.environment.to_string())
        .bind(open.row.revision)
        .bind(open.row.run)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Gives an undecided verification back with what has been found so far, to be gone on with later.
    pub async fn put_verification_off(
        &self,
        open: &OpenVerification,
        items: &[VerifiedItem],
        next_at: Timestamp,
    ) -> Result<(), CatalogError> {
        query(format!(
            "UPDATE verifications AS v SET leased_until = 0, items = $1, next_at = $2 \
             WHERE v.project = $3 AND v.environment = $4 AND v.revision = $5 AND v.run = $6 AND {OPEN}"
        ))
        .bind(items_text(items))
        .bind(next_at.as_micros())
        .bind(open.project_number)
        .bind(open.row.environment.to_string())
        .bind(open.row.revision)
        .bind(open.row.run)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

impl Write {
    /// The verification of a deployment as it stands in this change.
    pub async fn verification(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
        revision: i64,
    ) -> Result<Option<VerificationRow>, CatalogError> {
        let row = one(project, environment, revision).fetch_optional(self.connection()).await?;
        row.as_ref().map(read).transpose()
    }

    /// Writes a verification as it is now; an open one is gone on with at `next_at`.
    pub async fn put_verification(
        &mut self,
        project: i64,
        row: &VerificationRow,
        next_at: Timestamp,
    ) -> Result<(), CatalogError> {
        query(
            "INSERT INTO verifications (project, environment, revision, kind, release, build, manifest, before, rule, \
             run, state, why, items, begun_at, ends_at, finished_at, rolled_back, next_at, leased_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
             ON CONFLICT (project, environment, revision) DO UPDATE SET rule = excluded.rule, run = excluded.run, \
             state = excluded.state, why = excluded.why, items = excluded.items, begun_at = excluded.begun_at, \
             ends_at = excluded.ends_at, finished_at = excluded.finished_at, rolled_back = excluded.rolled_back, \
             next_at = excluded.next_at, leased_until = excluded.leased_until",
        )
        .bind(project)
        .bind(row.environment.to_string())
        .bind(row.revision)
        .bind(row.kind.as_str())
        .bind(row.build.release.get())
        .bind(row.build.number)
        .bind(row.manifest.as_bytes().to_vec())
        .bind(row.before.map(|manifest| manifest.as_bytes().to_vec()))
        .bind(serde_json::to_string(&row.rule).expect("a rule consists of names and numbers"))
        .bind(row.run)
        .bind(row.state.as_str())
        .bind(row.why.clone())
        .bind(items_text(&row.items))
        .bind(row.begun_at.as_micros())
        .bind(row.ends_at.as_micros())
        .bind(row.finished_at.map(Timestamp::as_micros))
        .bind(row.rolled_back)
        .bind(next_at.as_micros())
        .bind(0_i64)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
