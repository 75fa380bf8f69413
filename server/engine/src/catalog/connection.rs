//! Opening the database: two pools, one for changes and one for reading.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _};

use tokio::sync::watch;

use super::error::CatalogError;

/// Which database holds the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogConfig {
    /// One file, made when absent. Only one process may have it open.
    Sqlite { file: PathBuf },
    /// A `postgres://` address. Any number of processes may share it.
    Postgres { url: String, connections_max: u32 },
}

/// Which SQL engine runs the queries; used only where the two need different words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// The catalog: the only way to the rows.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) dialect: Dialect,
    /// Changes. On SQLite a single connection, because only one can write at a time anyway.
    pub(super) writer: AnyPool,
    pub(super) reader: AnyPool,
    pub(super) postgres: Option<PgConnectOptions>,
    /// The audit sequence up to which events are known to be there.
    pub(super) heard: watch::Sender<i64>,
}

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/postgres");

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// SQLite's cache, in KiB, is each connection's own: there are several, and the system keeps the file in memory anyway.
/// It waits this long for a lock that another connection holds.
const SQLITE_PRAGMAS: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 15000; \
     PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;";

/// Whether a connection of SQLite can be used again. When its disk is full or broken, SQLite gives a transaction up by
/// itself; the driver does not notice, and would begin no other one on this connection.
async fn is_outside_transactions(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        connection.ping().await?; // a rollback that was only asked for is done before this is answered
    }
    Ok(!connection.is_in_transaction())
}

impl Catalog {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// `Open` when it can't be reached; `Migrate` when its schema is newer than this program, or a migration fails.
    pub async fn open(config: &CatalogConfig) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let catalog = match config {
            CatalogConfig::Sqlite { file } => Self::open_sqlite(file).await?,
            CatalogConfig::Postgres { url, connections_max } => Self::open_postgres(url, *connections_max).await?,
        };
        match catalog.dialect {
            Dialect::Sqlite => SQLITE_MIGRATIONS.run(&catalog.writer).await?,
            Dialect::Postgres => POSTGRES_MIGRATIONS.run(&catalog.writer).await?,
        }
        Ok(catalog)
    }

    async fn open_sqlite(file: &std::path::Path) -> Result<Self, CatalogError> {
        let shown = |error: sqlx::Error| CatalogError::Open(format!("{}: {error}", file.display()));
        // Write-ahead logging is a property of the file: set once, by a connection of the native driver.
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let native = options.clone().journal_mode(SqliteJournalMode::Wal).connect().await.map_err(shown)?;
        native.close().await.map_err(shown)?;
        let url = options.to_url_lossy().to_string();
        let pool = |connections: u32| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .after_connect(|connection, _| {
                    Box::pin(async move { connection.execute(SQLITE_PRAGMAS).await.map(|_| ()) })
                })
                .after_release(|connection, _| Box::pin(is_outside_transactions(connection)))
        };
        let writer = pool(1).connect(&url).await.map_err(shown)?;
        let reader = pool(4).connect(&url).await.map_err(shown)?;
        Ok(Self { dialect: Dialect::Sqlite, writer, reader, postgres: None, heard: watch::Sender::new(0) })
    }

    async fn open_postgres(url: &str, connections_max: u32) -> Result<Self, CatalogError> {
        let open = |error: sqlx::Error| CatalogError::Open(error.to_string());
        let native = PgConnectOptions::from_str(url).map_err(open)?;
        let pool = |connections: u32| {
            AnyPoolOptions::new().max_connections(connections.max(2)).acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let writer = pool(connections_max / 2).connect(url).await.map_err(open)?;
        let reader = pool(connections_max / 2).connect(url).await.map_err(open)?;
        Ok(Self { dialect: Dialect::Postgres, writer, reader, postgres: Some(native), heard: watch::Sender::new(0) })
    }

    /// Whether the database answers and its schema is the one that this program knows.
    ///
    /// # Errors
    /// Why it isn't ready.
    pub async fn probe(&self) -> Result<(), CatalogError> {
        let applied: i64 = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(&self.reader)
            .await?;
        let known = match self.dialect {
            Dialect::Sqlite => SQLITE_MIGRATIONS.iter().map(|m| m.version).max(),
            Dialect::Postgres => POSTGRES_MIGRATIONS.iter().map(|m| m.version).max(),
        };
        if known != Some(applied) {
            return Err(CatalogError::Open(format!("its schema is {applied}, this program's is {known:?}")));
        }
        Ok(())
    }

    /// Waits for running queries and closes the connections.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
