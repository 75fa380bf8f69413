//! How an answer says where it ends when several requests are on their way. The framework asks only when it writes an
//! answer whether that is one to a HEAD, and asks the connection, which knows the request that came in last. So where a
//! HEAD may be among them, bodies go past it, and the length stands in the head in any case.

use std::pin::Pin;

use actix_http::Response;
use actix_web::Error;
use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use bytes::Bytes;
use futures::stream::{self, LocalBoxStream, StreamExt as _, TryStreamExt as _};
use memchr::memmem;
use shelfmark_engine::operations::Part;

use super::body::past;
use super::connection::Outbox;

const HEAD: &[u8] = b"HEAD ";
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

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
        let is_chunked = size == BodySize::Stream;
        match size {
            BodySize::Sized(length) => drop(head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
            _ => drop(head.headers.insert(TRANSFER_ENCODING, CHUNKED)),
        }
        if is_head { nothing() } else { past(outbox.clone(), parts_of(body, is_chunked)) }
    })
}

fn nothing() -> BoxBody {
    BoxBody::new(BodyStream::new(stream::empty::<Result<Bytes, Error>>()))
}

/// The parts of a body. Chunked, they say how long they are (RFC 9112, 7.1), as the length of all is not known.
fn parts_of(mut body: BoxBody, is_chunked: bool) -> LocalBoxStream<'static, Result<Part, Error>> {
    let bytes = stream::poll_fn(move |context| Pin::new(&mut body).poll_next(context)).map_err(Error::from);
    let bytes = bytes.map_ok(move |bytes| if is_chunked { chunk(bytes) } else { bytes });
    let last = is_chunked.then_some(Ok(LAST_CHUNK));
    bytes.chain(stream::iter(last)).map_ok(Part::Bytes).boxed_local()
}

fn chunk(bytes: Bytes) -> Bytes {
    if bytes.is_empty() {
        return bytes; // a chunk without bytes would be the last
    }
    [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat().into()
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
