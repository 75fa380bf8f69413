//! What a manifest lacks: references of its pins to paths at which it has nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::pin::{AssetId, Entry, Pin};

use super::ReferenceError;
use super::examine::{Held, examine};
use super::pinned::{PINS_AT_ONCE, Stretches, examine_manifest, held, mark_examined, numbered, pinned};
use crate::Engine;
use crate::catalog::{DeclaredRow, Findings, Need, ProjectRow};

/// Referring paths looked up at a time.
const PAGE: u32 = 1_000;

/// How a reference is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It stands in the bytes.
    Found,
    /// Somebody has said so.
    Declared,
}

/// A reference to a path at which a manifest has nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissingReference {
    /// The path of the asset that refers.
    pub from: String,
    /// The path that is missing. Of a needed asset, where it is in the library.
    pub path: String,
    /// As it is written in the bytes; of a declared reference, its kind.
    pub reference: String,
    pub how: How,
    /// The asset that is needed, where one was named.
    pub asset: Option<AssetId>,
}

/// What a manifest lacks, by referring path. With `since`, only what differs from that manifest is looked at: references
/// of pins that differ, and of others to what is no longer there. It costs what differs, once `since` has been looked at
/// before. What only may be a reference is never missing.
///
/// # Errors
/// `Read`, `Catalog`.
pub async fn missing(
    engine: &Engine,
    project: &ProjectRow,
    manifest: ManifestId,
    since: Option<ManifestId>,
) -> Result<Vec<MissingReference>, ReferenceError> {
    let mut lacking = BTreeSet::new();
    match since {
        None => {
            let mut stretches = Stretches::of(engine, manifest).await?;
            while let Some(pins) = stretches.next().await? {
                lacking.extend(of_pins(engine, project, manifest, &pins).await?);
            }
        }
        Some(since) => {
            examine_manifest(engine, project, since).await?;
            let (there, gone) = split(engine.manifests.between(Some(since), Some(manifest)).await?);
            for pins in there.chunks(PINS_AT_ONCE) {
                lacking.extend(of_pins(engine, project, manifest, pins).await?);
            }
            let there: HashSet<&str> = there.iter().map(|(path, _)| path.as_str()).collect();
            for (path, pin) in &gone {
                lacking.extend(of_gone(engine, project, manifest, (path, pin), &there).await?);
            }
        }
    }
    mark_examined(engine, project, manifest).await?;
    Ok(lacking.into_iter().collect())
}

type Pins = Vec<(String, Pin)>;

/// The pins that are new or other, and those that are gone.
fn split(differences: Vec<Difference>) -> (Pins, Pins) {
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for Difference { key, before, after } in differences {
        match (before, after) {
            (_, Some(Entry::Pin(pin))) => there.push((key, pin)),
            (Some(Entry::Pin(pin)), None) => gone.push((key, pin)),
            _ => {}
        }
    }
    (there, gone)
}

/// What these pins refer to and the manifest lacks.
async fn of_pins(
    engine: &Engine,
    project: &ProjectRow,
    manifest: ManifestId,
    pins: &[(String, Pin)],
) -> Result<Vec<MissingReference>, ReferenceError> {
    let readable: Vec<Held> = pins.iter().filter_map(|(path, pin)| held(path, pin)).collect();
    let led = examine(engine, numbered(project), &readable, Findings::default()).await?;
    let certain: Vec<_> = readable
        .iter()
        .zip(&led)
        .flat_map(|(held, led)| led.iter().filter(|led| !led.is_possible).map(move |led| (held, led)))
        .collect();
    let there = pinned(engine, manifest, certain.iter().map(|(_, led)| led.target.as_str()).collect()).await?;
    let mut lacking: Vec<MissingReference> = certain
        .into_iter()
        .filter(|(_, led)| !there.contains_key(&led.target))
        .map(|(held, led)| MissingReference {
            from: held.path.clone(),
            path: led.target.clone(),
            reference: led.written.clone(),
            how: How::Found,
            asset: None,
        })
        .collect();
    let mut holders: HashMap<AssetId, Vec<&str>> = HashMap::new();
    for (path, pin) in pins {
        holders.entry(pin.asset).or_default().push(path);
    }
    let declared = engine.catalog.declared_by(&holders.keys().copied().collect::<Vec<_>>()).await?;
    for (row, path) in unmet(engine, manifest, declared).await? {
        let from = holders.get(&row.asset).into_iter().flatten();
        lacking.extend(from.map(|from| declared_missing(from, &path, &row)));
    }
    Ok(lacking)
}

fn declared_missing(from: &str, path: &str, row: &DeclaredRow) -> MissingReference {
    let asset = match row.need {
        Need::Asset(asset) => Some(asset),
        Need::Path(_) => None,
    };
    let (from, path, reference) = (from.to_owned(), path.to_owned(), row.kind.clone());
    MissingReference { from, path, reference, how: How::Declared, asset }
}

