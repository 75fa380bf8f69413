//! Reading contents for references, each once, and keeping what was found where they are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::references::{Format, Found, Site, find, resolve};

use super::ReferenceError;
use crate::Engine;
use crate::catalog::{ExaminedContent, Findings, NewPlace, PlaceId};
use crate::operations::contents::chunks::ReadError;

/// Contents read at the same time.
const READS_MAX: usize = 4;

/// A content at a path, in which references are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub path: String,
    pub content: ContentId,
    pub format: Format,
    pub size_bytes: u64,
}

impl Held {
    /// `None` for a content in which no references are looked for.
    pub fn new(path: &str, content: ContentId, media_type: &str, size_bytes: u64) -> Option<Self> {
        Some(Self { path: path.to_owned(), content, format: Format::of(media_type)?, size_bytes })
    }

    pub fn place(&self, project: i64) -> PlaceId {
        PlaceId::of(project, &self.path, self.content, self.format)
    }
}

/// A reference and the path that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Led {
    pub written: String,
    pub target: String,
    pub is_possible: bool,
}

/// What contents refer to.
pub(super) type FoundIn = HashMap<(ContentId, Format), Arc<Vec<Found>>>;

/// Finds what the contents lead to from where they are. What had not been examined is kept with `findings`.
///
/// # Errors
/// `Read`, `Catalog`; what was kept before stays.
pub(super) async fn examine(
    engine: &Engine,
    project: (i64, &ProjectName),
    held: &[Held],
    findings: Findings,
) -> Result<Vec<Vec<Led>>, ReferenceError> {
    let (led, new) = look(engine, project.1, held).await?;
    let with_targets: Vec<(&Held, &Vec<Led>)> = held.iter().zip(&led).filter(|(_, led)| !led.is_empty()).collect();
    let ids: Vec<PlaceId> = with_targets.iter().map(|(held, _)| held.place(project.0)).collect();
    let mut known: HashSet<PlaceId> = engine.catalog.known_places(&ids).await?;
    let mut findings = Findings { contents: new, ..findings };
    for (id, (held, led)) in ids.into_iter().zip(with_targets) {
        if known.insert(id) {
            findings.places.push(new_place(project.0, held, led));
        }
    }
    engine.catalog.keep_findings(&findings).await?;
    Ok(led)
}

/// What the contents would lead to from there; nothing is kept. Also says what had to be read for that.
///
/// # Errors
/// As `examine`.
pub(super) async fn look(
    engine: &Engine,
    project: &ProjectName,
    held: &[Held],
) -> Result<(Vec<Vec<Led>>, Vec<ExaminedContent>), ReferenceError> {
    let (found, new) = found_in(engine, held).await?;
    let site = Site { project, origin: &engine.limits.public_url };
    Ok((held.iter().map(|held| led(site, held, &found)).collect(), new))
}

fn new_place(project: i64, held: &Held, led: &[Led]) -> NewPlace {
    let mut targets: HashMap<&str, bool> = HashMap::with_capacity(led.len());
    for led in led {
        *targets.entry(&led.target).or_insert(true) &= led.is_possible; // certain as soon as one of them is
    }
    let mut targets: Vec<(String, bool)> =
        targets.into_iter().map(|(target, is_possible)| (target.to_owned(), is_possible)).collect();
    targets.sort();
    NewPlace { project, path: held.path.clone(), content: held.content, format: held.format, targets }
}

fn led(site: Site<'_>, held: &Held, found: &FoundIn) -> Vec<Led> {
    let Some(found) = found.get(&(held.content, held.format)) else { return Vec::new() };
    let lead = |found: &Found| {
        let target = resolve(site, &held.path, &found.base, &found.written)?;
        Some(Led { written: found.written.clone(), target: target.into(), is_possible: found.is_possible })
    };
    found.iter().filter_map(lead).filter(|led| led.target != held.path).collect()
}

/// What contents refer to, and which of them had to be read for that.
async fn found_in(engine: &Engine, held: &[Held]) -> Result<(FoundIn, Vec<ExaminedContent>), ReferenceError> {
    let contents: HashSet<ContentId> = held.iter().map(|held| held.content).collect();
    let known = engine.catalog.found_references(&contents.into_iter().collect::<Vec<_>>()).await?;
    let mut found: FoundIn = known.into_iter().map(|(key, found)| (key, Arc::new(found))).collect();
    let mut unread: HashMap<(ContentId, Format), u64> = HashMap::new();
    for held in held.iter().filter(|held| !found.contains_key(&(held.content, held.format))) {
        unread.insert((held.content, held.format), held.size_bytes);
    }
    let read = stream::iter(unread).map(|((content, format), size)| read_one(engine, content, format, size));
    let new: Vec<ExaminedContent> = read.buffer_unordered(READS_MAX).try_collect().await?;
    for one in &new {
        found.insert((one.content, one.format), Arc::new(one.found.clone()));
    }
    Ok((found, new))
}

async fn read_one(
    engine: &Engine,
    content: ContentId,
    format: Format,
    size_bytes: u64,
) -> Result<ExaminedContent, ReadError> {
    let (bytes_max, most) = (engine.limits.reference_bytes_max, engine.limits.references_max);
    let pieces: Vec<Bytes> = match size_bytes.min(bytes_max) {
        0 => Vec::new(),
        length => engine.contents.read(content, 0..length).try_collect().await?,
    };
    let parse = move || find(format, &pieces.concat(), most);
    let found = match tokio::task::spawn_blocking(parse).await {
        Ok(found) => found,
        Err(error) => {
            // A text that no parser should stumble over: it must not keep others from being examined.
            tracing::warn!(%content, %format, %error, "a content could not be read for references");
            Vec::new()
        }
    };
    Ok(ExaminedContent { content, format, found })
}
