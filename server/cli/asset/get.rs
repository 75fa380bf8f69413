//! `shelfmark get`: the bytes of an asset, into a file or standard output.

use std::io::{IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context;
use reqwest::{Method, Response};
use serde_json::json;
use shelfmark_domain::path::AssetPath;

use crate::cli::api::segments;
use crate::cli::output;
use crate::cli::people::session::Session;
use crate::cli::problem::{RequestFailed, WrongUse};

/// Fetches an asset: its latest version or an earlier one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  shelfmark get img/logo.svg --version 3 -o logo-3.svg")]
pub struct GetArgs {
    /// Where the asset is found
    path: AssetPath,
    /// The version's number; the latest when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    version: Option<i64>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Fetches and writes. A file appears only when it is complete.
///
/// # Errors
/// What the server refused; a connection that broke; a file that cannot be written.
pub async fn run(session: &Session, args: GetArgs) -> anyhow::Result<()> {
    let target = args.output.filter(|file| file.as_os_str() != "-");
    if target.is_none() && (session.is_json || stdout().is_terminal()) {
        let detail = "the bytes need a place to go; give -o FILE or redirect standard output (without --json)";
        return Err(WrongUse(detail.to_owned()).into());
    }
    let version = args.version.map(|number| format!("?version={number}")).unwrap_or_default();
    let address = session.at(&format!("/files/{}{version}", segments(args.path.as_str())))?;
    let answer = session.api.send(session.api.request(Method::GET, &address)).await?;
    let Some(file) = target else {
        return copy(session, answer, &mut stdout().lock()).await.map(|_| ());
    };
    let bytes = write_file(session, answer, &file).await?;
    let shown = json!({ "path": args.path, "file": file, "bytes": bytes });
    session.show(&shown, |_| format!("{} is in {} ({}).", args.path, file.display(), output::bytes(bytes)))
}

/// Writes what comes to a file, which appears only when it is complete; returns how many bytes came.
///
/// # Errors
/// A connection that broke; a file that cannot be written.
pub async fn write_file(session: &Session, answer: Response, file: &Path) -> anyhow::Result<u64> {
    let name = file.file_name().context("-o names no file")?.to_string_lossy();
    let draft = file.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let cannot = || format!("{} cannot be written", file.display());
    let mut target = std::fs::File::create_new(&draft).with_context(cannot)?;
    let done = copy(session, answer, &mut target).await;
    let done = done.and_then(|bytes| std::fs::rename(&draft, file).with_context(cannot).map(|()| bytes));
    if done.is_err() {
        let _ = std::fs::remove_file(&draft); // the first failure is the one to report
    }
    done
}

/// Writes what comes; returns how many bytes came.
///
/// # Errors
/// A connection that broke; what cannot be written.
pub async fn copy(session: &Session, mut answer: Response, target: &mut impl Write) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let broken = |error| RequestFailed::from_transport(session.api.url(), error);
    while let Some(piece) = answer.chunk().await.map_err(broken)? {
        target.write_all(&piece).context("the bytes cannot be written")?;
        bytes += piece.len() as u64;
    }
    target.flush().context("the bytes cannot be written")?;
    Ok(bytes)
}
