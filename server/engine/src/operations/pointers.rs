//! Environment pointers in memory: delivery asks no database. A promotion in this process moves them at once; those
//! of other processes are read when the database signals, and every half second in case a signal got lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use shelfmark_domain::environment::Served;
use shelfmark_domain::name::{EnvironmentName, ProjectName};
use shelfmark_domain::time::Timestamp;

use crate::catalog::{Catalog, CatalogError, EnvironmentPointer, Write};

/// How long a pointer moved by another process stays unnoticed at most, should its signal get lost.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// When an environment served what.
#[derive(Debug, Default)]
struct History {
    /// The environment's revision when it was read.
    read_at: i64,
    /// Oldest first.
    served: Vec<(i64, Timestamp, Served)>,
}

/// An environment as this process knows it.
#[derive(Debug)]
pub struct Pointer {
    pub at: EnvironmentPointer,
    /// Read when an instant is first asked for; shared with the pointers that come after.
    history: Arc<tokio::sync::Mutex<History>>,
}

/// What an environment served at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedThen {
    /// What a deployment made it serve.
    Deployed { revision: i64, since: Timestamp, served: Served },
    /// Nothing yet; `first` is when that ended.
    NotYet { first: Option<Timestamp> },
}

type Table = HashMap<String, HashMap<String, Arc<Pointer>>>;

/// All pointers.
#[derive(Clone)]
pub struct Pointers {
    catalog: Catalog,
    table: Arc<ArcSwap<Table>>,
    /// The newest change that the table holds; held while the table is replaced.
    newest: Arc<Mutex<i64>>,
}

impl Pointers {
    pub(crate) fn new(catalog: Catalog) -> Self {
        Self { catalog, table: Arc::default(), newest: Arc::default() }
    }

    /// The environment's pointer. Never waits.
    pub fn get(&self, project: &str, environment: &str) -> Option<Arc<Pointer>> {
        self.table.load().get(project)?.get(environment).cloned()
    }

    /// All environments of a project.
    pub fn of_project(&self, project: &ProjectName) -> Vec<Arc<Pointer>> {
        self.table.load().get(project.as_str()).map(|all| all.values().cloned().collect()).unwrap_or_default()
    }

    /// How many environments there are.
    pub fn count(&self) -> usize {
        self.table.load().values().map(HashMap::len).sum()
    }

    /// Reads what has changed since the last time.
    ///
    /// # Errors
    /// When the database doesn't answer; the pointers stay as they are.
    pub async fn refresh(&self) -> Result<(), CatalogError> {
        // Changes commit in the order of their audit sequence, so nothing below the newest one can still appear.
        let newest = *self.newest.lock();
        let changed = self.catalog.pointers_after(newest).await?;
        if !changed.is_empty() {
            self.apply(changed);
        }
        Ok(())
    }

    /// Commits a change of a project's environments, which this process serves from then on. Nothing is asked after the
    /// commit, so nothing can fail between the change and its effect.
    ///
    /// # Errors
    /// As [`Write::commit`]; the pointers stay as they are.
    pub(super) async fn commit(&self, mut write: Write, project: i64) -> Result<(), CatalogError> {
        let committed = write.environments(project).await?;
        write.commit().await?;
        // Earlier changes of other processes may still be unread: the next refresh begins where the last one ended.
        let _turn = self.newest.lock();
        self.replace(committed);
        Ok(())
    }

    fn apply(&self, changed: Vec<EnvironmentPointer>) {
        let mut newest = self.newest.lock();
        *newest = changed.iter().fold(*newest, |newest, at| newest.max(at.changed));
        self.replace(changed);
    }

    /// Puts newer pointers in the place of older ones. The caller holds the lock.
    fn replace(&self, changed: Vec<EnvironmentPointer>) {
        let mut table = Table::clone(&self.table.load());
        for at in changed {
            let environments = table.entry(at.project.to_string()).or_default();
            let known = environments.get(at.environment.name.as_str());
            if known.is_some_and(|known| known.at.changed >= at.changed) {
                continue;
            }
            let history = known.map_or_else(Arc::default, |known| known.history.clone());
            environments.insert(at.environment.name.to_string(), Arc::new(Pointer { at, history }));
        }
        self.table.store(Arc::new(table));
    }

    /// What an environment served at an instant. The history is read once and then only its new end.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn served_at(&self, pointer: &Pointer, at: Timestamp) -> Result<ServedThen, CatalogError> {
        let mut history = pointer.history.lock().await;
        if history.read_at < pointer.at.environment.revision {
            let name: &EnvironmentName = &pointer.at.environment.name;
            let last = history.served.last().map_or(0, |(revision, _, _)| *revision);
            let new = self.catalog.served_after(pointer.at.project_number, name, last).await?;
            history.served.extend(new);
            history.read_at = pointer.at.environment.revision;
        }
        // By revision, not by time: a clock that was set back must not hide what came later.
        Ok(match history.served.iter().rev().find(|(_, since, _)| *since <= at) {
            Some((revision, since, served)) => {
                ServedThen::Deployed { revision: *revision, since: *since, served: *served }
            }
            None => ServedThen::NotYet { first: history.served.first().map(|(_, since, _)| *since) },
        })
    }

    /// Follows other processes until the end of the runtime. On SQLite there are none, and this returns at once.
    pub async fn follow(self) {
        let mut signal = None;
        loop {
            if signal.is_none() {
                match self.catalog.pointer_signal().await {
                    Ok(Some(new)) => signal = Some(new),
                    Ok(None) => return,
                    Err(error) => tracing::warn!(%error, "no signal of other processes' promotions; polling"),
                }
            }
            let heard = async {
                match &mut signal {
                    Some(signal) => signal.wait().await,
                    None => std::future::pending().await,
                }
            };
            if let Ok(Err(error)) = tokio::time::timeout(POLL_EVERY, heard).await {
                tracing::warn!(%error, "the signal of other processes' promotions broke off; polling");
                signal = None;
                tokio::time::sleep(POLL_EVERY).await;
            }
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "environments could not be read; serving what was known");
            }
        }
    }
}
