//! What a repeated order gets: what came of it the first time. It is kept in the same transaction, so it is there
//! exactly when its effect is.

use serde::{Deserialize, Serialize};

use shelfmark_domain::pin::AssetId;
use shelfmark_domain::time::Timestamp;

use super::order::{CommitError, Done, Order, Outcome, Receipt, Summary};
use crate::catalog::{AssetState, Catalog, CatalogError, Write};
use crate::operations::people::caller::{AccessError, Caller};

/// What is kept of an order.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    at: Timestamp,
    summary: Summary,
    /// Of an order of one line.
    line: Option<KeptLine>,
}

/// A line, with what the version that it names does not say.
#[derive(Debug, Serialize, Deserialize)]
struct KeptLine {
    outcome: Outcome,
    asset: Option<KeptAsset>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptAsset {
    id: uuid::Uuid,
    version: i64,
    path: String,
    deleted_at: Option<Timestamp>,
}

/// Keeps what came of an order, if it has a key.
///
/// # Errors
/// As `Caller::note_outcome`.
pub(crate) async fn keep(write: &mut Write, order: &Order, receipt: &Receipt) -> Result<(), AccessError> {
    let line = match receipt.done.as_slice() {
        [Done { outcome, asset }] => {
            let asset = asset.as_ref().map(|state| KeptAsset {
                id: uuid::Uuid::from_bytes(state.id.0),
                version: state.version,
                path: state.path.clone(),
                deleted_at: state.deleted_at,
            });
            Some(KeptLine { outcome: *outcome, asset })
        }
        _ => None,
    };
    order.caller.note_outcome(write, &Kept { at: receipt.at, summary: receipt.summary, line }).await
}

/// What came of an earlier order with the same key; `None` when this is the first one.
///
/// # Errors
/// When the key was used for something else; when the database doesn't answer.
pub(crate) async fn earlier(catalog: &Catalog, caller: &Caller) -> Result<Option<Receipt>, CommitError> {
    let Some(Kept { at, summary, line }) = caller.earlier_outcome::<Kept>(catalog).await? else {
        return Ok(None);
    };
    let mut done = Vec::new();
    if let Some(KeptLine { outcome, asset }) = line {
        let asset = match asset {
            Some(asset) => Some(state(catalog, asset).await?),
            None => None,
        };
        done.push(Done { outcome, asset });
    }
    Ok(Some(Receipt { at, done, summary }))
}

/// The asset as it was then. Versions never change, so the rest of it stands in its version.
async fn state(catalog: &Catalog, kept: KeptAsset) -> Result<AssetState, CatalogError> {
    let KeptAsset { id, version, path, deleted_at } = kept;
    let asset = AssetId(id.into_bytes());
    let row = catalog.version(asset, version).await?;
    let row = row.ok_or_else(|| CatalogError::Corrupt(format!("the outcome of making version {version} of {id}")))?;
    Ok(AssetState {
        id: asset,
        path,
        version,
        content: row.content,
        size_bytes: row.size_bytes,
        media_type: row.media_type,
        dimensions: row.dimensions,
        metadata: row.metadata,
        deleted_at,
    })
}
