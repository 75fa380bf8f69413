//! Bodies of a known length, handed to the connection in pieces of a size that its buffer keeps: a larger piece would
//! make it allocate, and give back, that much memory for every answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use futures::Stream as _;
use futures::stream::{self, StreamExt as _};

use shelfmark_engine::operations::{ContentStream, ReadError};

use super::problem::Problem;

/// The largest piece, in bytes.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// A body in pieces.
pub struct Pieces {
    length: u64,
    /// What has come and is not handed on yet.
    next: Bytes,
    rest: ContentStream,
}

impl Pieces {
    /// A body of `length` bytes that come as a stream.
    pub fn new(length: u64, rest: ContentStream) -> Self {
        Self { length, next: Bytes::new(), rest }
    }

    /// What the answer to a HEAD has instead of a body of `length` bytes.
    pub fn nothing_of(length: u64) -> Self {
        Self::new(length, stream::empty().boxed())
    }
}

/// A body that is in memory. One that fits into a piece needs nothing around it.
pub fn small_body(bytes: Bytes) -> BoxBody {
    if bytes.len() <= PIECE_BYTES_MAX {
        return BoxBody::new(bytes);
    }
    BoxBody::new(Pieces { length: bytes.len() as u64, next: bytes, rest: stream::empty().boxed() })
}

impl MessageBody for Pieces {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        while self.next.is_empty() {
            match std::task::ready!(Pin::new(&mut self.rest).poll_next(context)) {
                Some(Ok(bytes)) => self.next = bytes,
                Some(Err(error)) => return Poll::Ready(Some(Err(broken(error)))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.next.len().min(PIECE_BYTES_MAX);
        Poll::Ready(Some(Ok(self.next.split_to(piece))))
    }
}

fn broken(error: ReadError) -> Error {
    Problem::from(error).into()
}
