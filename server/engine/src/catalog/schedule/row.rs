//! A scheduled promotion as a row.

use shelfmark_domain::access::Grant;
use shelfmark_domain::gate::Check;
use shelfmark_domain::name::{BuildName, EnvironmentName};
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_domain::time::Timestamp;
use sqlx::any::AnyRow;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::error::CatalogError;
use crate::catalog::releases::environment::build_name;

/// A promotion for an instant to come, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The audit entry's sequence.
    pub number: i64,
    pub environment: EnvironmentName,
    pub build: BuildName,
    pub at: Timestamp,
    /// The time zone in which it was said.
    pub zone: Option<String>,
    pub deadline: Timestamp,
    pub reason: String,
    /// The id of the one in whose name it is carried out.
    pub by: String,
    pub by_name: String,
    /// What they could do when they scheduled it; when it is due they can do no more.
    pub grants: Vec<Grant>,
    pub created_at: Timestamp,
    /// +1 whenever people see something else.
    pub revision: i64,
    pub state: ScheduleState,
    /// When, by whom and why it ended.
    pub ended: Option<(Timestamp, String, String)>,
    /// When done: the environment's revision by which it serves the build.
    pub deployment: Option<i64>,
    /// The checks that stood in the way at the last try, since when.
    pub refusal: Vec<Check>,
    pub refused_at: Option<Timestamp>,
}

pub(super) const COLUMNS: &str = "s.number, s.environment, s.release, s.build, s.at, s.zone, s.deadline, s.reason, \
     s.by_id, s.by_name, s.grants, s.created_at, s.revision, s.state, s.ended_at, s.ended_by, s.ended_why, \
     s.deployment, s.refusal, s.refused_at";
/// How many columns those are.
pub(super) const COUNT: usize = 20;

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, at: usize, what: &str) -> Result<T, CatalogError> {
    serde_json::from_str(&row.text(at)?).map_err(|error| corrupt(format!("{what} that can't be read: {error}")))
}

pub(super) fn read(row: &AnyRow) -> Result<ScheduleRow, CatalogError> {
    let state = row.text(13)?;
    let ended = match row.time_or_null(14)? {
        Some(at) => Some((at, row.text_or_null(15)?.unwrap_or_default(), row.text_or_null(16)?.unwrap_or_default())),
        None => None,
    };
    Ok(ScheduleRow {
        number: row.int(0)?,
        environment: row.parsed(1)?,
        build: build_name(row.int(2)?, row.int(3)?),
        at: row.time(4)?,
        zone: row.text_or_null(5)?,
        deadline: row.time(6)?,
        reason: row.text(7)?,
        by: row.text(8)?,
        by_name: row.text(9)?,
        grants: json(row, 10, "grants")?,
        created_at: row.time(11)?,
        revision: row.int(12)?,
        state: ScheduleState::parse(&state).ok_or_else(|| corrupt(format!("{state:?} as a state of a schedule")))?,
        ended,
        deployment: row.int_or_null(17)?,
        refusal: json(row, 18, "checks")?,
        refused_at: row.time_or_null(19)?,
    })
}
