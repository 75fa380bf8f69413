//! The evidence pack of a release.

use std::fs::File;
use std::io::{self, Read as _};

use actix_web::body::SizedStream;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::spawn_blocking;

use shelfmark_engine::operations::closing::{self, Pack};

use crate::http::docs::Binary;
use crate::http::extract::Asked;
use crate::web::Problem;

/// Read from the archive at a time, in bytes.
const PIECE_BYTES: u64 = 256 << 10;

/// Exports all that there is about a release as a ZIP archive that can be checked without the service.
///
/// `Shelfmark-Seal` is the BLAKE3 of its index: whoever keeps it elsewhere finds any later change of the pack.
#[utoipa::path(tag = "closing", responses((status = 200, body = Binary, content_type = "application/zip")))]
#[get("/projects/{project}/releases/{release}/evidence-pack")]
pub async fn export_pack(asked: Asked) -> Result<HttpResponse, Problem> {
    let caller = asked.caller().await?;
    let (project, number) = (asked.project()?, asked.release()?);
    let Pack { file, bytes, seal } = closing::export_pack(asked.engine(), &caller, &project, number).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, "application/zip")).insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let name = format!("attachment; filename=\"{project}-{number}-evidence.zip\"");
    answer.insert_header((CONTENT_DISPOSITION, name));
    answer.insert_header((HeaderName::from_static("shelfmark-seal"), seal.to_string()));
    Ok(answer.body(SizedStream::new(bytes, pieces(file))))
}

/// A file piece by piece, read on threads that may wait for the disk.
fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(file, |file| async move {
        let read = spawn_blocking(move || {
            let mut piece = Vec::new();
            (&file).take(PIECE_BYTES).read_to_end(&mut piece)?;
            Ok::<_, io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}
