//! The server is killed at any moment under load and started again: whatever it acknowledged is there, whole, and
//! nothing half is seen. `SHELFMARK_TEST_KILLS` is how often (12 by default).

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::laws::chance::{Chance, noise};
use crate::laws::ground::{bucket, new_database, psql, with_database};
use crate::process::{Client, Process, bucket_settings, settings};

/// How many send files at the same time.
const SENDERS: u64 = 3;

/// A file that was acknowledged.
#[derive(Clone, Debug)]
struct File {
    path: String,
    version: i64,
    seed: u64,
    size: usize,
}

/// What was acknowledged, in the order of the answers.
#[derive(Default)]
struct Journal {
    files: Vec<File>,
    builds: Vec<Value>,
    /// Builds that were asked for in the environment, acknowledged or not.
    asked_for: Vec<String>,
    /// Revision and build of each acknowledged deployment.
    deployments: Vec<(i64, String)>,
}

type Shared = Arc<Mutex<Journal>>;

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
            Some(files) => journal.lock().unwrap().files.extend(files),
            None => return,
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
        journal.lock().unwrap().builds.push(build);
        journal.lock().unwrap().asked_for.push(name.clone());
        let deployed = client.post("projects/site/environments/production/promote", json!({ "build": name })).await?;
        let revision = deployed["revision"].as_i64().unwrap();
        journal.lock().unwrap().deployments.push((revision, name));
    }
}

/// Everything acknowledged from `since` on is there, and all that is there is whole.
async fn check(client: &Client, journal: &Shared, since: usize) {
    let (files, builds, asked_for, last) = {
        let journal = journal.lock().unwrap();
        let last = journal.deployments.last().cloned();
        (journal.files[since..].to_vec(), journal.builds.clone(), journal.asked_for.clone(), last)
    };
    for File { path, version, seed, size } in files {
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
    for build in builds.iter().rev().take(3) {
        let name = build["name"].as_str().unwrap();
        assert_eq!(client.get(&format!("projects/site/builds/{name}")).await["manifest"], build["manifest"]);
    }
    let production = client.get("projects/site/environments").await["items"][2].clone();
    let revision = production["revision"].as_i64().unwrap();
    if let Some((acknowledged, build)) = last {
        assert!(revision >= acknowledged, "{production}: {acknowledged} {build}");
        assert!(revision > acknowledged || production["build"] == build.as_str(), "{production}: {build}");
    }
    if let Some(build) = production["build"].as_str() {
        assert!(asked_for.iter().any(|asked| asked == build), "{build}");
        let served = client.get("/e/site/production/-/parameters.json").await.to_string();
        assert!(served.contains(build.split('.').next().unwrap()), "{served} is what {build} pins");
    }
}

fn kill_again_and_again(folder: &Path, settings: &[(String, String)]) {
    let kills = std::env::var("SHELFMARK_TEST_KILLS").map_or(12, |kills| kills.parse().expect("it is a number"));
    let mut chance = Chance::new();
    let journal = Shared::default();
    let mut since = 0;
    for round in 0..=kills {
        let server = Process::start(folder, settings, &[]);
        let client = server.client();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        if round == 0 {
            runtime.block_on(client.post("projects", json!({ "name": "site" }))).unwrap();
        }
        // At the end everything once more; in between what the last round brought.
        since = if round == kills { 0 } else { since };
        runtime.block_on(check(&client, &journal, since));
        since = journal.lock().unwrap().files.len();
        if round == kills {
            break;
        }
        let senders = (0..SENDERS).map(|sender| {
            let seed = chance.below(usize::MAX) as u64;
            runtime.spawn(send(client.clone(), journal.clone(), (round as u64) << 8 | sender, Chance::of(seed)))
        });
        let senders: Vec<_> = senders.collect();
        let releasing = runtime.spawn(release(client.clone(), journal.clone()));
        std::thread::sleep(Duration::from_millis(10 + chance.below(891) as u64));
        server.kill();
        runtime.block_on(async {
            for sender in senders {
                sender.await.expect("only the server's end stops a sender");
            }
            releasing.await.expect("only the server's end stops the releases");
        });
    }
    let journal = journal.lock().unwrap();
    println!(
        "{kills} kills, {} files, {} builds, {} deployments acknowledged",
        journal.files.len(),
        journal.builds.len(),
        journal.deployments.len()
    );
    assert!(kills < 10 || (journal.files.len() > 20 && !journal.deployments.is_empty()), "there was hardly any work");
}

#[test]
fn a_killed_server_has_lost_nothing_on_sqlite_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), &[]);
}

#[test]
fn a_killed_server_has_lost_nothing_on_sqlite_and_a_bucket() {
    let Some(bucket) = bucket() else { return };
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), &bucket_settings(bucket));
}

#[test]
fn a_killed_server_has_lost_nothing_on_postgres_and_a_folder() {
    on_postgres(Vec::new());
}

#[test]
fn a_killed_server_has_lost_nothing_on_postgres_and_a_bucket() {
    let Some(bucket) = bucket() else { return };
    on_postgres(bucket_settings(bucket));
}

fn on_postgres(mut store: Vec<(String, String)>) {
    let Some((address, name)) = new_database() else { return };
    let folder = tempfile::tempdir().unwrap();
    store.extend(settings([("DATABASE_URL", with_database(&address, &name))]));
    kill_again_and_again(folder.path(), &store);
    psql(&address, &format!("DROP DATABASE {name} WITH (FORCE)"));
}
