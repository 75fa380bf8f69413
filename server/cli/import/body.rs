//! Request bodies that a blocking thread writes while they are sent, with a bounded number of pieces in between.

use std::io::{self, Write};

use bytes::Bytes;
use reqwest::{Body, RequestBuilder, Response};
use tokio::sync::mpsc;

use super::super::api::Api;

/// How large a piece is, in bytes, and how many may wait.
const PIECE_BYTES: usize = 256 * 1024;
const PIECES_MAX: usize = 8;

/// The writing end of a body.
pub struct BodyWriter {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    open: Vec<u8>,
}

impl BodyWriter {
    fn hand_over(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.open, Vec::with_capacity(PIECE_BYTES));
        let sent = self.pieces.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.len() + bytes.len() > PIECE_BYTES && !self.open.is_empty() {
            self.hand_over()?;
        }
        self.open.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.open.is_empty() { Ok(()) } else { self.hand_over() }
    }
}

/// Sends a request whose body `produce` writes. When it fails, the body is cut, so that the server keeps nothing.
///
/// # Errors
/// What `produce` failed with; otherwise `RequestFailed`.
pub async fn send<F>(api: &Api, request: RequestBuilder, produce: F) -> anyhow::Result<Response>
where
    F: FnOnce(&mut BodyWriter) -> anyhow::Result<()> + Send + 'static,
{
    let (pieces, receiver) = mpsc::channel(PIECES_MAX);
    let producer = tokio::task::spawn_blocking(move || {
        let mut writer = BodyWriter { pieces, open: Vec::with_capacity(PIECE_BYTES) };
        let done = produce(&mut writer).and_then(|()| Ok(writer.flush()?));
        if done.is_err() {
            let cut = Err(io::Error::other("the body ends here"));
            let _ = writer.pieces.blocking_send(cut); // nobody listens when the request has failed already
        }
        done
    });
    let stream = futures::stream::unfold(receiver, async |mut receiver| {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        Some((piece, receiver))
    });
    let answer = api.send(request.body(Body::wrap_stream(stream))).await;
    match producer.await? {
        Err(error) if !is_abandoned(&error) => Err(error),
        _ => Ok(answer?),
    }
}

/// Whether the body could not be written because the request was over: the answer tells why.
fn is_abandoned(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}
