//! The store's size and health, for administrators of the whole service.

pub(super) mod check;

use actix_web::{get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::hash::PackId;
use shelfmark_engine::catalog::StoreStatistics;
use shelfmark_engine::operations::{self, Collected};

use super::extract::Asked;
use crate::web::Problem;

/// What is stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreView {
    /// Bytes of all packs.
    stored_bytes: u64,
    /// Bytes of all versions, as if each were stored by itself.
    logical_bytes: u64,
    packs: u64,
    chunks: u64,
    assets: u64,
    versions: u64,
    builds: u64,
    deployments: u64,
    /// Logical bytes by stored bytes.
    dedup_ratio: f64,
}

/// How many times over the stored bytes are used; 1 while nothing is stored.
pub fn dedup_ratio(sums: &StoreStatistics) -> f64 {
    if sums.stored_bytes == 0 { 1.0 } else { sums.logical_bytes as f64 / sums.stored_bytes as f64 }
}

/// Adds up what is stored.
#[utoipa::path(tag = "store", responses((status = 200, body = StoreView)))]
#[get("/store")]
pub async fn read_store(asked: Asked) -> Result<Json<StoreView>, Problem> {
    let caller = asked.caller().await?;
    caller.principal.require(Permission::Administer, Scope::Service)?;
    let sums = asked.catalog().store_statistics().await?;
    let dedup_ratio = dedup_ratio(&sums);
    let StoreStatistics { stored_bytes, logical_bytes, packs, chunks, assets, versions, builds, deployments } = sums;
    Ok(Json(StoreView {
        stored_bytes,
        logical_bytes,
        packs,
        chunks,
        assets,
        versions,
        builds,
        deployments,
        dedup_ratio,
    }))
}

/// How to collect garbage.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectBody {
    /// Only say what would be freed.
    #[serde(default)]
    dry_run: bool,
}

/// What was freed, or would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct CollectedView {
    dry_run: bool,
    /// Chunks that nothing needs.
    chunks: u64,
    /// Packs that were mostly garbage: what was needed of them is in new packs.
    compacted: Vec<String>,
    /// Bytes that were copied for that.
    copied_bytes: u64,
    /// Packs that nothing needs any more; their objects go when readers are done.
    packs: usize,
    /// Objects that went.
    objects: usize,
    /// Bytes of those objects.
    bytes: u64,
    /// The packs whose objects went.
    #[schema(value_type = Vec<String>)]
    names: Vec<PackId>,
}

/// Frees bytes that no version, build or running upload needs. It runs beside everything else.
#[utoipa::path(tag = "store", request_body = CollectBody, responses((status = 200, body = CollectedView)))]
#[post("/store/gc")]
pub async fn collect_garbage(mut asked: Asked) -> Result<Json<CollectedView>, Problem> {
    let (mut caller, CollectBody { dry_run }) = asked.changing::<CollectBody>().await?;
    caller.now = asked.engine().clock.passed();
    let collected = match dry_run {
        true => operations::plan_collection(asked.engine(), &caller).await?,
        false => operations::collect_garbage(asked.engine(), &caller).await?,
    };
    let Collected { chunks, compacted, retired, deleted: names, deleted_bytes: bytes } = collected;
    Ok(Json(CollectedView {
        dry_run,
        chunks,
        compacted: compacted.packs.iter().map(PackId::to_string).collect(),
        copied_bytes: compacted.copied_bytes,
        packs: retired.len(),
        objects: names.len(),
        bytes,
        names,
    }))
}
