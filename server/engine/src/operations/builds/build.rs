//! Building a release: its changes applied to a base make an immutable manifest. The work is proportional to the
//! changes, not to what is served.

use std::sync::Arc;

use shelfmark_domain::access::Permission;
use shelfmark_domain::environment::Served;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::hash::{ChunkId, ManifestId};
use shelfmark_domain::manifest::{Edits, Leaf, Rebuild, RebuiltRoot, Root, Step};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::release::ReleaseState;

use crate::Engine;
use crate::catalog::{AuditDraft, BuildRow, CatalogError, EnvironmentPointer, ProjectRow};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::planning::conflicts_with_served;
use crate::operations::upload::cutting::{NewChunk, Storing};
use crate::operations::upload::packing::{PackError, Packed};

/// Changes read at a time.
const PAGE: u32 = 5_000;
/// New leaves that are stored at a time, so that a first build of millions of paths doesn't hold all of them.
const LEAVES_AT_ONCE: usize = 512;
/// How often a build starts anew when the release changed meanwhile.
const TRIES: u32 = 5;

/// On what a release is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// What the final environment serves.
    #[default]
    FinalEnvironment,
    Environment(EnvironmentName),
    Build(BuildName),
    Empty,
}

/// Why there is no new build. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("there is no release {0} in this project; list them with GET releases")]
    NoRelease(ReleaseNumber),
    #[error("release {number} is {state}; only a draft can be built", state = .state.as_str())]
    NotDraft { number: ReleaseNumber, state: ReleaseState },
    #[error("release {0} changes nothing yet; add assets, parameters or access rules to it first")]
    Empty(ReleaseNumber),
    #[error("there is no build {0} in this project; list a release's builds with GET builds")]
    NoBuild(BuildName),
    #[error("there is no environment {0} in this project")]
    NoEnvironment(EnvironmentName),
    #[error(
        "{conflicts} of release {number} would undo what {environment} serves by now; look at them with GET \
         releases/{number}/rebase?environment={environment}, say for each which one holds, and build again"
    )]
    Conflicts { number: ReleaseNumber, environment: EnvironmentName, conflicts: String },
    #[error("the release keeps changing; build it again when it has settled")]
    Restless,
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for BuildError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRelease(_) | Self::NoBuild(_) | Self::NoEnvironment(_) => FailureKind::NotFound,
            Self::NotDraft { .. } | Self::Empty(_) | Self::Conflicts { .. } => FailureKind::Conflict,
            Self::Restless => FailureKind::Busy,
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Pack(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// What the project's final environment serves.
pub(crate) async fn final_served(engine: &Engine, project: &ProjectRow) -> Result<Option<Served>, CatalogError> {
    let environments = engine.catalog.environments(project.number).await?;
    Ok(environments.last().and_then(|last| last.environment.serves))
}

/// Builds a release.
///
/// # Errors
/// See `BuildError`; nothing has been changed.
pub async fn build(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    base: Base,
) -> Result<BuildRow, BuildError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if let Some(made) = caller.earlier_outcome::<BuildName>(&engine.catalog).await? {
        return engine.catalog.build(project.number, made).await?.ok_or(BuildError::NoBuild(made));
    }
    for _ in 0..TRIES {
        let release = engine.catalog.release(project.number, number).await?;
        let release = release.ok_or(BuildError::NoRelease(number))?;
        if !release.state.takes_changes() {
            return Err(BuildError::NotDraft { number, state: release.state });
        }
        let (on, tracked) = base_of(engine, &project, &base).await?;
        check_conflicts(engine, &project, number, tracked.as_ref()).await?;
        let edits = edits(engine, &project, number).await?;
        let (rebuilt, packed) = rebuild(engine, on.map(|served| served.manifest), edits).await?;
        let made = Made { rebuilt, packed, base: on.map(|served| served.build), tracked };
        if let Some(build) = record(engine, caller, &project, release.revision, number, made).await? {
            return Ok(build);
        }
    }
    Err(BuildError::Restless)
}

/// Nothing is silently undone: a line that would do so must have been looked at by a person.
async fn check_conflicts(
    engine: &Engine,
    project: &ProjectRow,
    number: ReleaseNumber,
    tracked: Option<&EnvironmentPointer>,
) -> Result<(), BuildError> {
    let Some(tracked) = tracked else { return Ok(()) };
    let conflicts = conflicts_with_served(engine, project, number, tracked).await?;
    let conflicts = match conflicts.iter().filter(|conflict| !conflict.is_resolved()).count() {
        0 => return Ok(()),
        1 => "1 line".to_owned(),
        many => format!("{many} lines"),
    };
    Err(BuildError::Conflicts { number, environment: tracked.environment.name.clone(), conflicts })
}

/// What a release is built on, and the environment that serves it if it was named so.
async fn base_of(
    engine: &Engine,
    project: &ProjectRow,
    base: &Base,
) -> Result<(Option<Served>, Option<EnvironmentPointer>), BuildError> {
    let at = match base {
        Base::Empty => return Ok((None, None)),
        Base::Build(name) => {
            let build = engine.catalog.build(project.number, *name).await?.ok_or(BuildError::NoBuild(*name))?;
            return Ok((Some(Served { build: build.name, manifest: build.manifest }), None));
        }
        Base::FinalEnvironment => engine.catalog.environments(project.number).await?.pop(),
        Base::Environment(name) => {
            let at = engine.catalog.environment(project.number, name).await?;
            Some(at.ok_or_else(|| BuildError::NoEnvironment(name.clone()))?)
        }
    };
    Ok(at.map_or((None, None), |at| (at.environment.serves, Some(at))))
}