/// The declared references that the manifest does not meet, with the path at which it should.
async fn unmet(
    engine: &Engine,
    manifest: ManifestId,
    declared: Vec<DeclaredRow>,
) -> Result<Vec<(DeclaredRow, String)>, ReferenceError> {
    let needed = declared.iter().filter_map(|row| match row.need {
        Need::Asset(asset) => Some(asset),
        Need::Path(_) => None,
    });
    let paths_of = engine.catalog.paths_of(&needed.collect::<Vec<_>>()).await?;
    let places = |row: &DeclaredRow| match &row.need {
        Need::Path(path) => vec![path.clone()],
        Need::Asset(asset) => paths_of.get(asset).cloned().unwrap_or_default(),
    };
    let wanted: Vec<(DeclaredRow, Vec<String>)> = declared.into_iter().map(|row| (row.clone(), places(&row))).collect();
    let pins =
        pinned(engine, manifest, wanted.iter().flat_map(|(_, paths)| paths).map(String::as_str).collect()).await?;
    let is_met = |row: &DeclaredRow, path: &String| match (&row.need, pins.get(path)) {
        (Need::Path(_), pin) => pin.is_some(),
        (Need::Asset(asset), Some(pin)) => pin.asset == *asset,
        (Need::Asset(_), None) => false,
    };
    let unmet = wanted.into_iter().filter(|(row, paths)| !paths.iter().any(|path| is_met(row, path)));
    Ok(unmet.filter_map(|(row, paths)| Some((row, paths.into_iter().next()?))).collect())
}

/// Who refers to a pin that is gone; those at `looked_at` have been looked at already.
async fn of_gone(
    engine: &Engine,
    project: &ProjectRow,
    manifest: ManifestId,
    (path, pin): (&str, &Pin),
    looked_at: &HashSet<&str>,
) -> Result<Vec<MissingReference>, ReferenceError> {
    let mut lacking = Vec::new();
    let mut after = String::new();
    loop {
        let sources = engine.catalog.referring_paths(project.number, path, &after, PAGE).await?;
        let is_last = sources.len() < PAGE as usize;
        after = sources.last().cloned().unwrap_or(after);
        let sources = sources.iter().map(String::as_str).filter(|source| !looked_at.contains(source));
        let pins = pinned(engine, manifest, sources.collect()).await?;
        lacking.extend(leading_to(engine, project, path, &pins).await?);
        if is_last {
            break;
        }
    }
    let mut after = String::new();
    loop {
        let declaring = engine.catalog.declaring(project.number, path, Some(pin.asset), &after, PAGE).await?;
        let is_last = declaring.len() < PAGE as usize;
        // The last path may go on behind the page: it is taken with the next one.
        let last = declaring.last().map(|(path, _)| path.clone()).filter(|last| !is_last && *last != declaring[0].0);
        let here = declaring.into_iter().filter(|(path, _)| Some(path) != last.as_ref()).collect::<Vec<_>>();
        after = here.last().map_or(after, |(path, _)| path.clone());
        lacking.extend(declaring_to(engine, manifest, here).await?);
        if is_last {
            return Ok(lacking);
        }
    }
}

/// Those of the pins whose contents refer to a path that is gone.
async fn leading_to(
    engine: &Engine,
    project: &ProjectRow,
    target: &str,
    pins: &HashMap<String, Pin>,
) -> Result<Vec<MissingReference>, ReferenceError> {
    let readable: Vec<Held> = pins.iter().filter_map(|(path, pin)| held(path, pin)).collect();
    let ids: Vec<_> = readable.iter().map(|held| held.place(project.number)).collect();
    let leading = engine.catalog.places_leading_to(target, &ids).await?;
    let is_certain = |held: &Held| leading.get(&held.place(project.number)) == Some(&false);
    let leading: Vec<Held> = readable.into_iter().filter(is_certain).collect();
    let led = examine(engine, numbered(project), &leading, Findings::default()).await?;
    let lacking = leading.iter().zip(led).flat_map(|(held, led)| {
        led.into_iter().filter(|led| led.target == target && !led.is_possible).map(|led| MissingReference {
            from: held.path.clone(),
            path: led.target,
            reference: led.written,
            how: How::Found,
            asset: None,
        })
    });
    Ok(lacking.collect())
}

/// Those who have been declared to need what is gone, where the manifest has them.
async fn declaring_to(
    engine: &Engine,
    manifest: ManifestId,
    declaring: Vec<(String, DeclaredRow)>,
) -> Result<Vec<MissingReference>, ReferenceError> {
    let holders: Vec<AssetId> = declaring.iter().map(|(_, row)| row.asset).collect();
    let paths_of = engine.catalog.paths_of(&holders).await?;
    let pins = pinned(engine, manifest, paths_of.values().flatten().map(String::as_str).collect()).await?;
    let rows = declaring.into_iter().map(|(_, row)| row).collect();
    let mut lacking = Vec::new();
    for (row, path) in unmet(engine, manifest, rows).await? {
        let places = paths_of.get(&row.asset).into_iter().flatten();
        let from = places.filter(|place| pins.get(*place).is_some_and(|pin| pin.asset == row.asset));
        lacking.extend(from.map(|from| declared_missing(from, &path, &row)));
    }
    Ok(lacking)
}
