//! Collecting garbage: bytes that no version, build or running upload refers to. It runs beside everything else.
//!
//! What is collected was decided by rows alone: provisional chunks whose time is over, packs that were announced and
//! given up, packs without chunks. An upload that had counted on a chunk that goes finds it missing in its own last
//! transaction, and then stores it anew or fails; so whoever wins a race, nothing acknowledged loses a byte. Rows go
//! first; the object follows when readers that knew its place are done. Packs that are mostly garbage are compacted,
//! so that they go as well.

use futures::{StreamExt as _, TryStreamExt as _};

use shelfmark_domain::access::{Denied, Permission, Scope};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::PackId;
use shelfmark_domain::time::Timestamp;

use super::compact::{Compacted, compact, planned, sparse_packs};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::Caller;
use crate::store::{StoreError, StoredPack};

/// Objects compared with the catalog at a time.
const COMPARED_AT_ONCE: usize = 1_000;

/// Contents without any version whose references one collection forgets; the next one goes on.
const REFERENCES_AT_ONCE: u32 = 10_000;

/// What a collection freed, or would free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Chunks whose rows went.
    pub chunks: u64,
    /// Packs that were mostly garbage; what was needed of them is elsewhere.
    pub compacted: Compacted,
    /// Packs that nothing needs any more; their objects go when readers are done.
    pub retired: Vec<PackId>,
    /// Packs whose objects went.
    pub deleted: Vec<PackId>,
    /// Bytes of the deleted objects.
    pub deleted_bytes: u64,
}

/// Why garbage was not, or not all, collected. What was done stays done; the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for CollectError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Denied(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// Says what a collection would free now, and changes nothing.
///
/// # Errors
/// `Denied`, `Store`, `Catalog`.
pub async fn plan_collection(engine: &Engine, caller: &Caller) -> Result<Collected, CollectError> {
    caller.principal.require(Permission::Administer, Scope::Service)?;
    let (chunks, _) = engine.catalog.count_expired_chunks(caller.now).await?;
    let sparse = sparse_packs(engine, caller.now).await?;
    let mut retired = engine.catalog.expired_packs(caller.now).await?;
    retired.extend(sparse.iter().map(|pack| (pack.id, pack.bytes)));
    let mut gone = engine.catalog.retired_packs(caller.now).await?;
    if engine.limits.readers_ms == 0 {
        gone.extend(retired.iter().map(|(pack, bytes)| (0, *pack, *bytes)));
    }
    let orphans = orphans(engine, caller.now).await?;
    let gone = gone.into_iter().map(|(_, pack, bytes)| (pack, bytes));
    let deleted: Vec<(PackId, u64)> = gone.chain(orphans.iter().map(|o| (o.id, o.size_bytes))).collect();
    Ok(Collected {
        chunks,
        compacted: planned(&sparse),
        retired: retired.into_iter().map(|(pack, _)| pack).collect(),
        deleted_bytes: deleted.iter().map(|(_, bytes)| bytes).sum(),
        deleted: deleted.into_iter().map(|(pack, _)| pack).collect(),
    })
}

/// Collects garbage. Any number of processes may do so at the same time. The caller's time must be one that has passed
/// (`Clock::passed`): with a clock that has jumped ahead, grace would be over before anyone had it.
///
/// # Errors
/// `Denied`, `Store`, `Catalog`.
pub async fn collect_garbage(engine: &Engine, caller: &Caller) -> Result<Collected, CollectError> {
    caller.principal.require(Permission::Administer, Scope::Service)?;
    let mut collected = Collected::default();
    let freed = free(engine, caller.now, &mut collected).await;
    record(engine, caller, &collected).await?; // also what was freed before something failed
    freed.map(|()| collected)
}

/// Frees what can be freed, and notes what has been.
async fn free(engine: &Engine, now: Timestamp, collected: &mut Collected) -> Result<(), CollectError> {
    let (catalog, limits) = (&engine.catalog, &engine.limits);
    collected.chunks = catalog.sweep_chunks(now).await?;
    // What it fails at must not keep the rest from being freed: perhaps there is no room left for a new pack.
    let compacting = compact(engine, now, &mut collected.compacted).await;
    collected.retired = catalog.retire_packs(now, now.plus_ms(limits.readers_ms)).await?;
    for (number, pack, bytes) in catalog.retired_packs(now).await? {
        engine.store.delete_pack(&pack).await?;
        catalog.forget_pack(number).await?;
        collected.deleted.push(pack);
        collected.deleted_bytes += bytes;
    }
    for orphan in orphans(engine, now).await? {
        engine.store.delete_pack(&orphan.id).await?;
        collected.deleted.push(orphan.id);
        collected.deleted_bytes += orphan.size_bytes;
    }
    engine.store.remove_unfinished(engine.clock.passed().plus_ms(-limits.grace_ms)).await?;
    catalog.sweep_segments(now).await?;
    catalog.sweep_references(REFERENCES_AT_ONCE).await?;
    catalog.sweep_idempotency_keys(now.plus_ms(-limits.idempotency_ms)).await?;
    compacting
}

/// Objects that no row names. This version of the program makes none: it names a pack before it stores it. They are
/// left by a database that was restored to an earlier moment. One is taken for abandoned only when it is older than
/// the grace period by the store's own time, and no row names it even after it was listed.
async fn orphans(engine: &Engine, now: Timestamp) -> Result<Vec<StoredPack>, CollectError> {
    let before = now.plus_ms(-engine.limits.grace_ms.max(1));
    let mut old = engine.store.list_packs().try_filter(|pack| std::future::ready(pack.modified_at < before)).fuse();
    let mut orphans = Vec::new();
    loop {
        let mut some = Vec::new();
        while some.len() < COMPARED_AT_ONCE
            && let Some(pack) = old.try_next().await?
        {
            some.push(pack);
        }
        if some.is_empty() {
            return Ok(orphans);
        }
        let ids: Vec<PackId> = some.iter().map(|pack| pack.id).collect();
        let known = engine.catalog.known_packs(&ids).await?;
        orphans.extend(some.into_iter().filter(|pack| !known.contains(&pack.id)));
    }
}

async fn record(engine: &Engine, caller: &Caller, collected: &Collected) -> Result<(), CatalogError> {
    if *collected == Collected::default() {
        return Ok(());
    }
    let mut write = engine.catalog.write().await?;
    let draft = AuditDraft {
        action: "store.collected",
        project: String::new(),
        subject: "garbage".to_owned(),
        message: String::new(),
        details: serde_json::json!({ "chunks": collected.chunks,
            "compacted": collected.compacted.packs, "copied_bytes": collected.compacted.copied_bytes,
            "retired": collected.retired,
            "deleted": collected.deleted, "deleted_bytes": collected.deleted_bytes }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.commit().await
}
