//! One file as one request, streamed from disk with its declared length and content.

use std::path::PathBuf;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_LENGTH;
use serde_json::Value;

use super::super::api::Api;
use super::super::problem::RequestFailed;
use super::hashing::{HashedFile, content_of};
use super::tar_body::CheckedReader;
use super::walk::Stamp;
use super::{body, progress, shown};

/// A file that is ready to be sent.
pub struct FileUpload {
    place: PathBuf,
    file: HashedFile,
}

/// Hashes a file, so that its content can be declared.
///
/// # Errors
/// When it is no file, cannot be read, or changes meanwhile.
pub async fn prepare(place: PathBuf) -> anyhow::Result<FileUpload> {
    tokio::task::spawn_blocking(move || {
        let metadata = std::fs::metadata(&place).with_context(|| format!("{} cannot be read", shown(&place)))?;
        if !metadata.is_file() {
            bail!("{} is not a file; to upload a folder use `shelfmark import`", shown(&place));
        }
        let stamp = Stamp::of(&metadata);
        let content = content_of(&place, &stamp)?;
        let file = HashedFile { path: String::new(), stamp, content };
        Ok(FileUpload { place, file })
    })
    .await?
}

impl FileUpload {
    /// A file whose content is known already.
    pub fn of(place: PathBuf, file: HashedFile) -> Self {
        Self { place, file }
    }

    /// Sends the file as the request's body and returns the answer.
    ///
    /// # Errors
    /// `FileChanged`; a file that cannot be read; `RequestFailed`.
    pub async fn send(self, api: &Api, request: RequestBuilder, bar: Option<ProgressBar>) -> anyhow::Result<Value> {
        let Self { place, file } = self;
        let size_bytes = file.stamp.size_bytes;
        let bar = bar.unwrap_or_else(|| progress::bar("sending", size_bytes));
        let request = request.header(CONTENT_LENGTH, size_bytes).header("X-Content-Blake3", file.content.to_string());
        let answer = body::send(api, request, move |writer| {
            let source = std::fs::File::open(&place).with_context(|| format!("{} cannot be read", shown(&place)))?;
            let mut checked = CheckedReader::new(source, size_bytes, &bar);
            std::io::copy(&mut checked, writer).with_context(|| format!("{} cannot be sent", shown(&place)))?;
            checked.finish(&place, &file)
        });
        let answer = answer.await?.bytes().await.map_err(|error| RequestFailed::from_transport(api.url(), error))?;
        Ok(serde_json::from_slice(&answer).map_err(|_| RequestFailed::NotOurs { url: api.url().to_owned() })?)
    }
}
