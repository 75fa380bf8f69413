//! Contents with references, where they are or have been: the way from a path to whoever refers to it.

use std::collections::{HashMap, HashSet};

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::references::{EXTRACTOR, Format};

use crate::catalog::columns::{Columns as _, corrupt};
use crate::catalog::connection::Catalog;
use crate::catalog::error::CatalogError;
use crate::catalog::rows::{self, AnyQuery, query};

/// The name of a content read in some way at a path of a project: the same everywhere, so that nobody hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId([u8; 16]);

impl PlaceId {
    pub fn of(project: i64, path: &str, content: ContentId, format: Format) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&project.to_be_bytes()).update(content.as_bytes());
        hasher.update(format.as_str().as_bytes()).update(&[0]).update(path.as_bytes());
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        Self(id)
    }
}

/// A content at a path, with the paths that it leads to from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPlace {
    pub project: i64,
    pub path: String,
    pub content: ContentId,
    pub format: Format,
    /// Each once, and whether it only may be meant.
    pub targets: Vec<(String, bool)>,
}

impl NewPlace {
    pub fn id(&self) -> PlaceId {
        PlaceId::of(self.project, &self.path, self.content, self.format)
    }
}

fn bind_place(query: AnyQuery, place: &PlaceId) -> AnyQuery {
    query.bind(place.0.to_vec())
}

fn place_of(row: &sqlx::any::AnyRow) -> Result<PlaceId, CatalogError> {
    row.bytes(0)?.try_into().map(PlaceId).map_err(|_| corrupt("a place of a wrong length"))
}

impl Catalog {
    /// Those of the places that are kept already, by this extractor or a later one.
    pub async fn known_places(&self, places: &[PlaceId]) -> Result<HashSet<PlaceId>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let head = "SELECT id FROM reference_places WHERE extractor >= $1 AND id IN";
        let fixed = (1, |query: AnyQuery| query.bind(EXTRACTOR));
        let rows = rows::select_in(&mut connection, head, "", fixed, places, bind_place).await?;
        rows.iter().map(place_of).collect()
    }

    /// The paths at which something is or has been that leads to a path, in order.
    pub async fn referring_paths(
        &self,
        project: i64,
        target: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, CatalogError> {
        let rows = query(
            "SELECT DISTINCT source FROM reference_targets WHERE project = $1 AND target = $2 AND source > $3 \
             ORDER BY source LIMIT $4",
        )
        .bind(project)
        .bind(target.to_owned())
        .bind(after.to_owned())
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Those of the places that lead to a path, and whether they only may do so.
    pub async fn places_leading_to(
        &self,
        target: &str,
        places: &[PlaceId],
    ) -> Result<HashMap<PlaceId, bool>, CatalogError> {
        let mut connection = self.reader.acquire().await?;
        let head = "SELECT place, possible FROM reference_targets WHERE target = $1 AND place IN";
        let target = target.to_owned();
        let fixed = (1, move |query: AnyQuery| query.bind(target.clone()));
        let rows = rows::select_in(&mut connection, head, "", fixed, places, bind_place).await?;
        rows.iter().map(|row| Ok((place_of(row)?, row.int(1)? != 0))).collect()
    }
}

/// Keeps places; those of an earlier extractor are kept anew.
pub(super) async fn keep(connection: &mut sqlx::AnyConnection, places: &[NewPlace]) -> Result<(), CatalogError> {
    // In one order, so that two who keep the same don't wait for each other in a circle.
    let mut places: Vec<(PlaceId, &NewPlace)> = places.iter().map(|place| (place.id(), place)).collect();
    places.sort_by_key(|(id, _)| *id);
    places.dedup_by_key(|(id, _)| *id);
    rows::insert(
        connection,
        "INSERT INTO reference_places (id, project, path, content, format, extractor)",
        "ON CONFLICT (id) DO UPDATE SET extractor = excluded.extractor",
        6,
        &places,
        |query, (id, place)| {
            bind_place(query, id)
                .bind(place.project)
                .bind(place.path.clone())
                .bind(place.content.as_bytes().to_vec())
                .bind(place.format.as_str())
                .bind(EXTRACTOR)
        },
    )
    .await?;
    let ids: Vec<PlaceId> = places.iter().map(|(id, _)| *id).collect();
    let head = "DELETE FROM reference_targets WHERE place IN"; // an earlier extractor's
    rows::execute_in(connection, head, "", (0, |query| query), &ids, bind_place).await?;
    let targets = places.iter().flat_map(|(id, place)| place.targets.iter().map(move |target| (*id, *place, target)));
    rows::insert(
        connection,
        "INSERT INTO reference_targets (place, target, project, source, possible)",
        "ON CONFLICT (place, target) DO NOTHING",
        5,
        &targets.collect::<Vec<_>>(),
        |query, (id, place, (target, is_possible))| {
            bind_place(query, id)
                .bind(target.clone())
                .bind(place.project)
                .bind(place.path.clone())
                .bind(i64::from(*is_possible))
        },
    )
    .await?;
    Ok(())
}
