//! A line between the server and something else, on which anything may happen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Passes,
    /// Nothing goes through, and nothing is closed.
    Stalls,
    /// Every connection is reset, also those that are open.
    Resets,
    /// Every request is answered with 503.
    IsUnavailable,
    /// The connection on which a database says that it has committed is cut before that goes through; then it passes.
    CutsAfterCommit,
}

/// Cheap to clone; clones are the same line.
#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    line: watch::Sender<Line>,
    happened: Arc<AtomicU64>,
}

impl Proxy {
    /// A line to a port of this machine.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (line, _) = watch::channel(Line::Passes);
        let proxy = Self { address: listener.local_addr().unwrap(), line, happened: Arc::default() };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(accepting.clone().serve(client, target));
            }
        });
        proxy
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// How many requests were refused, or connections reset or cut.
    pub fn happened(&self) -> u64 {
        self.happened.load(Ordering::SeqCst)
    }

    fn happens(&self) {
        self.happened.fetch_add(1, Ordering::SeqCst);
    }

    async fn serve(self, mut client: TcpStream, target: SocketAddr) {
        let line = *self.line.borrow();
        if line == Line::IsUnavailable {
            let _ = client.read(&mut [0; 64 << 10]).await;
            self.happens();
            let _ = client.write_all(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            return;
        }
        if line == Line::Resets {
            self.happens();
            reset(&client);
            return;
        }
        let Ok(server) = TcpStream::connect(target).await else { return };
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let (asked, answered) = (self.clone(), self.clone());
        tokio::select! {
            () = async { while asked.pass(&mut from_client, &mut to_server, None).await {} } => {}
            () = async {
                let mut messages = Messages::default();
                while answered.pass(&mut from_server, &mut to_client, Some(&mut messages)).await {}
            } => {}
            () = self.until_broken() => {
                self.happens();
            }
        }
        reset(from_client.as_ref());
    }

    /// Waits until open connections are not to live on.
    async fn until_broken(&self) {
        let mut line = self.line.subscribe();
        let _ = line.wait_for(|line| matches!(line, Line::Resets | Line::IsUnavailable)).await;
    }

    /// Hands on what comes next; whether the connection goes on.
    async fn pass(
        &self,
        from: &mut tokio::net::tcp::OwnedReadHalf,
        to: &mut tokio::net::tcp::OwnedWriteHalf,
        messages: Option<&mut Messages>,
    ) -> bool {
        let mut bytes = vec![0; 64 << 10];
        let Ok(length @ 1..) = from.read(&mut bytes).await else { return false };
        let mut line = self.line.subscribe();
        let _ = line.wait_for(|line| *line != Line::Stalls).await;
        let has_committed = messages.is_some_and(|messages| messages.commit(&bytes[..length]));
        let cuts = |line: &mut Line| {
            let cuts = has_committed && *line == Line::CutsAfterCommit;
            if cuts {
                *line = Line::Passes;
            }
            cuts
        };
        if self.line.send_if_modified(cuts) {
            self.happens();
            return false;
        }
        to.write_all(&bytes[..length]).await.is_ok()
    }
}

/// The next close sends a reset.
fn reset(client: &TcpStream) {
    let _ = client.set_zero_linger();
}

/// What a PostgreSQL server says on one connection, cut into its messages.
#[derive(Default)]
struct Messages(Vec<u8>);

impl Messages {
    /// Takes what came next; whether it ends a message that says that a transaction was committed.
    fn commit(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        let mut found = false;
        while let Some(head) = self.0.first_chunk::<5>() {
            let length = 1 + u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            if self.0.len() < length {
                break;
            }
            found |= self.0[0] == b'C' && self.0[5..length] == *b"COMMIT\0";
            self.0.drain(..length);
        }
        found
    }
}
