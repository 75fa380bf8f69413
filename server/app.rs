//! From settings to a running server. This is the only file that opens things: the data folder, the database, the
//! store, the port.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, web as actix};
use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use shelfmark_engine::catalog::{Catalog, CatalogConfig};
use shelfmark_engine::clock::Clock;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::bootstrap;
use shelfmark_engine::store::{S3Config, Store, StoreConfig, UrlConfig};
use shelfmark_engine::{Engine, EngineParts};

use crate::config::{Config, LogFormat, StoreKind};
use crate::delivery::Delivery;
use crate::web::Authenticator;
use crate::web::listening::listen;
use crate::web::outbound::Outbound;
use crate::web::request::watch;
use crate::{delivery, http, jobs};

/// What the command line says about serving. What is absent comes from the settings.
#[derive(Debug, Default)]
pub struct ServeOptions {
    pub data: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub config: Option<PathBuf>,
}

/// Everything that handlers and jobs use. Cheap to clone; clones are the same services.
#[derive(Clone)]
pub struct Services {
    pub engine: Engine,
    pub config: Arc<Config>,
    pub auth: Authenticator,
    pub metrics: PrometheusHandle,
    /// Sums over the catalog that metrics show.
    pub statistics: http::RememberedStatistics,
    /// Streams of events that are open.
    pub streams: http::EventStreams,
    /// Calls to addresses that others give.
    pub outbound: Outbound,
    /// Keeps a second server off the data folder.
    _lock: Arc<Option<File>>,
}

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    pub services: Services,
    pub handle: ServerHandle,
    /// The first administrator's token, when this start made one.
    pub first_token: Option<String>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
    jobs: jobs::Jobs,
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// What kept the server from starting.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let mut config = Config::load(options.config.as_deref())?;
    config.data.folder = options.data.unwrap_or(config.data.folder);
    config.server.listen = options.listen.unwrap_or(config.server.listen);
    start_log(&config)?;
    let bootstrap_token = std::env::var("SHELFMARK_BOOTSTRAP_TOKEN").ok();
    let running = start(config, bootstrap_token.as_deref()).await?;
    greet(&running);
    running.wait().await
}

/// Opens everything and begins to serve.
///
/// # Errors
/// What could not be opened, as a sentence that says what to do.
pub async fn start(config: Config, bootstrap_token: Option<&str>) -> anyhow::Result<Running> {
    let services = open(config).await?;
    let first_token = bootstrap(&services.engine, bootstrap_token).await?;
    let listener = TcpListener::bind(services.config.server.listen).with_context(|| {
        format!("{} can't be listened on; choose another with --listen", services.config.server.listen)
    })?;
    let address = listener.local_addr()?;
    let server = server(services.clone(), listener)?;
    let handle = server.handle();
    let jobs = jobs::start(&services, address)?;
    Ok(Running { address, services, handle, first_token, ended: tokio::spawn(server), jobs })
}

impl Running {
    /// Waits until the server has stopped and puts everything away.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn wait(self) -> anyhow::Result<()> {
        self.ended.await??;
        self.jobs.end().await;
        self.services.engine.catalog.close().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// Finishes what runs and stops.
    ///
    /// # Errors
    /// As `wait`.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.handle.stop(true).await;
        self.wait().await
    }
}

fn server(services: Services, listener: TcpListener) -> anyhow::Result<actix_web::dev::Server> {
    let settings = services.config.clone();
    let delivery = Arc::new(Delivery::new(&services));
    let build = move || {
        App::new()
            .app_data(actix::Data::new(services.clone()))
            .configure(|config| delivery::routes(config, &delivery))
            .service(actix::scope("").wrap(from_fn(watch)).configure(|config| http::routes(config, &services)))
    };
    Ok(listen(listener, &settings.server, build)?)
}

async fn open(config: Config) -> anyhow::Result<Services> {
    let folder = config.data.folder.clone();
    let uses_folder = config.database.url.is_empty() || config.store.kind == StoreKind::Folder;
    let lock = if uses_folder { Some(lock(&folder)?) } else { None };
    let catalog = Catalog::open(&catalog_config(&config, &folder)).await?;
    let store = Store::open(store_config(&config, &folder)).await?;
    let parts = EngineParts { catalog, store, clock: Clock::default(), limits: limits(&config) };
    let engine = Engine::start(parts).await?;
    let remember = Duration::from_secs_f64(config.auth.token_memory_seconds);
    let metrics = PrometheusBuilder::new().build_recorder();
    let handle = metrics.handle();
    let _ = metrics::set_global_recorder(metrics); // a process has one recorder; tests start several servers
    Ok(Services {
        auth: Authenticator::new(engine.clone(), remember),
        streams: http::EventStreams::new(config.events.streams_max),
        outbound: Outbound::new(&config.outbound)?,
        engine,
        config: Arc::new(config),
        metrics: handle,
        statistics: http::RememberedStatistics::default(),
        _lock: Arc::new(lock),
    })
}

/// Takes the data folder for this process.
fn lock(folder: &Path) -> anyhow::Result<File> {
    make_folder(folder).with_context(|| format!("the data folder {} can't be made", folder.display()))?;
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("the data folder {} can't be written", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => anyhow::bail!(
            "another server uses the data folder {}; stop it, or give this one another folder with --data",
            folder.display()
        ),
        Err(std::fs::TryLockError::Error(error)) => Err(error).context("the data folder can't be locked"),
    }
}

