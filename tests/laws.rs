//! Laws of the engine, tried without HTTP: a function a law, run on SQLite and PostgreSQL, each with its bytes in
//! memory, in a folder and in a bucket. A law that needs what is not there does nothing: `SHELFMARK_TEST_POSTGRES` is
//! the address of a PostgreSQL, `SHELFMARK_TEST_S3` that of an S3-compatible server, as `scripts/test` starts them.

/// Makes a test of each law on each ground, so that a failure names both. What has to do with rows alone is tried on both
/// databases with the bytes in memory: `laws![of rows: ...]`.
macro_rules! laws {
    (of rows: $($law:ident),+ $(,)?) => {
        laws!(@ on_sqlite, Sqlite, Memory, $($law),+);
        laws!(@ on_postgres, Postgres, Memory, $($law),+);
    };
    ($($law:ident),+ $(,)?) => {
        laws!(@ on_sqlite_and_memory, Sqlite, Memory, $($law),+);
        laws!(@ on_sqlite_and_folder, Sqlite, Folder, $($law),+);
        laws!(@ on_sqlite_and_bucket, Sqlite, Bucket, $($law),+);
        laws!(@ on_postgres_and_memory, Postgres, Memory, $($law),+);
        laws!(@ on_postgres_and_folder, Postgres, Folder, $($law),+);
        laws!(@ on_postgres_and_bucket, Postgres, Bucket, $($law),+);
    };
    (@ $name:ident, $database:ident, $backing:ident, $($law:ident),+) => {
        mod $name {
            use crate::laws::ground::{Backing, Database, Ground};

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $law() {
                if let Some(ground) = Ground::open(Database::$database, Backing::$backing).await {
                    super::$law(&ground).await;
                    ground.holds().await;
                }
            })+
        }
    };
}

mod access;
pub mod assets;
mod closing;
mod gate;
pub mod ground;
mod notify;
mod references;
mod releases;
mod schedule;
mod store;
mod trail;
pub mod work;
