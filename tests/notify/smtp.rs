//! A mail server on this machine: it speaks SMTP (RFC 5321) as far as a client needs that sends, and keeps what it took.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Head and text, with line ends as they were sent.
    pub text: String,
}

impl Mail {
    /// The lines of the head, unfolded.
    pub fn head(&self) -> Vec<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    /// A field of the head.
    pub fn field(&self, name: &str) -> String {
        let start = format!("{name}: ");
        let fields: Vec<String> =
            self.head().iter().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect();
        assert_eq!(fields.len(), 1, "{name} in {}", self.text);
        fields[0].clone()
    }
}

#[derive(Debug, Default)]
struct State {
    taken: Vec<Mail>,
    /// What the next mails are answered with instead of being taken.
    refusals: Vec<&'static str>,
    /// Whether the connection breaks after a mail was taken and before that is said.
    breaks_off: usize,
}

pub struct MailServer {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, shared.clone()));
            }
        });
        Self { port, state }
    }

    pub fn taken(&self) -> Vec<Mail> {
        self.state.lock().unwrap().taken.clone()
    }

    /// Refuses the next mail with this answer.
    pub fn refuse(&self, answer: &'static str) {
        self.state.lock().unwrap().refusals.push(answer);
    }

    /// Whether every refusal that was asked for has been given.
    pub fn has_refused(&self) -> bool {
        self.state.lock().unwrap().refusals.is_empty()
    }

    /// Takes the next mail and breaks off before it says so.
    pub fn break_off(&self) {
        self.state.lock().unwrap().breaks_off += 1;
    }
}

/// One talk. A client that leaves is no failure of the test.
async fn talk(stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 here\r\n").await?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let address = || line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned();
        let answer = match line.split([' ', ':']).next().unwrap().to_ascii_uppercase().as_str() {
            "EHLO" => "250-here\r\n250 8BITMIME",
            "HELO" | "RSET" | "NOOP" => "250 yes",
            "MAIL" => {
                (from, to) = (address(), Vec::new());
                "250 yes"
            }
            "RCPT" => {
                to.push(address());
                "250 yes"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let text = data(&mut stream).await?;
                let mut state = state.lock().unwrap();
                match state.refusals.pop() {
                    Some(refusal) => refusal,
                    None => {
                        state.taken.push(Mail { from: from.clone(), to: to.clone(), text });
                        if state.breaks_off > 0 {
                            state.breaks_off -= 1;
                            return Ok(());
                        }
                        "250 taken"
                    }
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "500 what",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
