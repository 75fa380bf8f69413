//! Checking the store: every chunk, or a sample of the packs, is read again and compared with its name. Damage is
//! named by what it means to people: the versions, releases and environments that it touches.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use shelfmark_domain::access::{Denied, Permission, Scope};
use shelfmark_domain::chunk_list::decode_segment;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::{ChunkId, ContentId, PackId};
use shelfmark_domain::location::ChunkLocation;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};

use crate::Engine;
use crate::catalog::{CatalogError, ContentUse, PackState};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::Caller;
use crate::store::{Piece, StoreError};

/// Rows read at a time.
const PAGE: u32 = 500;
/// Most uses of one content that are listed.
const USES_MAX: u32 = 1_000;

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckProgress {
    pub packs: u64,
    pub checked_packs: u64,
    pub checked_chunks: u64,
    pub checked_bytes: u64,
}

/// A content that can't be read back as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedContent {
    pub content: ContentId,
    /// What is wrong with its bytes.
    pub reason: String,
    pub uses: Vec<ContentUse>,
    /// The environments that serve it now.
    pub environments: Vec<(ProjectName, EnvironmentName)>,
}

/// A build whose manifest can't be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedBuild {
    pub project: i64,
    pub build: BuildName,
    pub reason: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub progress: CheckProgress,
    pub contents: Vec<DamagedContent>,
    pub builds: Vec<DamagedBuild>,
    /// Damaged chunks that nothing refers to.
    pub unused_chunks: u64,
}

/// Why the store could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the sample is {0} percent; give more than 0 and at most 100")]
    Sample(f64),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for CheckError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Sample(_) => FailureKind::Invalid,
            Self::Denied(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// Reads the store back, all of it or a share of its packs, and tells `progress` after each pack.
///
/// # Errors
/// `Sample`, `Denied`, and what kept the check from going on; damage is no error.
pub async fn check_store(
    engine: &Engine,
    caller: &Caller,
    sample_percent: f64,
    mut progress: impl FnMut(CheckProgress),
) -> Result<Checked, CheckError> {
    caller.principal.require(Permission::Administer, Scope::Service)?;
    if !(sample_percent > 0.0 && sample_percent <= 100.0) {
        return Err(CheckError::Sample(sample_percent));
    }
    let packs = sampled(engine, sample_percent, caller).await?;
    let mut checked = Checked::default();
    checked.progress.packs = packs.len() as u64;
    let mut damaged: HashMap<ChunkId, String> = HashMap::new();
    for (number, pack) in packs {
        check_pack(engine, number, pack, &mut checked.progress, &mut damaged).await?;
        checked.progress.checked_packs += 1;
        progress(checked.progress);
    }
    if sample_percent >= 100.0 {
        find_missing(engine, &mut damaged).await?;
    }
    if !damaged.is_empty() {
        follow_references(engine, &mut damaged).await?;
        name_damage(engine, &damaged, &mut checked).await?;
    }
    Ok(checked)
}

/// The packs to check. A sample is another one at each call: which packs belong to it depends on the time.
async fn sampled(engine: &Engine, percent: f64, caller: &Caller) -> Result<Vec<(i64, PackId)>, CatalogError> {
    let mut packs = Vec::new();
    let mut after = 0;
    loop {
        let page = engine.catalog.packs(after, PAGE).await?;
        let Some((last, ..)) = page.last() else { return Ok(packs) };
        after = *last;
        for (number, pack, _, state) in page {
            let mut name = pack.as_bytes().to_vec();
            name.extend_from_slice(&caller.now.as_micros().to_le_bytes());
            let [a, b, c, d, ..] = *ContentId::of(&name).as_bytes();
            let share = f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX) * 100.0;
            if state == PackState::Live && share <= percent {
                packs.push((number, pack));
            }
        }
    }
}

