//! How an answer says where it ends when several requests are on their way. The framework asks only when it writes an
//! answer whether that is one to a HEAD, and asks the connection, which knows the request that came in last. So where a
//! HEAD may be among them, bodies go past it, and the length stands in the head in any case.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_http::{ConnectionType, Response};
use actix_web::Error;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};
use bytes::Bytes;
use futures::stream;
use memchr::memmem;
use shelfmark_engine::operations::Part;

use super::connection::Outbox;

const HEAD: &[u8] = b"HEAD ";

/// Looks for HEAD requests in what a client sends. It may take other bytes for one, which does no harm.
#[derive(Debug, Default)]
pub struct Heads {
    is_found: bool,
    /// The end of what came last, too short to hold the word.
    seam: Vec<u8>,
}

impl Heads {
    /// Looks at the next bytes; says whether there may have been a HEAD up to here.
    pub fn look(&mut self, bytes: &[u8]) -> bool {
        if self.is_found {
            return true;
        }
        let most = HEAD.len() - 1;
        self.seam.extend_from_slice(&bytes[..bytes.len().min(most)]);
        self.is_found = memmem::find(&self.seam, HEAD).is_some() || memmem::find(bytes, HEAD).is_some();
        if bytes.len() > most {
            self.seam.clear();
            self.seam.extend_from_slice(&bytes[bytes.len() - most..]);
        }
        self.seam.drain(..self.seam.len().saturating_sub(most));
        self.is_found
    }
}

/// The answer as it is sent on the connection with this outbox.
pub fn frame<B: MessageBody + 'static>(answer: Response<B>, is_head: bool, outbox: &Outbox) -> Response<BoxBody> {
    let answer = answer.map_into_boxed_body();
    let size = answer.body().size();
    let has_body = !matches!(size, BodySize::None | BodySize::Sized(0));
    let is_framed = size == BodySize::Stream && !answer.head().chunked();
    if !has_body || is_framed || !(is_head || outbox.is_behind_heads()) {
        return answer;
    }
    answer.map_body(|head, body| {
        head.no_chunking(true);
        match size {
            BodySize::Sized(length) => drop(head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
            _ if is_head => {}
            _ => head.set_connection_type(ConnectionType::Close), // and that ends the body
        }
        if is_head { nothing() } else { BoxBody::new(Past { outbox: outbox.clone(), body }) }
    })
}

fn nothing() -> BoxBody {
    BoxBody::new(BodyStream::new(stream::empty::<Result<Bytes, Error>>()))
}

/// A body that goes past the framework.
struct Past {
    outbox: Outbox,
    body: BoxBody,
}

impl MessageBody for Past {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// Never gives anything: when it waits, the connection is flushed, and that sends what is in the outbox.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if !self.outbox.is_empty() {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.body).poll_next(context)) {
            Some(Ok(bytes)) => {
                self.outbox.put(Part::Bytes(bytes));
                Poll::Pending
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_however_the_bytes_come() {
        let sent = b"GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n";
        for step in 1..sent.len() {
            let mut heads = Heads::default();
            let found: Vec<bool> = sent.chunks(step).map(|bytes| heads.look(bytes)).collect();
            let expected = sent.chunks(step).scan(0, |end, bytes| {
                *end += bytes.len();
                Some(*end >= 24) // the word and its space are there
            });
            assert_eq!(found, expected.collect::<Vec<_>>(), "{step} bytes at a time");
        }
        assert!(!Heads::default().look(b"GET /a/HEAD/b HTTP/1.1\r\nHost: heads\r\n\r\n"));
    }
}
