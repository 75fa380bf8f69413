//! Examining what has come in.

use super::ReferenceError;
use super::examine::{Held, examine};
use crate::Engine;
use crate::catalog::{CatalogError, Findings, PendingAsset, ProjectRow};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::references::EXTRACTOR;

/// Assets examined at a time.
const AT_ONCE: u32 = 256;

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExaminedAssets {
    /// Assets whose latest version has been examined.
    pub assets: u64,
    /// Assets that could not be read; they stay pending, and a later run tries again.
    pub failed: u64,
}

/// Examines everything that is pending. It may be called at any time, by any number of processes.
///
/// # Errors
/// `Catalog`, or `Read` when the store is out of reach; what was examined by then stays.
pub async fn examine_pending(engine: &Engine) -> Result<ExaminedAssets, ReferenceError> {
    engine.catalog.ask_for_references_of(EXTRACTOR).await?;
    run(engine, None, u64::MAX).await.map(|(examined, _)| examined)
}

/// Examines what is pending in a project, up to a limit; whether that was all.
pub(super) async fn catch_up(engine: &Engine, project: &ProjectRow) -> Result<bool, ReferenceError> {
    let most = u64::from(engine.limits.pending_references_max);
    let (examined, is_all) = run(engine, Some(project.number), most).await?;
    Ok(is_all && examined.failed == 0)
}

async fn run(engine: &Engine, project: Option<i64>, most: u64) -> Result<(ExaminedAssets, bool), ReferenceError> {
    let mut examined = ExaminedAssets::default();
    let mut after = None;
    loop {
        let pending = engine.catalog.pending_references(project, after, AT_ONCE).await?;
        let Some(last) = pending.last() else { return Ok((examined, true)) };
        after = Some(last.asset);
        let is_last = pending.len() < AT_ONCE as usize;
        let mut rest = pending.as_slice();
        while let Some(first) = rest.first() {
            let of_project = rest.iter().take_while(|asset| asset.project_number == first.project_number).count();
            let (now, later) = rest.split_at(of_project);
            rest = later;
            examined.failed += examine_some(engine, now).await?;
            examined.assets += now.len() as u64;
        }
        if is_last || examined.assets >= most {
            examined.assets -= examined.failed;
            return Ok((examined, is_last));
        }
    }
}

/// Examines assets of one project; how many of them could not be read.
async fn examine_some(engine: &Engine, assets: &[PendingAsset]) -> Result<u64, ReferenceError> {
    match examine_together(engine, assets).await {
        Ok(()) => return Ok(0),
        Err(error) if is_passing(&error) => return Err(error),
        Err(_) => {} // one of them is damaged: the others must not wait for it
    }
    let mut failed = 0;
    for asset in assets {
        match examine_together(engine, std::slice::from_ref(asset)).await {
            Ok(()) => {}
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(path = asset.path, %error, "an asset could not be read for references");
                failed += 1;
            }
        }
    }
    Ok(failed)
}

fn is_passing(error: &ReferenceError) -> bool {
    matches!(error, ReferenceError::Catalog(CatalogError::Full(_))) || error.kind() == FailureKind::Busy
}

async fn examine_together(engine: &Engine, assets: &[PendingAsset]) -> Result<(), ReferenceError> {
    let Some(first) = assets.first() else { return Ok(()) };
    let held = |asset: &PendingAsset| Held::new(&asset.path, asset.content, &asset.media_type, asset.size_bytes);
    let held: Vec<Held> = assets.iter().filter_map(held).collect();
    let settled = assets.iter().map(|asset| (asset.asset, asset.sequence)).collect();
    let findings = Findings { settled, ..Findings::default() };
    examine(engine, (first.project_number, &first.project), &held, findings).await.map(drop)
}
