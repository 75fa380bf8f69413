//! `manifest.json?since=R-11.1`: what has changed for the reader since an earlier build.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use shelfmark_domain::environment::Served;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::{Entry, Key, Pin};
use shelfmark_engine::Engine;
use shelfmark_engine::operations::{AccessRules, ReadError};

use super::documents::Parts;
use super::listing::{Format, Listing, shows};

/// Entries that are written at a time.
const ENTRIES_AT_ONCE: usize = 256;

/// What is compared with.
#[derive(Clone, Debug)]
pub struct Since {
    pub served: Served,
    /// Its access rules; `None` when everything may be seen.
    pub rules: Option<AccessRules>,
}

/// What differs for the reader.
#[derive(Debug, Default)]
struct Differences {
    changed: BTreeMap<String, Pin>,
    removed: BTreeSet<String>,
}

/// A line for a path that is no longer served, where each entry has a line.
#[derive(Serialize)]
struct RemovedView<'r> {
    path: &'r str,
    removed: bool,
}

/// The document of differences: what is new or other than it was, and what is gone. An entry that became private is
/// gone for those who may not see it.
///
/// # Errors
/// When a manifest can't be read.
pub async fn differences(engine: &Engine, listing: Listing, since: Since) -> Result<Parts, ReadError> {
    let Differences { changed, removed } = between(engine, &listing, &since).await?;
    let head = listing.head(Some(since.served.build), "changed");
    let tail = tail(&listing, &removed);
    let changed: Vec<(String, Pin)> = changed.into_iter().collect();
    let mut is_first = true;
    let entries = stream::iter(changed).chunks(ENTRIES_AT_ONCE).map(move |entries| {
        let mut text = Vec::new();
        for (path, pin) in &entries {
            listing.write(&mut text, path, pin, &mut is_first);
        }
        Ok(Bytes::from(text))
    });
    Ok(stream::iter([Ok(head)]).chain(entries).chain(stream::iter([Ok(tail)])).boxed())
}

fn tail(listing: &Listing, removed: &BTreeSet<String>) -> Bytes {
    match listing.format {
        Format::Json => {
            let removed = serde_json::to_string(removed).expect("a list of texts is JSON");
            format!("\n],\"removed\":{removed}}}\n").into()
        }
        Format::Lines => {
            let mut text = Vec::new();
            for path in removed {
                listing.write_view(&mut text, &RemovedView { path, removed: true }, &mut false);
            }
            text.into()
        }
    }
}

async fn between(engine: &Engine, listing: &Listing, since: &Since) -> Result<Differences, ReadError> {
    let all = engine.manifests.compare(since.served.manifest, listing.served.manifest).await?;
    let mut differences = Differences::default();
    let mut folders = Vec::new();
    let mut compared: HashSet<&str> = HashSet::new();
    for difference in &all {
        let path = difference.key.as_str();
        match Key::parse(path) {
            Some(Key::Path(_)) => {}
            Some(Key::Access(folder)) => {
                folders.push(folder);
                continue;
            }
            Some(Key::Parameter(_)) | None => continue,
        }
        compared.insert(path);
        let before = difference.before.as_ref().is_some_and(|_| shows(since.rules.as_ref(), path));
        match &difference.after {
            Some(Entry::Pin(pin)) if shows(listing.rules.as_ref(), path) => {
                differences.changed.insert(path.to_owned(), pin.clone());
            }
            _ if before => {
                differences.removed.insert(path.to_owned());
            }
            _ => {}
        }
    }
    if listing.rules.is_some() {
        for folder in &folders {
            add_what_rules_changed(engine, listing, since, folder, &compared, &mut differences).await?;
        }
    }
    Ok(differences)
}

/// Adds entries of a folder that stayed as they are but appeared or went, as its access rule became another one.
async fn add_what_rules_changed(
    engine: &Engine,
    listing: &Listing,
    since: &Since,
    folder: &FolderPath,
    compared: &HashSet<&str>,
    differences: &mut Differences,
) -> Result<(), ReadError> {
    let root = engine.manifests.root(listing.served.manifest).await?;
    let (first, end) = folder.range();
    let mut entries = engine.manifests.entries(&root, &first, end.as_deref());
    while let Some((path, entry)) = entries.try_next().await? {
        let Entry::Pin(pin) = entry else { continue };
        if compared.contains(path.as_str()) {
            continue;
        }
        match (shows(since.rules.as_ref(), &path), shows(listing.rules.as_ref(), &path)) {
            (false, true) => {
                differences.changed.insert(path, pin);
            }
            (true, false) => {
                differences.removed.insert(path);
            }
            (true, true) | (false, false) => {}
        }
    }
    Ok(())
}