async fn check_pack(
    engine: &Engine,
    number: i64,
    pack: PackId,
    progress: &mut CheckProgress,
    damaged: &mut HashMap<ChunkId, String>,
) -> Result<(), CheckError> {
    if let Err(error) = engine.store.pack_index(&pack).await {
        match error.kind() {
            // Its chunks may be whole all the same; each is looked at below.
            FailureKind::Corrupt => tracing::warn!(%pack, %error, "a pack's index is damaged"),
            _ => return Err(ReadError::from(error).into()),
        }
    }
    let ids = engine.catalog.chunks_in_pack(number).await?;
    let locations = engine.catalog.locate(&ids).await?;
    for id in ids {
        // A chunk that is gone from the catalog meanwhile was garbage.
        let Some(location) = locations.get(&id) else { continue };
        progress.checked_chunks += 1;
        progress.checked_bytes += u64::from(location.stored_length);
        if let Err(error) = reread_moved(engine, location).await {
            if error.kind() != FailureKind::Corrupt {
                return Err(error.into());
            }
            damaged.insert(id, error.to_string());
        }
    }
    Ok(())
}

/// Reads a chunk where it is, and there again when it was moved in between; `None` when it is in no pack any more: then
/// it was garbage.
pub(crate) async fn reread_moved(engine: &Engine, location: &ChunkLocation) -> Result<Option<Bytes>, ReadError> {
    let mut location = location.clone();
    loop {
        let missing = match reread(engine, &location).await {
            Err(ReadError::Store(StoreError::Missing { pack })) if pack == location.pack => pack,
            other => return other.map(Some),
        };
        location = match engine.catalog.locate(&[location.chunk]).await?.remove(&location.chunk) {
            Some(now) if now.pack != missing => now,
            Some(_) => return Err(StoreError::Missing { pack: missing }.into()),
            None => return Ok(None),
        };
    }
}

/// Reads a chunk from the store, past everything that remembers that it was right once.
async fn reread(engine: &Engine, location: &ChunkLocation) -> Result<Bytes, ReadError> {
    let piece = Piece::whole(location.clone());
    let stored = piece.location.offset..piece.location.offset + u64::from(piece.location.stored_length);
    let bytes = engine.store.read_stored(&piece.location.pack, stored).await?;
    let reference = match location.reference {
        Some(reference) => Some(engine.chunks.reference(reference).await?),
        None => None,
    };
    let location = location.clone();
    let decode = move || crate::store::decode(&location, bytes, reference.as_ref());
    let decoded = tokio::task::spawn_blocking(decode).await;
    Ok(decoded.map_err(|error| StoreError::Internal(Box::new(error)))??)
}

/// Chunks that lists or versions name but no pack has.
async fn find_missing(engine: &Engine, damaged: &mut HashMap<ChunkId, String>) -> Result<(), CheckError> {
    const GONE: &str = "it is in no pack";
    for content in engine.catalog.contents_without_chunks(USES_MAX).await? {
        damaged.insert(content.as_chunk(), GONE.to_owned());
    }
    each_list(engine, async |_, chunks| {
        let known = engine.catalog.known_chunks(&chunks).await?;
        let missing = chunks.into_iter().filter(|chunk| !known.contains_key(chunk));
        damaged.extend(missing.map(|chunk| (chunk, GONE.to_owned())));
        Ok(())
    })
    .await
}

