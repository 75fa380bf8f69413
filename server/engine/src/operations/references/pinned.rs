//! Looking many paths up in one manifest: each leaf is read once.

use std::collections::{BTreeSet, HashMap};

use futures::TryStreamExt as _;
use futures::stream::BoxStream;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::pin::{Entry, Pin};

use super::ReferenceError;
use super::examine::{Held, examine};
use crate::Engine;
use crate::catalog::{Findings, ProjectRow};
use crate::operations::contents::chunks::ReadError;

/// Pins examined at a time.
pub(super) const PINS_AT_ONCE: usize = 1_000;

/// Those of the paths that the manifest pins.
pub(super) async fn pinned(
    engine: &Engine,
    manifest: ManifestId,
    paths: Vec<&str>,
) -> Result<HashMap<String, Pin>, ReadError> {
    let root = engine.manifests.root(manifest).await?;
    let paths: BTreeSet<&str> = paths.into_iter().collect();
    let mut wanted: Vec<(_, Vec<&str>)> = Vec::new();
    for path in paths {
        let Some(leaf) = root.leaf_for(path) else { continue };
        match wanted.last_mut() {
            Some((id, of_leaf)) if *id == leaf.id => of_leaf.push(path),
            _ => wanted.push((leaf.id, vec![path])),
        }
    }
    let leaves = engine.manifests.leaves(wanted.iter().map(|(id, _)| *id).collect()).await?;
    let mut pins = HashMap::new();
    for (leaf, (_, paths)) in leaves.iter().zip(wanted) {
        for path in paths {
            if let Some(Entry::Pin(pin)) = leaf.get(path) {
                pins.insert(path.to_owned(), pin.clone());
            }
        }
    }
    Ok(pins)
}

/// The content of a pin, if references are looked for in it.
pub(super) fn held(path: &str, pin: &Pin) -> Option<Held> {
    Held::new(path, pin.content, &pin.media_type, pin.size_bytes)
}

/// A manifest's pins in order, a stretch at a time.
pub(super) struct Stretches {
    entries: BoxStream<'static, Result<(String, Entry), ReadError>>,
    is_over: bool,
}

impl Stretches {
    pub(super) async fn of(engine: &Engine, manifest: ManifestId) -> Result<Self, ReadError> {
        let root = engine.manifests.root(manifest).await?;
        Ok(Self { entries: engine.manifests.entries(&root, "", None), is_over: false })
    }

    /// The next stretch; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<(String, Pin)>>, ReadError> {
        let mut pins = Vec::new();
        while !self.is_over && pins.len() < PINS_AT_ONCE {
            match self.entries.try_next().await? {
                Some((path, Entry::Pin(pin))) => pins.push((path, pin)),
                Some((_, Entry::Parameter(_) | Entry::Access(_))) => {}
                None => self.is_over = true,
            }
        }
        Ok(Some(pins).filter(|pins| !pins.is_empty()))
    }
}

/// Has all of a manifest examined, unless that was done before.
///
/// # Errors
/// `Read`, `Catalog`; what was examined by then stays.
pub(super) async fn examine_manifest(
    engine: &Engine,
    project: &ProjectRow,
    manifest: ManifestId,
) -> Result<(), ReferenceError> {
    if engine.catalog.is_examined(project.number, manifest).await? {
        return Ok(());
    }
    let mut stretches = Stretches::of(engine, manifest).await?;
    while let Some(pins) = stretches.next().await? {
        let held: Vec<Held> = pins.iter().filter_map(|(path, pin)| held(path, pin)).collect();
        examine(engine, numbered(project), &held, Findings::default()).await?;
    }
    mark_examined(engine, project, manifest).await
}

/// Notes that all pins of a manifest have been examined.
pub(super) async fn mark_examined(
    engine: &Engine,
    project: &ProjectRow,
    manifest: ManifestId,
) -> Result<(), ReferenceError> {
    let manifests = vec![(project.number, manifest)];
    Ok(engine.catalog.keep_findings(&Findings { manifests, ..Findings::default() }).await?)
}

pub(super) fn numbered(project: &ProjectRow) -> (i64, &ProjectName) {
    (project.number, &project.name)
}
