//! A connection that takes bodies from where they are. What the framework sends is copied into its buffer first, which
//! for pictures and films costs more than everything else. So a large body goes past it: it is put into the
//! connection's outbox part by part, and is sent after the head, from memory as it is or by the system straight from
//! a file.

use std::cell::{Cell, RefCell};
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Buf as _;
use rustix::net::SendFlags;
use shelfmark_engine::operations::Part;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::heads::Heads;

/// The part of a body that is sent next, if any. Clones are the same outbox; there is one for each connection.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Rc<Slot>);

#[derive(Debug, Default)]
struct Slot {
    part: RefCell<Option<Part>>,
    is_behind_heads: Cell<bool>,
    /// The client is to be cut off.
    is_hung_up: Cell<bool>,
    /// Who waits for the client to take something.
    waiting: RefCell<Option<Waker>>,
}

impl Outbox {
    /// Whether the last part has been sent.
    pub fn is_empty(&self) -> bool {
        self.0.part.borrow().is_none()
    }

    /// Whether a HEAD may have come in on this connection.
    pub fn is_behind_heads(&self) -> bool {
        self.0.is_behind_heads.get()
    }

    /// Cuts the client off, whether it takes what was sent or not.
    pub fn hang_up(&self) {
        self.0.is_hung_up.set(true);
        if let Some(waker) = self.0.waiting.take() {
            waker.wake();
        }
    }

    /// Fails once the client is to be cut off; notes who waits until then.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        if self.0.is_hung_up.get() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let mut waiting = self.0.waiting.borrow_mut();
        match &mut *waiting {
            Some(waker) => waker.clone_from(context.waker()),
            None => *waiting = Some(context.waker().clone()),
        }
        Ok(())
    }

    /// Puts the next part in. The connection sends it when it is flushed next, and then calls its task again.
    pub fn put(&self, part: Part) {
        debug_assert!(self.is_empty(), "a part that isn't sent yet must not be lost");
        *self.0.part.borrow_mut() = Some(part);
    }
}

/// A connection of a client.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    outbox: Outbox,
    heads: Heads,
}

impl Connection {
    /// A connection with an empty outbox.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        // The end of a body must not wait until the client has acknowledged what came before.
        stream.set_nodelay(true)?;
        Ok(Self { stream, outbox: Outbox::default(), heads: Heads::default() })
    }

    /// Its outbox.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Sends what is in the outbox.
    fn poll_outbox(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outbox = self.outbox.0.part.borrow_mut();
        let Some(part) = outbox.as_mut() else { return Poll::Ready(Ok(())) };
        while length(part) > 0 {
            ready!(self.stream.poll_write_ready(context))?;
            match self.send(part) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())), // the file was cut short
                Ok(sent) => advance(part, sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        *outbox = None;
        context.waker().wake_by_ref(); // the body may go on
        Poll::Ready(Ok(()))
    }

    fn send(&self, part: &Part) -> io::Result<usize> {
        match part {
            Part::Bytes(bytes) => self.stream.try_write(bytes),
            Part::Stretch(stretch) => {
                let mut offset = stretch.offset;
                let most = usize::try_from(stretch.length).unwrap_or(usize::MAX);
                let mut send = || rustix::fs::sendfile(&self.stream, &stretch.file, Some(&mut offset), most);
                self.stream.try_io(Interest::WRITABLE, || Ok(send()?))
            }
        }
    }

    /// Sends the head of an answer and what it can of the body that waits behind it.
    fn write_head(&self, head: &[u8], part: &mut Part) -> io::Result<usize> {
        match part {
            Part::Bytes(bytes) => {
                let sent = self.stream.try_write_vectored(&[IoSlice::new(head), IoSlice::new(bytes)])?;
                bytes.advance(sent.saturating_sub(head.len()));
                Ok(sent.min(head.len()))
            }
            Part::Stretch(_) => {
                let send = || rustix::net::send(&self.stream, head, SendFlags::MORE | SendFlags::NOSIGNAL);
                self.stream.try_io(Interest::WRITABLE, || Ok(send()?))
            }
        }
    }
}

fn length(part: &Part) -> u64 {
    match part {
        Part::Bytes(bytes) => bytes.len() as u64,
        Part::Stretch(stretch) => stretch.length,
    }
}

fn advance(part: &mut Part, sent: usize) {
    match part {
        Part::Bytes(bytes) => bytes.advance(sent),
        Part::Stretch(stretch) => drop(stretch.split_to(sent as u64)),
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let is_behind_heads = self.heads.look(&into.filled()[before..]);
        self.outbox.0.is_behind_heads.set(is_behind_heads);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    /// Writes what the framework sends: while a part is in the outbox that is the head before it.
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, head: &[u8]) -> Poll<io::Result<usize>> {
        self.outbox.check(context)?;
        if self.outbox.is_empty() {
            return Pin::new(&mut self.stream).poll_write(context, head);
        }
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let mut outbox = self.outbox.0.part.borrow_mut();
            let Some(part) = outbox.as_mut() else { return Poll::Ready(Ok(0)) };
            match self.write_head(head, part) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbox.check(context)?;
        ready!(self.poll_outbox(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
