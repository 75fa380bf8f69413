//! What a decision needs to know of contents: what a build would change, who made it, what it lacks. It is worked out
//! from immutable manifests outside of the change, and used only if the change finds the same manifests and policies.

use std::collections::BTreeSet;

use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::Difference;
use shelfmark_domain::pin::{AssetId, Entry};

use super::facts::Place;
use crate::Engine;
use crate::catalog::{CatalogError, ProjectRow};
use crate::operations::contents::chunks::ReadError;
use crate::operations::references::{ReferenceError, missing};

/// What changes between two manifests, as far as the place's rules ask.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// From what to what; `None` when nothing is prepared.
    of: Option<(Option<ManifestId>, ManifestId)>,
    asked: Asked,
    pub changes: Vec<Difference>,
    pub authors: BTreeSet<String>,
    pub missing: Vec<String>,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    changes: bool,
    authors: bool,
    dependencies: bool,
}

impl Asked {
    fn of(place: &Place) -> Self {
        let authors = place.policy.approvals.iter().any(|rule| rule.exclude_author);
        let points = place.points.iter().any(|point| !point.selector.paths.is_empty());
        Self { changes: place.policy.looks_at_changes() || points, authors, dependencies: place.policy.dependencies }
    }
}

impl Prepared {
    /// Whether this is all that a decision about the place needs.
    pub(super) fn fits(&self, place: &Place) -> bool {
        let asked = Asked::of(place);
        asked == Asked::default() || (asked == self.asked && self.of == Some(place.manifests()))
    }

    /// Works out what a decision about the place needs.
    ///
    /// # Errors
    /// When manifests or rows can't be read.
    pub(super) async fn for_place(engine: &Engine, project: &ProjectRow, place: &Place) -> Result<Self, PrepareError> {
        let (from, to) = place.manifests();
        let asked = Asked::of(place);
        let mut prepared = Self { of: Some((from, to)), asked, ..Self::default() };
        if asked.changes {
            prepared.changes = engine.manifests.between(from, Some(to)).await?;
        }
        if asked.authors {
            prepared.authors = engine.catalog.authors(&versions(&prepared.changes)).await?;
        }
        if asked.dependencies {
            let missing = missing(engine, project, to, from).await?;
            prepared.missing = missing.into_iter().map(|lack| format!("{} (from {})", lack.path, lack.from)).collect();
        }
        Ok(prepared)
    }
}

/// What reading for a decision can fail with.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    References(#[from] ReferenceError),
}

fn versions(changes: &[Difference]) -> Vec<(AssetId, i64)> {
    let pins = changes.iter().filter_map(|change| match &change.after {
        Some(Entry::Pin(pin)) => Some((pin.asset, pin.version)),
        Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
    });
    pins.collect()
}