/// Makes a folder and what leads to it. It is there after a power cut once this has returned.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let folder = std::path::absolute(folder)?;
    let new = folder.ancestors().take_while(|folder| !folder.exists()).count();
    std::fs::create_dir_all(&folder)?;
    // Also when it was there: whoever made it may have died before syncing. Then its parent may be someone else's.
    for parent in folder.ancestors().skip(1).take(new.max(1)) {
        match File::open(parent).and_then(|parent| parent.sync_all()) {
            Err(error) if new == 0 && error.kind() == std::io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

fn catalog_config(config: &Config, folder: &Path) -> CatalogConfig {
    if config.database.url.is_empty() {
        return CatalogConfig::Sqlite { file: folder.join("shelfmark.sqlite") };
    }
    CatalogConfig::Postgres { url: config.database.url.clone(), connections_max: config.database.connections_max }
}

fn store_config(config: &Config, folder: &Path) -> StoreConfig {
    let settings = &config.store;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let url = || UrlConfig { url: settings.url.clone(), prefix: settings.prefix.clone(), ..UrlConfig::default() };
    match settings.kind {
        StoreKind::Memory => StoreConfig::Memory,
        StoreKind::Folder => StoreConfig::Folder { path: folder.join("store") },
        StoreKind::Azure => StoreConfig::Azure(url()),
        StoreKind::Gcs => StoreConfig::Gcs(url()),
        StoreKind::S3 => StoreConfig::S3(S3Config {
            endpoint: given(&settings.endpoint),
            bucket: settings.bucket.clone(),
            region: settings.region.clone(),
            access_key: given(&settings.access_key),
            secret_key: given(&settings.secret_key),
            prefix: settings.prefix.clone(),
            allow_http: settings.allow_http,
            virtual_hosted_style: false,
        }),
    }
}

fn limits(config: &Config) -> Limits {
    const MIB: u64 = 1 << 20;
    // Settings are numbers of 0 or more, checked when they are read; a float beyond the range ends at its limit.
    let gib = |value: f64| (value * 1_024.0 * MIB as f64) as u64;
    let seconds_ms = |seconds: f64| (seconds * 1_000.0) as i64;
    let minutes_ms = |minutes: f64| seconds_ms(minutes * 60.0);
    let hours_ms = |hours: f64| minutes_ms(hours * 60.0);
    let default_pack = if config.store.kind == StoreKind::Folder { 8 } else { 63 };
    let pack_mib = if config.store.pack_mib == 0 { default_pack } else { config.store.pack_mib };
    Limits {
        content_bytes_max: gib(config.limits.content_gib),
        batch_bytes_max: gib(config.limits.batch_gib),
        batch_entries_max: config.limits.batch_entries,
        text_bytes_max: config.limits.text_bytes,
        parameter_bytes_max: config.limits.parameter_bytes,
        waiver_days_max: config.limits.waiver_days,
        schedule_days_max: config.limits.schedule_days,
        schedule_deadline_ms: minutes_ms(config.jobs.schedule_deadline_minutes),
        lease_ms: seconds_ms(config.jobs.lease_seconds),
        refused_ms: seconds_ms(config.jobs.refused_seconds),
        verify_again_ms: seconds_ms(config.jobs.verify_again_seconds),
        environments_max: config.limits.environments,
        searches_max: config.limits.searches,
        work_versions_max: config.limits.work_versions,
        notes_lines_max: config.limits.notes_lines,
        notes_bytes_max: config.limits.notes_bytes,
        evidence_bytes_max: config.limits.evidence_mib * MIB,
        pack_bytes: pack_mib << 20,
        pack_memory_bytes: config.store.pack_memory_mib << 20,
        grace_ms: hours_ms(config.store.grace_hours),
        readers_ms: seconds_ms(config.store.readers_seconds),
        compact_below_permille: (config.gc.compact_below * 1_000.0) as u32,
        compact_bytes_max: config.gc.compact_mib * MIB,
        idempotency_ms: hours_ms(config.auth.idempotency_hours),
        memory_content_bytes_max: config.delivery.memory_content_kib << 10,
        memory_contents_bytes: config.delivery.memory_contents_mib * MIB,
        memory_nodes_bytes: config.delivery.memory_nodes_mib * MIB,
        reference_bytes_max: config.limits.reference_kib << 10,
        references_max: config.limits.references,
        declared_references_max: config.limits.declared_references,
        pending_references_max: config.limits.pending_references,
        public_url: config.server.public_url.clone(),
        published_search_max: config.delivery.published_search_max,
        webhooks_max: config.webhooks.per_project,
        subscriptions_max: config.mail.per_person,
    }
}

fn start_log(config: &Config) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.level).with_context(|| {
        format!("log.level {:?} is no filter; write error, warn, info, debug or trace", config.log.level)
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Tells a person where the server is and what to try next.
fn greet(running: &Running) {
    let url = match running.services.config.server.public_url.as_str() {
        "" => format!("http://{}", running.address),
        url => url.to_owned(),
    };
    let program = std::env::args().next().unwrap_or_else(|| "shelfmark".to_owned());
    println!("Shelfmark serves at {url}   API: {url}/api/docs");
    if let Some(token) = &running.first_token {
        println!("First start: this is the administrator's token, shown only now.\n\n  {token}\n");
        println!("Sign in:   {program} login --url {url} --token {token}");
    }
    println!("Then try:  {program} project create site");
    println!("           {program} --project site import ./my-pictures --message \"first import\"");
}