/// Walks along the chunk lists of all contents that have more than one chunk.
async fn each_list(
    engine: &Engine,
    mut look: impl AsyncFnMut(ContentId, Vec<ChunkId>) -> Result<(), CheckError>,
) -> Result<(), CheckError> {
    let mut after = None;
    loop {
        let page = engine.catalog.contents_after(after, PAGE).await?;
        let Some((last, ..)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (content, _, segments) in page {
            for position in 0..segments {
                let segment = engine.catalog.segment(content, position).await?;
                let (_, list) = segment.ok_or(ReadError::WrongSize(content))?;
                let chunks = decode_segment(&list).map_err(ReadError::from)?;
                look(content, chunks.into_iter().map(|chunk| chunk.chunk).collect()).await?;
            }
        }
    }
}

/// What is stored as the difference to a damaged chunk is damaged as well.
async fn follow_references(engine: &Engine, damaged: &mut HashMap<ChunkId, String>) -> Result<(), CatalogError> {
    let mut to_follow: Vec<ChunkId> = damaged.keys().copied().collect();
    while let Some(chunk) = to_follow.pop() {
        for dependent in engine.catalog.chunks_referring_to(chunk).await? {
            damaged.entry(dependent).or_insert_with(|| {
                to_follow.push(dependent);
                format!("chunk {chunk}, which its decoding needs, is damaged")
            });
        }
    }
    Ok(())
}

/// Finds out which contents and builds damaged chunks belong to, and who uses these.
async fn name_damage(
    engine: &Engine,
    damaged: &HashMap<ChunkId, String>,
    checked: &mut Checked,
) -> Result<(), CheckError> {
    let mut used: HashSet<ChunkId> = HashSet::new();
    let mut contents: HashMap<ContentId, String> = HashMap::new();
    for (chunk, reason) in damaged {
        if !engine.catalog.uses_of_content(chunk.as_content(), 1).await?.is_empty() {
            used.insert(*chunk);
            contents.insert(chunk.as_content(), reason.clone());
        }
    }
    each_list(engine, async |content, chunks| {
        for chunk in chunks.into_iter().filter(|chunk| damaged.contains_key(chunk)) {
            used.insert(chunk);
            contents.entry(content).or_insert_with(|| damaged[&chunk].clone());
        }
        Ok(())
    })
    .await?;
    checked.builds = damaged_builds(engine, damaged, &mut used).await?;
    checked.unused_chunks = damaged.keys().filter(|chunk| !used.contains(*chunk)).count() as u64;
    let mut contents: Vec<(ContentId, String)> = contents.into_iter().collect();
    contents.sort();
    for (content, reason) in contents {
        let uses = engine.catalog.uses_of_content(content, USES_MAX).await?;
        let environments = serving(engine, content, &uses).await?;
        checked.contents.push(DamagedContent { content, reason, uses, environments });
    }
    Ok(())
}

async fn damaged_builds(
    engine: &Engine,
    damaged: &HashMap<ChunkId, String>,
    used: &mut HashSet<ChunkId>,
) -> Result<Vec<DamagedBuild>, CheckError> {
    let mut builds = Vec::new();
    for (project, build, manifest) in engine.catalog.all_manifests().await? {
        let root = manifest.as_chunk();
        let found = if damaged.contains_key(&root) {
            Some(root)
        } else {
            let root = engine.manifests.root(manifest).await?;
            root.leaves.iter().map(|leaf| leaf.id).find(|leaf| damaged.contains_key(leaf))
        };
        if let Some(chunk) = found {
            used.insert(chunk);
            builds.push(DamagedBuild { project, build, reason: damaged[&chunk].clone() });
        }
    }
    Ok(builds)
}

/// The environments that serve a content now.
async fn serving(
    engine: &Engine,
    content: ContentId,
    uses: &[ContentUse],
) -> Result<Vec<(ProjectName, EnvironmentName)>, CheckError> {
    let mut environments = BTreeSet::new();
    let projects: BTreeSet<(&ProjectName, i64)> = uses.iter().map(|u| (&u.project, u.project_number)).collect();
    for (project, number) in projects {
        let keys = engine.catalog.keys_of_content(number, content, USES_MAX).await?;
        for pointer in engine.pointers.of_project(project) {
            let Some(served) = pointer.at.environment.serves else { continue };
            for key in &keys {
                // A damaged manifest is reported as a build; here it only can't tell.
                let pin = engine.manifests.pin(served.manifest, key).await.ok().flatten();
                if pin.is_some_and(|pin| pin.content == content) {
                    environments.insert((project.clone(), pointer.at.environment.name.clone()));
                }
            }
        }
    }
    Ok(environments.into_iter().collect())
}
