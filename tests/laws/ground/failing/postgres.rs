//! A proxy before PostgreSQL that hangs up instead of handing a statement on, or after its outcome has come.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::Statements;

/// What a client asks first: whether the connection may be encrypted, in two ways.
const WAYS_TO_ENCRYPT: [u32; 2] = [80_877_103, 80_877_104];
/// No transaction is open.
const IDLE: u8 = b'I';

/// What one connection is at.
struct Connection {
    statements: Statements,
    /// Requests to which the server has not said that it is ready for the next one.
    unanswered: AtomicI64,
    /// What it said last of its transaction.
    state: AtomicU8,
    /// The client learns nothing any more.
    is_mute: AtomicBool,
}

/// Starts a proxy before the server of a database, and gives the database's address behind it.
pub async fn behind_a_proxy(url: &str, statements: &Statements) -> String {
    let (start, rest) = url.split_once('@').expect("the address names a user");
    let (server, database) = rest.split_once('/').expect("the address names a database");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (server, statements) = (server.to_owned(), statements.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&server).await else { continue };
            tokio::spawn(connect(client, server, statements.clone()));
        }
    });
    format!("{start}@{address}/{database}")
}

async fn connect(mut client: TcpStream, mut server: TcpStream, statements: Statements) -> Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    loop {
        let (length, code) = (client.read_u32().await?, client.read_u32().await?);
        if WAYS_TO_ENCRYPT.contains(&code) {
            client.write_all(b"N").await?;
            continue;
        }
        let mut rest = vec![0; length as usize - 8];
        client.read_exact(&mut rest).await?;
        server.write_all(&[&length.to_be_bytes(), &code.to_be_bytes(), &rest[..]].concat()).await?;
        break;
    }
    let (unanswered, state, is_mute) = (AtomicI64::new(1), AtomicU8::new(IDLE), AtomicBool::new(false));
    let connection = Arc::new(Connection { statements, unanswered, state, is_mute });
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whichever ends drops both sides.
    tokio::select! {
        asked = connection.ask(from_client, to_server) => asked,
        answered = connection.answer(from_server, to_client) => answered,
    }
}

impl Connection {
    async fn ask(&self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) -> Result<()> {
        let mut is_last = false;
        loop {
            let (kind, message) = message(&mut client).await?;
            if matches!(kind, b'Q' | b'E') {
                let is = |text: &[u8]| kind == b'Q' && message[5..].starts_with(text);
                let is_alone = self.state.load(Ordering::SeqCst) == IDLE && !is(b"BEGIN");
                if self.statements.statement() {
                    return Ok(());
                }
                is_last |= (is(b"COMMIT") || is_alone) && self.statements.commit();
            }
            if matches!(kind, b'Q' | b'S') {
                self.unanswered.fetch_add(1, Ordering::SeqCst);
                self.is_mute.store(is_last, Ordering::SeqCst);
            }
            server.write_all(&message).await?;
        }
    }

    async fn answer(&self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) -> Result<()> {
        loop {
            let (kind, message) = message(&mut server).await?;
            let is_ready = kind == b'Z';
            if is_ready {
                self.state.store(message[5], Ordering::SeqCst);
            }
            let unanswered = self.unanswered.fetch_sub(i64::from(is_ready), Ordering::SeqCst) - i64::from(is_ready);
            match self.is_mute.load(Ordering::SeqCst) {
                true if is_ready && unanswered == 0 => return Ok(()),
                true => {}
                false => client.write_all(&message).await?,
            }
        }
    }
}

/// The next message with its head: its kind, its length, what it says.
async fn message(from: &mut OwnedReadHalf) -> Result<(u8, Vec<u8>)> {
    let (kind, length) = (from.read_u8().await?, from.read_u32().await?);
    let mut message = vec![0; 1 + length as usize];
    message[0] = kind;
    message[1..5].copy_from_slice(&length.to_be_bytes());
    from.read_exact(&mut message[5..]).await?;
    Ok((kind, message))
}
