//! What people do with a server until it ends, what it acknowledged, and how to find out whether that is still there.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};

use crate::laws::ground::chance::{Chance, noise};
use crate::process::Client;

/// How many send files at the same time.
const SENDERS: u64 = 3;

/// A file that was acknowledged.
#[derive(Clone, Debug)]
pub struct File {
    path: String,
    version: i64,
    seed: u64,
    size: usize,
}

/// What was acknowledged, in the order of the answers, each with the moment at which its answer was there.
#[derive(Clone, Default)]
pub struct Journal {
    pub files: Vec<(u64, File)>,
    pub builds: Vec<(u64, Value)>,
    /// Builds that were asked for in the environment, acknowledged or not.
    asked_for: Vec<String>,
    /// Revision and build of each acknowledged deployment.
    pub deployments: Vec<(u64, (i64, String))>,
    /// A file whose length tells the moment; without one all moments are 0.
    pub clock: Option<PathBuf>,
    /// People stop when what they are at is done.
    pub is_over: bool,
}

impl Journal {
    pub fn now(&self) -> u64 {
        self.clock.as_ref().map_or(0, |file| std::fs::metadata(file).expect("the clock runs").len())
    }

    /// Forgets what was acknowledged after a moment, as if it had not come to that.
    pub fn forget_after(&mut self, moment: u64) {
        self.files.retain(|(at, _)| *at <= moment);
        self.builds.retain(|(at, _)| *at <= moment);
        self.deployments.retain(|(at, _)| *at <= moment);
    }

    /// What is left was acknowledged long ago.
    pub fn restart_clock(&mut self) {
        self.files.iter_mut().for_each(|(at, _)| *at = 0);
        self.builds.iter_mut().for_each(|(at, _)| *at = 0);
        self.deployments.iter_mut().for_each(|(at, _)| *at = 0);
        self.is_over = false;
    }
}

pub type Shared = Arc<Mutex<Journal>>;

/// People who work with a server.
pub struct People(Vec<tokio::task::JoinHandle<()>>);

impl People {
    /// Begins to send and release. `round` makes what is sent new.
    pub fn start(client: &Client, journal: &Shared, round: u64, chance: &mut Chance) -> Self {
        let mut people: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let chance = Chance::of(chance.below(usize::MAX) as u64);
                tokio::spawn(send(client.clone(), journal.clone(), round << 8 | sender, chance))
            })
            .collect();
        let releasing = release(client.clone(), journal.clone());
        people.push(tokio::spawn(async { releasing.await.unwrap_or_default() }));
        Self(people)
    }

    /// Waits until all have stopped, which they do when the server is gone or it is over.
    pub async fn stop(self) {
        for person in self.0 {
            person.await.expect("only the server's end or that of the work stops someone");
        }
    }
}

/// Uploads to shared and own paths, and batches, until the server is gone.
async fn send(client: Client, journal: Shared, sender: u64, mut chance: Chance) {
    for n in 0_u64.. {
        let seed = sender << 32 | n;
        let size = *chance.one_of(&[0, 300, 20_000, 150_000, 900_000, 5_000_000]);
        let files = match chance.below(4) {
            0 => send_batch(&client, &format!("batch/{sender}/{n}"), seed, size / 4).await,
            1 => put(&client, &format!("shared/{}", chance.below(3)), seed, size).await,
            _ => put(&client, &format!("own/{sender}/{n}"), seed, size).await,
        };
        match files {
            Some(files) => {
                let mut journal = journal.lock().unwrap();
                let now = journal.now();
                journal.files.extend(files.into_iter().map(|file| (now, file)));
            }
            None => return,
        }
        if journal.lock().unwrap().is_over {
            return;
        }
    }
}

async fn put(client: &Client, path: &str, seed: u64, size: usize) -> Option<Vec<File>> {
    let put = client.request(Method::PUT, &format!("projects/site/files/{path}")).body(noise(seed, size));
    let answer = put.send().await.ok()?;
    assert!(answer.status().is_success() || answer.status().is_server_error(), "{answer:?}");
    let answer: Value = answer.error_for_status().ok()?.json().await.ok()?;
    let version = answer["asset"]["version"].as_i64().unwrap();
    Some(vec![File { path: path.to_owned(), version, seed, size }])
}

