//! Where a law is tried: an engine on a fresh database and a fresh store.

pub mod chance;
pub mod crash;
pub mod failing;
pub mod faulty;
pub mod site;

use std::ops::Deref;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use shelfmark_domain::access::{Grant, Principal, Role};
use shelfmark_engine::catalog::{Catalog, CatalogConfig};
use shelfmark_engine::clock::Clock;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::create_project;
use shelfmark_engine::store::{S3Config, Store, StoreConfig};
use shelfmark_engine::{Engine, EngineParts};
use tempfile::TempDir;

use crate::laws::ground::site::Site;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// Where the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    Memory,
    Folder,
    Bucket,
}

/// A project `site` in an engine that nobody else uses.
pub struct Ground {
    pub site: Site,
    pub database: Database,
    pub backing: Backing,
    pub catalog: CatalogConfig,
    store: StoreConfig,
    /// The address and name of the PostgreSQL database, which is dropped at the end.
    postgres: Option<(String, String)>,
    _folder: TempDir,
}

impl Deref for Ground {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Ground {
    /// Opens one; `None` when the database or store is not at hand.
    pub async fn open(database: Database, backing: Backing) -> Option<Self> {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(new_database()?),
        };
        let catalog = match &postgres {
            None => CatalogConfig::Sqlite { file: folder.path().join("shelfmark.sqlite") },
            Some((server, name)) => CatalogConfig::Postgres { url: with_database(server, name), connections_max: 10 },
        };
        let store = match backing {
            Backing::Memory => StoreConfig::Memory,
            Backing::Folder => StoreConfig::Folder { path: folder.path().join("store") },
            Backing::Bucket => StoreConfig::S3(bucket()?),
        };
        let opened = Store::open(store.clone()).await.expect("the store opens");
        let engine = engine(&catalog, opened, limits()).await;
        let site = Site { engine, who: administrator(), name: "site".parse().expect("it is a name") };
        let ground = Self { site, database, backing, catalog, store, postgres, _folder: folder };
        create_project(&ground.engine, &ground.caller(), &ground.name, "").await.expect("a project can be made");
        Some(ground)
    }

    /// Another engine on the same database, as another process or a later start would have it. A store in memory
    /// cannot be opened twice: it is shared.
    pub async fn another(&self) -> Site {
        let store = match self.backing {
            Backing::Memory => self.engine.store.clone(),
            Backing::Folder | Backing::Bucket => Store::open(self.store.clone()).await.expect("the store opens"),
        };
        self.on_store(store).await
    }

    /// Another engine on the same database and store, with other limits.
    pub async fn with_limits(&self, limits: Limits) -> Site {
        self.on_store_within(self.engine.store.clone(), limits).await
    }

    /// Another engine on the same database with a store of its own.
    pub async fn on_store(&self, store: Store) -> Site {
        self.on_store_within(store, limits()).await
    }

    /// Another engine on the same database, reached in another way, and the same store; its packs are small.
    pub async fn on_catalog(&self, catalog: &CatalogConfig) -> Site {
        let limits = Limits { pack_bytes: 512 << 10, ..limits() };
        Site { engine: engine(catalog, self.engine.store.clone(), limits).await, ..self.site.clone() }
    }

    /// Another engine on the same database with a store and limits of its own.
    pub async fn on_store_within(&self, store: Store, limits: Limits) -> Site {
        Site { engine: engine(&self.catalog, store, limits).await, ..self.site.clone() }
    }

    /// The folder that holds the bytes, where they are in one.
    pub fn folder(&self) -> Option<std::path::PathBuf> {
        match &self.store {
            StoreConfig::Folder { path } => Some(path.clone()),
            _ => None,
        }
    }

    /// What holds at the end of every law: the audit trail is whole.
    pub async fn holds(&self) {
        let entries = self.engine.catalog.verify_audit().await.expect("the audit trail is whole");
        let (head, _) = self.engine.catalog.audit_head().await.expect("the trail has a head");
        assert_eq!(entries, head.unsigned_abs());
        if let Some((server, name)) = &self.postgres {
            let count = "SELECT (SELECT COUNT(*) FROM events) + (SELECT COALESCE(SUM(trimmed), 0) FROM outbox_floors)";
            let events = psql(&with_database(server, name), count);
            assert_eq!(events, head.to_string(), "every audit entry has its event, or had it");
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.postgres {
            psql(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// The limits of the laws: packs fill up soon.
pub fn limits() -> Limits {
    Limits { pack_bytes: 4 << 20, ..Limits::default() }
}

async fn engine(catalog: &CatalogConfig, store: Store, limits: Limits) -> Engine {
    let catalog = Catalog::open(catalog).await.expect("the catalog opens");
    let parts = EngineParts { catalog, store, clock: Clock::default(), limits };
    Engine::start(parts).await.expect("the engine starts")
}

/// Someone who may do everything.
pub fn administrator() -> Principal {
    let grants = vec![Grant { role: Role::Administrator, project: None, environment: None }];
    Principal { id: "administrator".into(), name: "Ada".into(), user: None, grants }
}

/// A name that no other test has taken.
pub fn fresh_name(start: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_nanos();
    format!("{start}_{}_{since}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a database; the server's address and the database's name.
pub fn new_database() -> Option<(String, String)> {
    let server = std::env::var("SHELFMARK_TEST_POSTGRES").ok()?;
    let name = fresh_name("laws");
    psql(&server, &format!("CREATE DATABASE {name}"));
    Some((server, name))
}

/// The address of a database on a server.
pub fn with_database(server: &str, name: &str) -> String {
    let (start, _) = server.rsplit_once('/').expect("the address names a database");
    format!("{start}/{name}")
}

/// Runs one statement with PostgreSQL's own program: SQL of the tests' own needs no driver.
pub fn psql(url: &str, statement: &str) -> String {
    let arguments = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement];
    let done = Command::new("psql").args(arguments).output().expect("psql is installed");
    assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// A prefix of its own in the bucket of the tests.
pub fn bucket() -> Option<S3Config> {
    Some(S3Config {
        endpoint: Some(std::env::var("SHELFMARK_TEST_S3").ok()?),
        bucket: "assets".into(),
        region: "us-east-1".into(),
        access_key: Some("AKTEST".into()),
        secret_key: Some("SKTEST".into()),
        prefix: fresh_name("laws"),
        allow_http: true,
        virtual_hosted_style: false,
    })
}
