//! What can go wrong with the database.

use shelfmark_domain::failure::{Failure, FailureKind};

/// A query failed. Unless a method says otherwise, nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the database is busy; try again")]
    Busy(#[source] sqlx::Error),
    #[error("the database can't be reached; try again when it is back")]
    Unreachable(#[source] sqlx::Error),
    #[error("no space is left for the database; make room on its disk, then send this again")]
    Full(#[source] sqlx::Error),
    #[error("the database refused a query")]
    Refused(#[source] sqlx::Error),
    #[error("the catalog holds {0}, which it never writes")]
    Corrupt(String),
    #[error("the database can't be opened: {0}")]
    Open(String),
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Failure for CatalogError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Busy(_) | Self::Unreachable(_) => FailureKind::Busy,
            Self::Full(_) => FailureKind::Full,
            Self::Corrupt(_) => FailureKind::Corrupt,
            Self::Refused(_) | Self::Open(_) | Self::Migrate(_) => FailureKind::Internal,
        }
    }
}

/// SQLite's primary result codes and PostgreSQL's SQLSTATEs that mean: the same transaction may well succeed again.
const BUSY: [&str; 6] = ["5", "6", "40001", "40P01", "55P03", "53300"];
const FULL: [&str; 2] = ["13", "53100"];
/// Faults of the disk under the database, and a server that is going down or coming up.
const FAULT: [&str; 6] = ["10", "14", "58030", "57P01", "57P02", "57P03"];

/// The code of a database's error: PostgreSQL's five characters, or SQLite's primary code. SQLite tells which of its
/// many calls failed in the bits above the lowest eight (266 and 1034 are 10, an IO error, when reading and syncing).
fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?.into_owned();
    match code.parse::<u32>() {
        Ok(extended) if code.len() < 5 => Some((extended & 0xFF).to_string()),
        _ => Some(code),
    }
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        match (&error, code(&error).as_deref()) {
            (_, Some(code)) if BUSY.contains(&code) => Self::Busy(error),
            (_, Some(code)) if FULL.contains(&code) => Self::Full(error),
            (_, Some(code)) if FAULT.contains(&code) => Self::Unreachable(error),
            (sqlx::Error::PoolTimedOut, _) => Self::Busy(error),
            (sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_), _) => {
                Self::Unreachable(error)
            }
            (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_), _) => Self::Corrupt(error.to_string()),
            _ => Self::Refused(error),
        }
    }
}
