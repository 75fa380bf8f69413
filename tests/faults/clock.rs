//! The machine's clock jumps, ahead and back, by an hour and by ten years: nothing is collected for that, tokens end
//! when the clock says so, and history keeps its order.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::{Body, Method, StatusCode};
use serde_json::json;
use shelfmark_engine::clock::Clock;
use tempfile::TempDir;

use super::ledger::{Ledger, found, publish, send, until};
use crate::laws::ground::chance::noise;
use crate::process::{Client, Process, settings};

const HOUR_MS: i64 = 3_600_000;
/// What breaks off or waits in the middle, and how much of it comes before.
const UPLOAD_BYTES: usize = 12_000_000;
const FIRST_BYTES: usize = 9_000_000;

/// The clock that a process sees.
struct FakeClock {
    library: PathBuf,
    folder: TempDir,
}

impl FakeClock {
    /// One that shows the right time; `None`, with a sentence, when libfaketime isn't installed.
    fn find() -> Option<Self> {
        let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = folders.map(|found| found.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
        let Some(library) = library else {
            println!("skipped: libfaketime is not here");
            return None;
        };
        let clock = Self { library, folder: tempfile::tempdir().unwrap() };
        clock.set("+0d");
        Some(clock)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// How far it goes wrong from now on, such as `+3650d` or `-1h`.
    fn set(&self, offset: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{offset}\n")).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    /// The clock that nobody can set stays right, and so do the times of files: those are the store's own.
    fn settings(&self) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let right = ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"];
        let mut settings = settings([("STORE_PACK_MIB", "1".into()), ("AUTH_TOKEN_MEMORY_SECONDS", "0.1".into())]);
        settings.extend(right.map(|name| (name.to_owned(), "1".to_owned())));
        settings.push(("LD_PRELOAD".to_owned(), text(self.library.clone())));
        settings.push(("FAKETIME_TIMESTAMP_FILE".to_owned(), text(self.file())));
        settings
    }
}

/// An upload of which the first part is sent at once and the rest when that is let go.
fn halting(client: &Client, path: &str, seed: u64, go: tokio::sync::oneshot::Receiver<()>) -> reqwest::RequestBuilder {
    let bytes = noise(seed, UPLOAD_BYTES);
    let first = futures::stream::iter([Ok(bytes.slice(..FIRST_BYTES))]);
    let rest = futures::stream::once(async move {
        go.await.map_err(|_| std::io::Error::other("broken off"))?;
        Ok::<Bytes, std::io::Error>(bytes.slice(FIRST_BYTES..))
    });
    let put = client.request(Method::PUT, &format!("projects/site/files/{path}"));
    put.body(Body::wrap_stream(first.chain(rest)))
}

async fn packs(client: &Client) -> u64 {
    client.get("store").await["packs"].as_u64().unwrap()
}

/// What the collector takes now: chunks, packs and objects.
async fn collect(client: &Client) -> [u64; 3] {
    let collected = send(client.request(Method::POST, "store/gc").json(&json!({}))).await.unwrap();
    ["chunks", "packs", "objects"].map(|name| collected[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_deletes_nothing_and_lets_nobody_in() {
    let Some(clock) = FakeClock::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (server, ledger) = (Process::start(folder.path(), &clock.settings(), &[]), Ledger::default());
    let client = server.client();
    found(&client).await;
    ledger.put(&client, "before", 1, 100_000).await.unwrap();
    let end = Clock::default().now().plus_ms(2 * HOUR_MS);
    let token = json!({ "name": "short", "role": "viewer", "project": "site", "expires_at": end });
    let token = send(client.request(Method::POST, "tokens").json(&token)).await.unwrap();
    let token = token["token"].as_str().unwrap();
    let lets_in = async || {
        let asked = reqwest::Client::new().get(format!("{}/api/v1/projects/site", server.url)).bearer_auth(token);
        asked.send().await.unwrap().status()
    };
    assert_eq!(lets_in().await, StatusCode::OK);

    // One upload breaks off, another goes on when the clock has jumped.
    let there = packs(&client).await;
    let (go, wait) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(send(halting(&client, "waiting", 77, wait)));
    until("part of it is stored", Duration::from_secs(20), async || packs(&client).await >= there + 4).await;
    let (break_off, wait) = tokio::sync::oneshot::channel();
    drop(break_off);
    assert!(send(halting(&client, "broken", 78, wait)).await.is_err());

    let mut revision = 0;
    for (n, offset) in ["+1h", "-1h", "+3650d", "-3650d", "+0d"].into_iter().enumerate() {
        clock.set(offset);
        assert_eq!(collect(&client).await, [0; 3], "{offset}");
        ledger.put(&client, "same path", n as u64, 30_000).await.unwrap();
        let deployed = publish(&client).await.unwrap()["revision"].as_i64().unwrap();
        assert_eq!(deployed, revision + 1);
        revision = deployed;
        let wanted = if offset == "+3650d" { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        until("the token's end is seen", Duration::from_secs(5), async || lets_in().await == wanted).await;
        let latest = &client.get("projects/site/environments/production/deployments?limit=1").await["items"][0];
        assert_eq!(latest["revision"], revision, "the newest comes first, whatever the clock said");
    }
    go.send(()).unwrap();
    let stored = waiting.await.unwrap().expect("an upload outlives the jumps");
    assert_eq!(stored["asset"]["content"], blake3::hash(&noise(77, UPLOAD_BYTES)).to_hex().as_str());
    ledger.is_whole(&client).await;
    server.kill();

    // A server that starts when the clock is wrong works, too.
    clock.set("-3650d");
    let server = Process::start(folder.path(), &clock.settings(), &[]);
    let client = server.client();
    assert_eq!(collect(&client).await, [0; 3]);
    ledger.put(&client, "after", 9, 30_000).await.unwrap();
    ledger.is_whole(&client).await;
}
