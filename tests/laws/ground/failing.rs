//! Databases whose statements fail on request: SQLite by hooks of its own, PostgreSQL behind a proxy that hangs up.

mod postgres;
mod sqlite;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shelfmark_engine::catalog::CatalogConfig;

use super::faulty::Moment;
use super::site::Site;
use crate::laws::ground::Ground;

/// What the database is asked to do wrong. Clones ask the same one.
#[derive(Clone, Debug, Default)]
pub struct Statements(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    /// Statements until one fails; below 1: none will.
    statements_left: AtomicI64,
    /// Commits, those of single statements included, until one takes effect and is reported as failed all the same.
    commits_left: AtomicI64,
}

impl Statements {
    /// The ground's site, asked through a database that can be asked to fail.
    pub async fn of(ground: &Ground) -> (Site, Self) {
        let statements = Self::default();
        let catalog = match &ground.catalog {
            CatalogConfig::Sqlite { file } => {
                sqlite::watch(file, &statements);
                ground.catalog.clone()
            }
            CatalogConfig::Postgres { url, connections_max } => {
                let url = postgres::behind_a_proxy(url, &statements).await;
                CatalogConfig::Postgres { url, connections_max: *connections_max }
            }
        };
        (ground.on_catalog(&catalog).await, statements)
    }

    /// Lets the `n`th statement from now on fail before it is carried out, or the `n`th commit after it was.
    pub fn fail(&self, n: i64, moment: Moment) {
        let (before, after) = if moment == Moment::Before { (n, 0) } else { (0, n) };
        self.0.statements_left.store(before, Ordering::SeqCst);
        self.0.commits_left.store(after, Ordering::SeqCst);
    }

    /// Whether something was asked to fail that has not come.
    pub fn is_pending(&self) -> bool {
        self.0.statements_left.load(Ordering::SeqCst).max(self.0.commits_left.load(Ordering::SeqCst)) > 0
    }

    /// A statement comes; says whether it must fail.
    fn statement(&self) -> bool {
        self.0.statements_left.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// A commit comes; says whether nobody must learn that it took effect.
    fn commit(&self) -> bool {
        self.0.commits_left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}
