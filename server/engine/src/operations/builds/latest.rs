//! How the library as it is now differs from a manifest, by path. Both sides come sorted, so this is one walk along
//! both that holds only what differs.

use futures::TryStreamExt as _;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::{Entry, Pin};

use crate::Engine;
use crate::catalog::{AssetState, ProjectRow};
use crate::operations::contents::chunks::ReadError;

/// Assets read at a time.
const PAGE: u32 = 5_000;
/// The first key that belongs to no path, and the first text after all of those.
const RESERVED: (&str, &str) = ("-/", "-0");

/// What differs between a manifest (`before`; `None` for nothing) and the project's assets at their latest versions
/// (`after`) in a folder. A pin that names the same asset and version differs in nothing. The times of the new pins
/// are not known here and stand at zero.
///
/// # Errors
/// When either side can't be read.
pub(crate) async fn differences_to_latest(
    engine: &Engine,
    project: &ProjectRow,
    before: Option<ManifestId>,
    folder: &FolderPath,
) -> Result<Vec<Difference>, ReadError> {
    let (first, end) = folder.range();
    let root = match before {
        Some(manifest) => engine.manifests.root(manifest).await?,
        None => std::sync::Arc::new(shelfmark_domain::manifest::Root::empty()),
    };
    let mut pins = engine.manifests.entries(&root, &first, end.as_deref()).try_filter(|(key, _)| {
        let is_path = key.as_str() < RESERVED.0 || key.as_str() >= RESERVED.1;
        std::future::ready(is_path)
    });
    let mut differences = Vec::new();
    let mut pin = pins.try_next().await?;
    let mut after = String::new();
    loop {
        let states = engine.catalog.asset_states(project.number, &first, &after, PAGE).await?;
        let is_last = states.len() < PAGE as usize;
        after = states.last().map_or(after, |state| state.path.clone());
        for state in states {
            while let Some((key, entry)) = pin.take_if(|(key, _)| *key < state.path) {
                differences.push(Difference { key, before: Some(entry), after: None });
                pin = pins.try_next().await?;
            }
            let same_path = pin.take_if(|(key, _)| *key == state.path);
            if same_path.is_some() {
                pin = pins.try_next().await?;
            }
            differences.extend(difference(same_path.map(|(_, entry)| entry), state));
        }
        if is_last {
            break;
        }
    }
    while let Some((key, entry)) = pin {
        differences.push(Difference { key, before: Some(entry), after: None });
        pin = pins.try_next().await?;
    }
    Ok(differences)
}

fn difference(before: Option<Entry>, state: AssetState) -> Option<Difference> {
    if let Some(Entry::Pin(pin)) = &before
        && pin.asset == state.id
        && pin.version == state.version
    {
        return None;
    }
    let pin = Pin {
        asset: state.id,
        version: state.version,
        content: state.content,
        size_bytes: state.size_bytes,
        media_type: state.media_type,
        dimensions: state.dimensions,
        modified_at: shelfmark_domain::time::Timestamp::from_micros(0),
        metadata: state.metadata,
    };
    Some(Difference { key: state.path, before, after: Some(Entry::Pin(pin)) })
}
