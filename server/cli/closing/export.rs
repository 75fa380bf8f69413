//! `shelfmark export`: the evidence pack of a release, and `shelfmark audit verify --pack`, which checks one without a
//! server.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use reqwest::{Method, Response};
use serde_json::json;
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_engine::operations::closing::{PackCheck, verify_pack};

use crate::cli::output::{self, count, print, print_json};
use crate::cli::people::session::Session;
use crate::cli::problem::RequestFailed;

/// Fetches all that there is about a release as one archive that can be checked without the server
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark export R-12 --output R-12.zip && shelfmark audit verify --pack R-12.zip")]
pub struct ExportArgs {
    /// Such as R-12
    release: ReleaseNumber,
    /// Write to this file; PROJECT-R-12-evidence.zip when left out
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Fetches a pack. The file appears only when it is complete and has been checked.
///
/// # Errors
/// What the server refused; a connection that broke; a file that cannot be written; a pack that does not hold.
pub async fn export(session: &Session, args: ExportArgs) -> anyhow::Result<()> {
    let project = session.project()?;
    let file = args.output.unwrap_or_else(|| PathBuf::from(format!("{project}-{}-evidence.zip", args.release)));
    let address = session.at(&format!("/releases/{}/evidence-pack", args.release))?;
    let answer = session.api.send(session.api.request(Method::GET, &address)).await?;
    let name = file.file_name().context("--output names no file")?.to_string_lossy();
    let draft = file.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let cannot = || format!("{} cannot be written", file.display());
    let mut target = File::create_new(&draft).with_context(cannot)?;
    let done = match copy(session, answer, &mut target).await {
        Ok(bytes) => read(&draft).map(|check| (bytes, check)),
        Err(error) => Err(error),
    };
    let done = done.and_then(|done| std::fs::rename(&draft, &file).with_context(cannot).map(|()| done));
    if done.is_err() {
        let _ = std::fs::remove_file(&draft); // the first failure is the one to report
    }
    let (bytes, check) = done?;
    let shown = json!({ "release": check.release, "file": file, "bytes": bytes, "files": check.files,
        "entries": check.entries, "seal": check.seal });
    session.show(&shown, |_| {
        let (files, size) = (count(check.files, "file"), output::bytes(bytes));
        format!("The evidence of {} is in {} ({files}, {size}); seal {}.", check.release, file.display(), check.seal)
    })
}

async fn copy(session: &Session, mut answer: Response, target: &mut File) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let broken = |error| RequestFailed::from_transport(session.api.url(), error);
    while let Some(piece) = answer.chunk().await.map_err(broken)? {
        target.write_all(&piece).context("the pack cannot be written")?;
        bytes += piece.len() as u64;
    }
    target.sync_all().context("the pack cannot be written")?;
    Ok(bytes)
}

fn read(file: &Path) -> anyhow::Result<PackCheck> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    verify_pack(BufReader::new(opened)).context("the pack does not hold")
}

/// Checks a pack without a server.
///
/// # Errors
/// A file that cannot be read; the first thing that does not hold.
pub fn verify(file: &Path, is_json: bool) -> anyhow::Result<()> {
    let check = read(file)?;
    let PackCheck { project, release, exported_at, files, entries, head_sequence, head, seal } = check;
    if is_json {
        let shown = json!({ "project": project, "release": release, "exported_at": exported_at, "files": files,
            "entries": entries, "head": { "sequence": head_sequence, "hash": head }, "seal": seal, "intact": true });
        return Ok(print_json(&shown)?);
    }
    let (files, entries) = (count(files, "file"), if entries == 1 { "entry" } else { "entries" }.to_owned());
    let lines = [
        format!(
            "The evidence of {release} ({project}) is whole: {files}, {} {entries} of the audit trail.",
            check.entries
        ),
        format!("Exported at {exported_at}, when the trail ended with entry {head_sequence}, hash {head}."),
        format!("Seal {seal}: it is the same pack if you have kept the same seal."),
    ];
    Ok(print(&lines.join("\n"))?)
}
