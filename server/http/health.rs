//! Whether the service lives, whether it can work, and figures about both.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, route, web};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::{CatalogError, StoreStatistics};

use super::store::dedup_ratio;
use crate::Services;
use crate::web::Problem;

/// How old the sums over the whole catalog may be that metrics show. They take time in proportion to it.
const STATISTICS_AGE_MAX: Duration = Duration::from_secs(15);

/// The sums as they were last read.
#[derive(Clone, Default)]
pub struct RememberedStatistics(Arc<Mutex<Option<(Instant, StoreStatistics)>>>);

impl RememberedStatistics {
    /// Reads them again when they are too old; whoever asks meanwhile waits for the same reading.
    async fn read(&self, engine: &Engine) -> Result<StoreStatistics, CatalogError> {
        let mut remembered = self.0.lock().await;
        match *remembered {
            Some((at, statistics)) if at.elapsed() < STATISTICS_AGE_MAX => Ok(statistics),
            _ => {
                let statistics = engine.catalog.store_statistics().await?;
                *remembered = Some((Instant::now(), statistics));
                Ok(statistics)
            }
        }
    }
}

/// Well.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    #[schema(example = "ok")]
    status: &'static str,
}

const WELL: HealthView = HealthView { status: "ok" };

/// Says that the process answers. It needs neither database nor store.
#[utoipa::path(tag = "health", security(), responses((status = 200, body = HealthView)))]
#[route("/healthz", method = "GET", method = "HEAD")]
pub async fn read_health() -> web::Json<HealthView> {
    web::Json(WELL)
}

/// How long the database and the store may take to answer before they count as away.
const PROBE_MAX: Duration = Duration::from_secs(3);

/// Says whether requests can be served: the database answers, its schema is this program's, the store can be used.
#[utoipa::path(tag = "health", security(), responses((status = 200, body = HealthView)))]
#[route("/readyz", method = "GET", method = "HEAD")]
pub async fn read_readiness(services: web::Data<Services>) -> Result<web::Json<HealthView>, Problem> {
    let engine = &services.engine;
    let why =
        futures::join!(not_ready("the database", engine.catalog.probe()), not_ready("the store", engine.store.probe()));
    match <[_; 2]>::from(why).into_iter().flatten().collect::<Vec<_>>() {
        why if why.is_empty() => Ok(web::Json(WELL)),
        why => Err(Problem::new(
            FailureKind::Busy,
            format!("{}; requests are refused until that is mended", why.join("; ")),
        )),
    }
}

async fn not_ready<E: Failure>(what: &str, probe: impl Future<Output = Result<(), E>>) -> Option<String> {
    let why = match tokio::time::timeout(PROBE_MAX, probe).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("it has not answered within {} seconds", PROBE_MAX.as_secs()),
    };
    tracing::warn!(%why, "{what} is not ready");
    Some(format!("{what} is not ready: {why}"))
}

/// Figures in the text format of Prometheus.
#[utoipa::path(tag = "health", security(), responses((status = 200, body = String, content_type = "text/plain")))]
#[route("/metrics", method = "GET", method = "HEAD")]
pub async fn read_metrics(
    services: web::Data<Services>,
    remembered: web::Data<RememberedStatistics>,
) -> Result<HttpResponse, Problem> {
    let mut text = services.metrics.render();
    let counters = services.engine.store.counters();
    let mut figure = |kind: &str, name: &str, value: f64, help: &str| {
        let _ =
            writeln!(text, "# HELP shelfmark_{name} {help}\n# TYPE shelfmark_{name} {kind}\nshelfmark_{name} {value}");
    };
    figure("counter", "store_puts_total", counters.puts as f64, "Packs written.");
    figure("counter", "store_gets_total", counters.gets as f64, "Reads from the store.");
    figure("counter", "store_read_bytes_total", counters.bytes_read as f64, "Bytes read from the store.");
    figure("counter", "store_written_bytes_total", counters.bytes_written as f64, "Bytes written to the store.");
    let pointers = services.engine.pointers.count();
    figure("gauge", "environments", pointers as f64, "Environments whose pointers are held in memory.");
    // Whoever watches wants the other figures most when the database is away.
    match remembered.read(&services.engine).await {
        Err(error) => tracing::warn!(%error, "metrics without the sums of the catalog"),
        Ok(sums) => {
            for (name, value, help) in gauges(&sums) {
                figure("gauge", name, value as f64, help);
            }
            figure("gauge", "dedup_ratio", dedup_ratio(&sums), "Bytes of all versions by bytes stored.");
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(text, "# HELP shelfmark_build_info The program that runs.\n# TYPE shelfmark_build_info gauge");
    let _ = writeln!(text, "shelfmark_build_info{{version=\"{version}\"}} 1");
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(text))
}

fn gauges(sums: &StoreStatistics) -> [(&'static str, u64, &'static str); 8] {
    [
        ("stored_bytes", sums.stored_bytes, "Bytes of all packs."),
        ("logical_bytes", sums.logical_bytes, "Bytes of all versions, as if each were stored by itself."),
        ("packs", sums.packs, "Packs in the store."),
        ("chunks", sums.chunks, "Chunks in the store."),
        ("assets", sums.assets, "Assets that are not deleted."),
        ("versions", sums.versions, "Versions of all assets."),
        ("builds", sums.builds, "Builds of all releases."),
        ("deployments", sums.deployments, "Promotions and rollbacks."),
    ]
}