/// The release's changes as edits of a manifest.
async fn edits(engine: &Engine, project: &ProjectRow, number: ReleaseNumber) -> Result<Edits, BuildError> {
    let mut edits = Edits::new();
    let mut after = String::new();
    loop {
        let page = engine.catalog.changes_to_build(project.number, number, &after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        after = page.last().map_or(after, |(change, _)| change.key.clone());
        for (change, pin) in page {
            let (key, entry) = change.into_entry(pin)?;
            edits.insert(key, entry);
        }
        if is_last {
            break;
        }
    }
    if edits.is_empty() { Err(BuildError::Empty(number)) } else { Ok(edits) }
}

/// A manifest that is stored but not yet referred to.
struct Made {
    rebuilt: RebuiltRoot,
    packed: Packed,
    base: Option<BuildName>,
    tracked: Option<EnvironmentPointer>,
}

/// What a stretch of rebuilding came to.
struct Stretch {
    rebuild: Rebuild,
    leaves: Vec<NewChunk>,
    next: Next,
}

enum Next {
    Need(ChunkId),
    More,
    Done(Box<RebuiltRoot>),
}

/// Applies edits to a base and stores the new nodes, each as its difference to the node whose place it takes.
async fn rebuild(engine: &Engine, base: Option<ManifestId>, edits: Edits) -> Result<(RebuiltRoot, Packed), BuildError> {
    let root = match base {
        Some(manifest) => engine.manifests.root(manifest).await?,
        None => Arc::new(Root::empty()),
    };
    let mut rebuild = Rebuild::new(root, edits);
    let affected = rebuild.affected();
    for ids in affected.chunks(LEAVES_AT_ONCE) {
        engine.packer.chunks.references(ids).await?; // their successors are stored as differences to them
        let leaves: Vec<Arc<Leaf>> = engine.manifests.leaves(ids.to_vec()).await?;
        ids.iter().zip(leaves).for_each(|(id, leaf)| rebuild.supply(*id, &leaf));
    }
    let mut packing = engine.packer.begin(None);
    loop {
        let walk = move || stretch(rebuild);
        let walked = tokio::task::spawn_blocking(walk).await.map_err(|_| PackError::Interrupted)?;
        rebuild = walked.rebuild;
        remember(engine, &walked.leaves);
        packing.add(walked.leaves).await?;
        match walked.next {
            Next::More => {}
            Next::Need(id) => {
                let leaf = engine.manifests.leaf(id).await?;
                rebuild.supply(id, &leaf);
            }
            Next::Done(rebuilt) => {
                let root = vec![root_chunk(&rebuilt, base)];
                remember(engine, &root);
                packing.add(root).await?;
                return Ok((*rebuilt, packing.finish().await?));
            }
        }
    }
}

/// Rebuilds until a leaf is needed, enough new ones have come, or all is done.
fn stretch(mut rebuild: Rebuild) -> Stretch {
    let mut leaves = Vec::new();
    let next = loop {
        match rebuild.step() {
            Step::Need(id) => break Next::Need(id),
            Step::Done(rebuilt) => break Next::Done(Box::new(rebuilt)),
            Step::Leaf { id, bytes, replaces } => {
                let storing = replaces.map_or(Storing::Compressed, Storing::Against);
                leaves.push(NewChunk { id, bytes: bytes.into(), storing });
                if leaves.len() == LEAVES_AT_ONCE {
                    break Next::More;
                }
            }
        }
    };
    Stretch { rebuild, leaves, next }
}

/// The next build most often is on this one, and stores its nodes as differences to these.
fn remember(engine: &Engine, nodes: &[NewChunk]) {
    nodes.iter().for_each(|node| engine.packer.chunks.keep_reference(node.id, node.bytes.clone()));
}

fn root_chunk(rebuilt: &RebuiltRoot, base: Option<ManifestId>) -> NewChunk {
    let storing = base.map_or(Storing::Compressed, |base| Storing::Against(base.as_chunk()));
    NewChunk { id: rebuilt.id.as_chunk(), bytes: rebuilt.bytes.clone().into(), storing }
}

/// Makes the build a row; `None` when the release has changed since its changes were read.
async fn record(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    revision: i64,
    number: ReleaseNumber,
    made: Made,
) -> Result<Option<BuildRow>, BuildError> {
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(BuildError::NoRelease(number))?;
    if release.revision != revision {
        return Ok(None);
    }
    made.packed.enter(&mut write).await?;
    let Made { rebuilt, base, tracked, .. } = made;
    let seen = tracked.as_ref().map_or(0, |tracked| tracked.changed);
    let build = BuildRow {
        name: BuildName { release: number, number: release.last_build + 1 },
        manifest: rebuilt.id,
        base,
        tracks: tracked.map(|tracked| tracked.environment.name),
        builder: caller.principal.id.clone(),
        pins: rebuilt.root.pins(),
        size_bytes: rebuilt.root.size_bytes(),
        created_by: caller.principal.name.clone(),
        created_at: caller.now,
    };
    let draft = AuditDraft {
        action: "release.built",
        project: project.name.to_string(),
        subject: build.name.to_string(),
        message: String::new(),
        details: serde_json::json!({ "manifest": build.manifest, "base": build.base, "pins": build.pins }),
    };
    write.record(&caller.principal, caller.now, draft);
    write.insert_build(project.number, &build, seen).await?;
    let release = crate::catalog::ReleaseRow { last_build: build.name.number, ..release };
    write.update_release(project.number, &release).await?;
    caller.note_outcome(&mut write, &build.name).await?;
    write.commit().await?;
    engine.manifests.keep_root(build.manifest, Arc::new(rebuilt.root));
    Ok(Some(build))
}
