//! Whether a content may be fetched by its name without credentials: only if a public environment serves it, or has
//! served it, at a path that the access rules left public. What has been public stays so for good, as its address is
//! cached for a year anyway; a purge ends it.

use std::sync::Arc;

use quick_cache::sync::Cache;

use shelfmark_domain::hash::{ContentId, ManifestId};
use shelfmark_domain::manifest::visibility;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::pin::Visibility;

use super::chunks::ReadError;
use crate::Engine;

/// The most keys that are looked at for one content.
const KEYS_MAX: u32 = 64;
/// Contents whose publication is remembered.
const REMEMBERED: usize = 200_000;

/// A content that has been published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub size_bytes: u64,
    /// Under which it was published.
    pub media_type: Box<str>,
}

/// Contents that are known to have been published.
#[derive(Clone, Debug)]
pub struct Publications(Arc<Cache<(i64, ContentId), Arc<Published>>>);

impl Default for Publications {
    fn default() -> Self {
        Self(Arc::new(Cache::new(REMEMBERED)))
    }
}

/// As what a content has been published in a project; `None` when it never was.
///
/// # Errors
/// When the database or store doesn't answer.
pub async fn published(
    engine: &Engine,
    project: &ProjectName,
    content: ContentId,
) -> Result<Option<Arc<Published>>, ReadError> {
    let pointers = engine.pointers.of_project(project);
    let Some(number) = pointers.first().map(|pointer| pointer.at.project_number) else { return Ok(None) };
    if let Some(known) = engine.publications.0.get(&(number, content)) {
        return Ok(Some(known));
    }
    let keys = engine.catalog.keys_of_content(number, content, KEYS_MAX).await?;
    if keys.is_empty() {
        return Ok(None);
    }
    for pointer in pointers.iter().filter(|pointer| pointer.at.environment.visibility == Visibility::Public) {
        let name = &pointer.at.environment.name;
        let most = engine.limits.published_search_max;
        for manifest in engine.catalog.manifests_served(number, name, most).await? {
            if let Some(published) = public_in(engine, manifest, &keys, content).await? {
                engine.publications.0.insert((number, content), published.clone());
                return Ok(Some(published));
            }
        }
    }
    Ok(None)
}

async fn public_in(
    engine: &Engine,
    manifest: ManifestId,
    keys: &[String],
    content: ContentId,
) -> Result<Option<Arc<Published>>, ReadError> {
    let rules = engine.manifests.access_rules(manifest).await?;
    for key in keys {
        if visibility(key, &rules) == Some(Visibility::Private) {
            continue;
        }
        if let Some(pin) = engine.manifests.pin(manifest, key).await?
            && pin.content == content
        {
            let media_type = pin.media_type.into();
            return Ok(Some(Arc::new(Published { size_bytes: pin.size_bytes, media_type })));
        }
    }
    Ok(None)
}
