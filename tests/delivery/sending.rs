//! Bodies on their way: many on one connection, to slow readers, and to such as leave.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::shelf::Shelf;
use crate::laws::ground::chance::{Chance, noise, text};

const SIZES: [usize; 7] = [0, 1, 20_000, 65_537, 300_000, 2_500_000, 9_000_000];
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

async fn shelf_with_files() -> (Shelf, Vec<(String, Bytes)>) {
    let shelf = Shelf::start().await;
    let files = SIZES.iter().flat_map(|&size| {
        let seed = size as u64;
        [(format!("text-{size}"), text(seed, size)), (format!("noise-{size}"), noise(seed, size))]
    });
    let files: Vec<(String, Bytes)> = files.collect();
    shelf.publish(files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone()))).await;
    (shelf, files)
}

/// A connection on which a client says what it likes.
struct Line(BufReader<TcpStream>);

impl Line {
    async fn open(shelf: &Shelf) -> Self {
        Self(BufReader::with_capacity(64 << 10, TcpStream::connect(shelf.running.address).await.expect("it connects")))
    }

    async fn send(&mut self, requests: &str) {
        self.0.write_all(requests.as_bytes()).await.expect("requests are taken");
    }

    /// The head of the next answer: its status and its headers.
    async fn head(&mut self) -> (u16, BTreeMap<String, String>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("the head goes on"));
        }
        let head = String::from_utf8(head).expect("a head is text");
        let (first, headers) = head.split_once("\r\n").expect("it has lines");
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        (status.unwrap_or_else(|| panic!("{first} has a status")), headers)
    }

    async fn answer(&mut self, has_body: bool) -> (u16, u64, Vec<u8>) {
        let (status, headers) = self.head().await;
        assert!(!headers.contains_key("transfer-encoding"), "{headers:?}");
        let length: u64 = headers["content-length"].parse().expect("it is a number");
        let mut body = vec![0; if has_body { length as usize } else { 0 }];
        self.0.read_exact(&mut body).await.expect("the body is whole");
        (status, length, body)
    }
}

fn get(path: &str, more: &str) -> String {
    format!("GET /e/site/production/{path} HTTP/1.1\r\nHost: shelf\r\n{more}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_on_one_connection_keep_their_order_and_their_bytes() {
    let (shelf, files) = shelf_with_files().await;
    let mut chance = Chance::new();
    for _ in 0..8 {
        let mut line = Line::open(&shelf).await;
        for _ in 0..8 {
            // Several requests are sent before the first answer is read.
            let count = 1 + chance.below(6);
            let asked: Vec<_> = (0..count).map(|_| (chance.one_of(&files).clone(), chance.below(5))).collect();
            let requests = asked.iter().map(|((path, bytes), how)| match how {
                0 => get(path, "").replacen("GET", "HEAD", 1),
                1 if bytes.len() > 1 => get(path, "Range: bytes=1-\r\n"),
                2 => get("nothing", ""),
                3 => get("nothing", "").replacen("GET", "HEAD", 1),
                _ => get(path, ""),
            });
            line.send(&requests.collect::<String>()).await;
            for ((path, bytes), how) in asked {
                let is_head = how == 0 || how == 3;
                let (status, length, body) = line.answer(!is_head).await;
                match how {
                    1 if bytes.len() > 1 => assert!(status == 206 && body == bytes.slice(1..), "{path}: {status}"),
                    2 => assert!(status == 404 && body.starts_with(b"{"), "{status}"),
                    3 => assert!(status == 404 && length > 0, "{status}"),
                    _ => {
                        assert_eq!((status, length), (200, bytes.len() as u64), "{path}");
                        assert!(is_head || body == bytes, "{path}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_to_end_ends_after_the_whole_body() {
    let (shelf, files) = shelf_with_files().await;
    for (path, bytes) in &files {
        let mut line = Line::open(&shelf).await;
        line.send(&get(path, "Connection: close\r\n")).await;
        let (_, _, body) = line.answer(true).await;
        assert!(body == *bytes, "{path}");
        let mut rest = Vec::new();
        let end = tokio::time::timeout(LONG, line.0.read_to_end(&mut rest)).await;
        assert_eq!((end.expect("it ends").ok(), rest.len()), (Some(0), 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_gets_everything_and_keeps_nobody_waiting() {
    let (shelf, files) = shelf_with_files().await;
    let large: Vec<_> = files.iter().filter(|(_, bytes)| bytes.len() > 1_000_000).collect();
    let mut lines = Vec::new();
    for at in 0..20 {
        let (path, bytes) = large[at % large.len()];
        let mut line = Line::open(&shelf).await;
        line.send(&get(path, "")).await;
        line.head().await;
        lines.push((line, bytes)); // its body waits in the server
    }
    for (path, bytes) in &files {
        let quick = tokio::time::timeout(LONG, shelf.bytes_at(&format!("/e/site/production/{path}"))).await;
        assert!(quick.expect("others are served meanwhile") == bytes);
    }
    for (line, bytes) in &mut lines {
        let mut body = vec![0; bytes.len()];
        line.0.read_exact(&mut body).await.expect("the body is whole");
        assert!(body == **bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_of_a_body_harms_nobody() {
    let (shelf, files) = shelf_with_files().await;
    let mut chance = Chance::new();
    for _ in 0..60 {
        let (path, bytes) = chance.one_of(&files).clone();
        let mut line = Line::open(&shelf).await;
        line.send(&get(&path, "").repeat(3)).await;
        let mut some = vec![0; chance.below(bytes.len() + 200)];
        line.0.read_exact(&mut some).await.expect("so much comes");
    }
    for (path, bytes) in &files {
        assert!(shelf.bytes_at(&format!("/e/site/production/{path}")).await == bytes, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_short_behind_what_is_on_its_way_breaks_the_body_off() {
    let shelf = Shelf::start().await;
    let bytes = noise(1, 40_000_000);
    shelf.publish([("film.bin", bytes.clone())]).await;
    assert!(shelf.bytes_at("/e/site/production/film.bin").await == bytes, "from now on it needs no check");
    let mut line = Line::open(&shelf).await;
    line.send(&get("film.bin", "").repeat(2)).await;
    line.head().await;

    // Behind what the system has taken already: that it sends as the file is then, which nobody can prevent here.
    for pack in shelf.packs() {
        File::options().write(true).open(pack).expect("it opens").set_len(4 << 20).expect("it is cut");
    }

    let mut got = Vec::new();
    let end = tokio::time::timeout(LONG, line.0.read_to_end(&mut got)).await;
    assert!(end.is_ok(), "the connection ends");
    assert!(got.len() < bytes.len() && got == bytes[..got.len()], "what came is right, and nothing follows it");
}
