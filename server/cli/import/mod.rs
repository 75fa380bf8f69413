//! `shelfmark import`: mirrors a folder into the library.
//!
//! Look at the files, hash what the cache does not know, compare with the library, ask which contents are known,
//! send the rest in batches. Each batch is one transaction of the server, so that an import that was interrupted
//! leaves whole batches, and running it again continues.

mod body;
mod cache_format;
mod comparison;
pub mod file_upload;
mod hashing;
mod library;
mod plan;
mod progress;
mod report;
mod send;
mod stat_cache;
mod tar_body;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::path::FolderPath;

use crate::cli::people::session::Session;
use comparison::Comparison;
use hashing::HashedFile;
use library::{Library, ProjectState};
use plan::Plan;
use report::Report;
use stat_cache::{CachePlace, StatCache};
use walk::{LocalFile, Tree};

/// How many bytes of files a batch has at most, unless told otherwise.
const BATCH_BYTES: u64 = 64 * 1024 * 1024;

/// Makes a folder's tree the library's: adds, changes and, with --prune, removes assets.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark import ./icons --message \"icons 1.8.3\" --prune")]
pub struct ImportArgs {
    /// The folder to mirror
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The folder of the library that it becomes; the whole library when left out
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    to: FolderPath,
    /// What changed
    #[arg(long, short)]
    message: Option<String>,
    /// The work item that the versions answer
    #[arg(long, value_name = "W-N")]
    item: Option<WorkItemNumber>,
    /// Remove assets (below --to) that the folder does not have
    #[arg(long)]
    prune: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// The most bytes of files in one batch, which is one transaction; a larger file goes by itself
    #[arg(long, value_name = "N", default_value_t = BATCH_BYTES, value_parser = clap::value_parser!(u64).range(1..))]
    batch_bytes: u64,
}

/// Looks, compares, sends, and says what was done.
///
/// # Errors
/// Names that are no paths, before anything is sent; a file that changed while it was read; what the server
/// refused. Batches that were acknowledged stay.
pub async fn run(session: &Session, args: ImportArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let dir = args.dir.canonicalize().with_context(|| format!("{} is not a folder to read", args.dir.display()))?;
    let place = CachePlace::of(session.api.url(), &session.project()?, &dir, &args.to);
    let (state, local) = tokio::join!(library::project_state(session), look(dir, args.to.clone(), place.clone()));
    let (state, ((tree, files), mut cache)) = (state?, local?);
    let tree = Arc::new(tree);
    report::warn_of_skipped(&tree);
    let known = cache.library.take().filter(|known| known.state == state);
    let hashing = async {
        let hashed = hash(Arc::clone(&tree), files, &cache).await?;
        if hashed.read_files > 0 && !args.dry_run {
            place.store(&StatCache::new(tree.looked_at_ns, &hashed.files, None)); // an interrupted run need not hash again
        }
        anyhow::Ok(hashed)
    };
    let listing = async {
        match known {
            Some(known) => anyhow::Ok((known, false)),
            None => anyhow::Ok((library::fetch(session, &args.to, &state).await?, true)),
        }
    };
    let (hashed, (library, is_fresh)) = tokio::try_join!(hashing, listing)?;
    let comparison = Comparison::of(&hashed.files, &library.contents, args.prune);
    let mut report = Report::new(&hashed.files, &library.contents, &comparison, args.dry_run);
    let sent = transfer(session, &args, &tree, &comparison, &library).await?;
    report.sent_bytes = sent.bytes;
    report.add_case_collisions(sent.answers.case_collisions, &comparison.removed);
    if !args.dry_run && (sent.has_changed || is_fresh || hashed.read_files > 0) {
        let led_to = sent.answers.steps.and_then(|steps| library::led_to(library.state.asset_revision, steps));
        let after = match led_to {
            _ if !sent.has_changed => library,
            Some(asset_revision) => {
                let state = ProjectState { asset_revision, ..library.state };
                Library { state, contents: comparison.outcome(&library.contents) }
            }
            None => after_sending(session, &args.to).await?,
        };
        place.store(&StatCache::new(tree.looked_at_ns, &hashed.files, Some(after)));
    }
    report.seconds = started.elapsed().as_secs_f64();
    report.show(session, &args.dir, args.prune)
}

/// The folder's files and what the cache knows. Both wait for the disk, so they run off the async threads.
async fn look(dir: PathBuf, to: FolderPath, place: CachePlace) -> anyhow::Result<((Tree, Vec<LocalFile>), StatCache)> {
    tokio::task::spawn_blocking(move || {
        let (tree, cache) = rayon::join(|| walk::walk(&dir, &to), || place.load());
        Ok((tree?, cache))
    })
    .await?
}

/// The folder's files with their contents.
struct Hashed {
    files: Vec<HashedFile>,
    /// How many files were read for it.
    read_files: usize,
}

async fn hash(tree: Arc<Tree>, files: Vec<LocalFile>, cache: &StatCache) -> anyhow::Result<Hashed> {
    let known = cache.contents_of(&files);
    let read_files = known.iter().filter(|content| content.is_none()).count();
    let files = tokio::task::spawn_blocking(move || hashing::hash(&tree, files, &known)).await??;
    Ok(Hashed { files, read_files })
}

/// What was sent.
#[derive(Default)]
struct Sent {
    bytes: u64,
    has_changed: bool,
    answers: send::Answers,
}

async fn transfer(
    session: &Session,
    args: &ImportArgs,
    tree: &Arc<Tree>,
    comparison: &Comparison<'_>,
    library: &Library,
) -> anyhow::Result<Sent> {
    if comparison.is_empty() {
        return Ok(Sent::default());
    }
    let known = library::known_contents(session, comparison, library).await?;
    let plan = Plan::of(comparison, &known, args.batch_bytes);
    let bytes = plan.payload_bytes();
    let mut sent = Sent { bytes, has_changed: true, ..Sent::default() };
    if !args.dry_run {
        sent.answers = send::send(session, plan, tree, args.message.as_deref(), args.item).await?;
    }
    Ok(sent)
}

/// Reads the library again: others have changed it meanwhile, and the cache must hold what is there.
async fn after_sending(session: &Session, to: &FolderPath) -> anyhow::Result<Library> {
    let state: ProjectState = library::project_state(session).await?;
    library::fetch(session, to, &state).await
}

/// A file's place on disk, for messages.
fn shown(file: &Path) -> String {
    super::output::plain(&file.to_string_lossy())
}
