//! What builds pin, ready to be sent. A build never changes, so what has been found once stays right for ever, and a
//! promotion makes nothing here wrong: other paths of the cache are asked for, and the old ones fade.

use std::hash::Hash;
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use shelfmark_domain::environment::Served;
use shelfmark_domain::hash::ManifestId;
use shelfmark_domain::manifest::visibility;
use shelfmark_domain::name::BuildName;
use shelfmark_domain::pin::Visibility;
use shelfmark_engine::operations::{Manifests, ReadError};

use crate::web::content::Representation;

/// A pin with the parts of its answer that are the same for every request.
#[derive(Debug)]
pub struct Found {
    pub representation: Representation,
    /// Whether no access rule of the build makes the path private.
    pub is_public: bool,
    /// The build, as `Shelfmark-Release` names it.
    pub release: HeaderValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    manifest: ManifestId,
    build: BuildName,
    path: Box<str>,
}

/// A place that is asked for. Hashes as `Place` does.
#[derive(Hash)]
struct PlaceRef<'a> {
    manifest: ManifestId,
    build: BuildName,
    path: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.manifest == place.manifest && self.build == place.build && *self.path == *place.path
    }
}

#[derive(Clone, Debug)]
struct FoundBytes;

impl Weighter<Place, Arc<Found>> for FoundBytes {
    fn weight(&self, place: &Place, _: &Arc<Found>) -> u64 {
        place.path.len() as u64 + 640
    }
}

/// The way to pins.
pub struct Pins {
    manifests: Manifests,
    found: Cache<Place, Arc<Found>, FoundBytes>,
}

impl Pins {
    /// Keeps about this many bytes of answers.
    pub fn new(manifests: Manifests, cache_bytes: u64) -> Self {
        Self { manifests, found: Cache::with_weighter((cache_bytes / 700) as usize, cache_bytes, FoundBytes) }
    }

    /// What a build pins at a path.
    ///
    /// # Errors
    /// When the manifest can't be read.
    pub async fn get(&self, served: Served, path: &str) -> Result<Option<Arc<Found>>, ReadError> {
        let Served { build, manifest } = served;
        if let Some(found) = self.found.get(&PlaceRef { manifest, build, path }) {
            return Ok(Some(found));
        }
        let Some(pin) = self.manifests.pin(manifest, path).await? else { return Ok(None) };
        let found = Arc::new(Found {
            representation: Representation::new(pin.content, pin.size_bytes, &pin.media_type),
            is_public: self.is_public(manifest, path).await?,
            release: release(build),
        });
        self.found.insert(Place { manifest, build, path: path.into() }, found.clone());
        Ok(Some(found))
    }

    /// Whether no access rule makes the path private, whether or not anything is there.
    ///
    /// # Errors
    /// When the manifest can't be read.
    pub async fn is_public(&self, manifest: ManifestId, path: &str) -> Result<bool, ReadError> {
        let rules = self.manifests.access_rules(manifest).await?;
        Ok(visibility(path, &rules) != Some(Visibility::Private))
    }
}

/// A build as `Shelfmark-Release` names it.
pub fn release(build: BuildName) -> HeaderValue {
    HeaderValue::from_str(&build.to_string()).expect("a build's name is letters, digits, - and .")
}
