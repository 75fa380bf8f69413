//! Bodies of contents.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody, SizedStream};
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};
use actix_web::{Error, HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::Stream as _;
use futures::stream::{self, LocalBoxStream, StreamExt as _, TryStreamExt as _};
use shelfmark_engine::operations::{Part, PartStream};
use tokio::task::JoinHandle;

use super::connection::Outbox;
use super::problem::Problem;

/// The most bytes of a file that are sent at a time. Before that it is made sure that they are in memory.
const STRETCH_BYTES_MAX: u64 = 1 << 20;

/// A body that is put into the connection's outbox part by part and goes past the framework, which is told nothing of
/// its length: the head has it.
struct Past {
    outbox: Outbox,
    /// What has come and is not in the outbox yet.
    next: Option<Part>,
    warming: Option<JoinHandle<()>>,
    rest: LocalBoxStream<'static, Result<Part, Error>>,
}

/// The answer with the parts as its body, `length` bytes in all.
pub fn with_parts(request: &HttpRequest, mut answer: HttpResponse, length: u64, parts: PartStream) -> HttpResponse {
    let outbox = request.conn_data::<Outbox>().expect("every connection has an outbox");
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer.head_mut().no_chunking(true);
    let parts = parts.map_err(|error| Problem::from(error).into());
    answer.set_body(past(outbox.clone(), parts.boxed_local()))
}

/// A body of parts that goes past the framework.
pub fn past(outbox: Outbox, rest: LocalBoxStream<'static, Result<Part, Error>>) -> BoxBody {
    BoxBody::new(Past { outbox, next: None, warming: None, rest })
}

/// What the answer to a HEAD has instead of a body of `length` bytes.
pub fn nothing_of(length: u64) -> BoxBody {
    BoxBody::new(SizedStream::new(length, stream::empty::<Result<Bytes, Error>>()))
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
        if let Some(warming) = &mut self.warming {
            let _ = ready!(Pin::new(warming).poll(context)); // what kept it from reading keeps the system from sending
            self.warming = None;
            return self.put_next();
        }
        if self.next.is_none() {
            match ready!(Pin::new(&mut self.rest).poll_next(context)) {
                Some(Ok(part)) => self.next = Some(part),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        if let Some(Part::Stretch(stretch)) = &self.next {
            let window = stretch.clone().split_to(STRETCH_BYTES_MAX);
            if !window.is_warm() {
                self.warming = Some(tokio::task::spawn_blocking(move || window.warm()));
                return self.as_mut().poll_next(context);
            }
        }
        self.put_next()
    }
}

impl Past {
    fn put_next(&mut self) -> Poll<Option<Result<Bytes, Error>>> {
        match self.next.take() {
            Some(Part::Stretch(mut stretch)) => {
                self.outbox.put(Part::Stretch(stretch.split_to(STRETCH_BYTES_MAX)));
                self.next = (stretch.length > 0).then_some(Part::Stretch(stretch));
            }
            Some(bytes) => self.outbox.put(bytes),
            None => {}
        }
        Poll::Pending
    }
}