async fn send_batch(client: &Client, folder: &str, seed: u64, size: usize) -> Option<Vec<File>> {
    let files = ["a", "b", "c"].map(|name| (format!("{folder}/{name}"), seed ^ u64::from(name.as_bytes()[0]) << 48));
    let mut tar = tar::Builder::new(Vec::new());
    for (path, seed) in &files {
        let bytes = noise(*seed, size);
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    let sent = client.request(Method::POST, "projects/site/batch").body(tar.into_inner().unwrap()).send().await.ok()?;
    assert!(sent.status().is_success() || sent.status().is_server_error(), "{sent:?}");
    sent.error_for_status().ok()?.bytes().await.ok()?;
    Some(files.map(|(path, seed)| File { path, version: 1, seed, size }).into())
}

/// Releases what is there and promotes it, until the server is gone.
async fn release(client: Client, journal: Shared) -> Option<()> {
    loop {
        let release = client.post("projects/site/releases", json!({ "title": "all" })).await?;
        let number = release["number"].as_str().unwrap().to_owned();
        let changes = format!("projects/site/releases/{number}/changes");
        // While the others send, the library may change too often to be added as it is; then a folder may do.
        let value = json!({ "kind": "parameter", "name": "release", "value": number });
        client.post(&changes, json!({ "add": [value] })).await?;
        let _ = client.post(&changes, json!({ "add": [{ "kind": "folder", "path": "shared/" }] })).await;
        let build = client.post(&format!("projects/site/releases/{number}/builds"), json!({})).await?;
        let name = build["name"].as_str().unwrap().to_owned();
        {
            let mut journal = journal.lock().unwrap();
            let now = journal.now();
            journal.builds.push((now, build));
            journal.asked_for.push(name.clone());
        }
        let deployed = client.post("projects/site/environments/production/promote", json!({ "build": name })).await?;
        let revision = deployed["revision"].as_i64().unwrap();
        let mut journal = journal.lock().unwrap();
        let now = journal.now();
        journal.deployments.push((now, (revision, name)));
        if journal.is_over {
            return None;
        }
    }
}

/// Everything acknowledged from `since` on is there, and all that is there is whole.
pub async fn check(client: &Client, journal: &Shared, since: usize) {
    let Journal { files, builds, asked_for, deployments, .. } = journal.lock().unwrap().clone();
    for (_, File { path, version, seed, size }) in files.into_iter().skip(since) {
        let bytes = client.bytes(&format!("projects/site/files/{path}?version={version}")).await;
        assert!(bytes == noise(seed, size), "{path} at version {version}");
    }
    assert_eq!(client.get("audit/verify").await["intact"], true);

    let listed = client.get("projects/site/assets?limit=10000").await;
    let assets = listed["items"].as_array().unwrap();
    for asset in assets {
        let path = asset["path"].as_str().unwrap();
        if let Some(folder) = path.strip_suffix('a').filter(|folder| folder.ends_with('/')) {
            let others = assets.iter().filter(|other| other["path"].as_str().unwrap().starts_with(folder)).count();
            assert_eq!(others, 3, "the batch {folder} is whole");
        }
    }
    for asset in assets.iter().rev().step_by(7) {
        let bytes = client.bytes(&format!("projects/site/files/{}", asset["path"].as_str().unwrap())).await;
        assert_eq!(asset["content"], blake3::hash(&bytes).to_hex().as_str(), "{asset}");
    }
    for (_, build) in builds.iter().rev().take(3) {
        let name = build["name"].as_str().unwrap();
        assert_eq!(client.get(&format!("projects/site/builds/{name}")).await["manifest"], build["manifest"]);
    }
    let production = client.get("projects/site/environments").await["items"][2].clone();
    let revision = production["revision"].as_i64().unwrap();
    if let Some((_, (acknowledged, build))) = deployments.into_iter().next_back() {
        assert!(revision >= acknowledged, "{production}: {acknowledged} {build}");
        assert!(revision > acknowledged || production["build"] == build.as_str(), "{production}: {build}");
    }
    if let Some(build) = production["build"].as_str() {
        assert!(asked_for.iter().any(|asked| asked == build), "{build}");
        let served = client.get("/e/site/production/-/parameters.json").await.to_string();
        assert!(served.contains(build.split('.').next().unwrap()), "{served} is what {build} pins");
    }
}

/// The store reads back whole.
pub async fn assert_undamaged(client: &Client) {
    let answer = client.request(Method::POST, "store/fsck").json(&json!({})).send().await.unwrap();
    let lines = answer.error_for_status().unwrap().text().await.unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "done", "{last}");
    assert_eq!((&last["damaged"], &last["damaged_builds"]), (&json!([]), &json!([])), "{last}");
    assert_eq!(last["unused_chunks"], 0, "{last}");
}
