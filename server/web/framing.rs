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
use shelfmark_engine::operations::Part;

use super::body::past;
use super::connection::Outbox;

const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

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
