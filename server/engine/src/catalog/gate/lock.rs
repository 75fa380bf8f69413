//! Locks of environments: freezes, holds and stops. An environment has at most one of each kind at a time.

use std::collections::BTreeSet;

use shelfmark_domain::gate::{Class, LockFacts};
use shelfmark_domain::name::{BuildName, EnvironmentName, ReleaseNumber};
use shelfmark_domain::time::Timestamp;

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::page::{Cursor, Page};
use crate::catalog::reading::Reading;
use crate::catalog::releases::environment::build_name;
use crate::catalog::rows::query;
use crate::catalog::write::Write;

/// What a lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LockKind {
    /// A frozen release holds its staging environment.
    Freeze,
    /// A rollback waits for a person.
    Hold,
    /// Someone has stopped the environment.
    Stop,
}

/// A lock, present or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRow {
    /// The audit entry's sequence.
    pub number: i64,
    pub environment: EnvironmentName,
    pub kind: LockKind,
    pub facts: LockFacts,
    /// When, by whom and why it ended; `None` while it holds.
    pub ended: Option<(Timestamp, String, String)>,
}

impl LockKind {
    /// The kind as the API and the catalog write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Hold => "hold",
            Self::Stop => "stop",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Freeze, Self::Hold, Self::Stop].into_iter().find(|kind| kind.as_str() == text)
    }
}

pub(in crate::catalog) const COLUMNS: &str = "number, environment, kind, release, build, classes, by_name, reason, since, until, ended_at, \
     ended_by, ended_why FROM locks";

pub(in crate::catalog) fn read(row: &sqlx::any::AnyRow) -> Result<LockRow, CatalogError> {
    let (kind, classes) = (row.text(2)?, row.text(5)?);
    let build = match (row.int_or_null(3)?, row.int_or_null(4)?) {
        (Some(release), Some(build)) => Some(build_name(release, build)),
        _ => None,
    };
    let class = |text: &str| Class::parse(text).ok_or_else(|| corrupt(format!("{text:?} as a class of promotion")));
    let ended = match (row.time_or_null(10)?, row.text_or_null(11)?, row.text_or_null(12)?) {
        (Some(at), by, why) => Some((at, by.unwrap_or_default(), why.unwrap_or_default())),
        (None, _, _) => None,
    };
    Ok(LockRow {
        number: row.int(0)?,
        environment: row.parsed(1)?,
        kind: LockKind::parse(&kind).ok_or_else(|| corrupt(format!("{kind:?} as a lock")))?,
        facts: LockFacts {
            build,
            classes: classes.split_whitespace().map(class).collect::<Result<BTreeSet<_>, _>>()?,
            by_name: row.text(6)?,
            reason: row.text(7)?,
            since: row.time(8)?,
            until: row.time_or_null(9)?,
        },
        ended,
    })
}

impl Catalog {
    /// An environment's locks, newest first, with those that have ended.
    pub async fn locks(
        &self,
        project: i64,
        environment: &EnvironmentName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<LockRow>, CatalogError> {
        let rows = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND number < $3 ORDER BY number DESC LIMIT $4"
        ))
        .bind(project)
        .bind(environment.to_string())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.reader)
        .await?;
        let items: Result<Vec<_>, _> = rows.iter().map(read).collect();
        Ok(Page::cut(items?, limit, |lock| Cursor::after(lock.number)))
    }
}

impl Reading<'_> {
    /// What locks an environment now.
    pub async fn present_locks(
        &mut self,
        project: i64,
        environment: &EnvironmentName,
    ) -> Result<Vec<LockRow>, CatalogError> {
        let rows = query(format!("SELECT {COLUMNS} WHERE project = $1 AND environment = $2 AND ended_at IS NULL"))
            .bind(project)
            .bind(environment.to_string())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(read).collect()
    }

    /// The lock by which a release is frozen.
    pub async fn freeze_of(&mut self, project: i64, release: ReleaseNumber) -> Result<Option<LockRow>, CatalogError> {
        let row = query(format!(
            "SELECT {COLUMNS} WHERE project = $1 AND release = $2 AND kind = 'freeze' AND ended_at IS NULL"
        ))
        .bind(project)
        .bind(release.get())
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(read).transpose()
    }
}

impl Write {
    /// Adds a lock. There must be none of its kind on the environment.
    pub async fn insert_lock(&mut self, project: i64, lock: &LockRow) -> Result<(), CatalogError> {
        let classes: Vec<&str> = lock.facts.classes.iter().map(|class| class.as_str()).collect();
        query(
            "INSERT INTO locks (project, number, environment, kind, release, build, classes, by_name, reason, since, \
             until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(project)
        .bind(lock.number)
        .bind(lock.environment.to_string())
        .bind(lock.kind.as_str())
        .bind(lock.facts.build.map(|build: BuildName| build.release.get()))
        .bind(lock.facts.build.map(|build| build.number))
        .bind(classes.join(" "))
        .bind(lock.facts.by_name.clone())
        .bind(lock.facts.reason.clone())
        .bind(lock.facts.since.as_micros())
        .bind(lock.facts.until.map(Timestamp::as_micros))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a lock.
    pub async fn end_lock(
        &mut self,
        project: i64,
        number: i64,
        (at, by, why): (Timestamp, &str, &str),
    ) -> Result<(), CatalogError> {
        query(
            "UPDATE locks SET ended_at = $1, ended_by = $2, ended_why = $3 \
             WHERE project = $4 AND number = $5 AND ended_at IS NULL",
        )
        .bind(at.as_micros())
        .bind(by.to_owned())
        .bind(why.to_owned())
        .bind(project)
        .bind(number)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
