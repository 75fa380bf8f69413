//! The disk of the data folder is full: uploads are refused with 507, everything else goes on, and uploads do too as
//! soon as there is room.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use super::ledger::{Ledger, Refusal, found, publish, send};
use crate::process::{Process, settings};

const MIB: u64 = 1 << 20;

/// A disk of 64 MiB.
struct Disk(TempDir);

impl Disk {
    /// Mounts one; `None`, with a sentence, where that is not permitted.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            Ok(output) => {
                println!("skipped: no disk can be mounted: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(error) => {
                println!("skipped: no disk can be mounted: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes this much of the disk, or all that is left, for something else.
    fn take(&self, bytes: u64) {
        let file = std::fs::File::create(self.path().join("taken")).unwrap();
        let mut zeros = std::io::Read::take(std::io::repeat(0), bytes);
        let taken = std::io::copy(&mut zeros, &mut &file);
        assert!(taken.is_ok() || bytes > 64 * MIB, "{taken:?}");
    }

    fn give_back(&self) {
        std::fs::remove_file(self.path().join("taken")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Garbage can be collected at once, and only when it is asked for.
fn collecting() -> Vec<(String, String)> {
    let names = ["STORE_GRACE_HOURS", "STORE_READERS_SECONDS", "JOBS_COLLECT_EVERY_HOURS"];
    settings(names.map(|name| (name, "0".into())))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_uploads_are_refused_and_everything_else_goes_on() {
    let Some(disk) = Disk::mount() else { return };
    disk.take(6 * MIB);
    let (server, ledger) = (Process::start(disk.path(), &collecting(), &[]), Ledger::default());
    let client = server.client();
    found(&client).await;
    ledger.put(&client, "first", 1, 300_000).await.unwrap();
    for n in 0..3 {
        ledger.put(&client, &format!("early/{n}"), 10 + n, 500_000).await.unwrap();
    }
    publish(&client).await.unwrap();
    let unwanted = client.request(Method::PUT, "projects/site/files/unwanted").body("later");
    send(unwanted).await.unwrap();

    // Ever smaller ones, until nothing fits any more; what a refused one leaves, which may be all the room there was,
    // `gc` takes.
    for size in [30_000_000, 3_000_000, 200_000, 1_000] {
        let mut refused = Ok(());
        for n in 0..100_000 {
            refused = ledger.put(&client, &format!("{size}/{n}"), size as u64 ^ n << 32, size).await;
            if refused.is_err() {
                break;
            }
        }
        let sentence = refused.unwrap_err().says(507, "full").to_owned();
        assert!(sentence.contains("gc"), "{sentence}");
    }

    ledger.is_whole(&client).await;
    assert_eq!(client.bytes("/e/site/production/first").await.len(), 300_000);
    send(client.request(Method::DELETE, "projects/site/files/unwanted")).await.unwrap();
    let collected = send(client.request(Method::POST, "store/gc").json(&json!({}))).await.unwrap();
    assert!(collected["bytes"].as_u64().unwrap() > 4 * MIB, "{collected}");
    ledger.put(&client, "after gc", 5, 2_000_000).await.unwrap();

    disk.give_back();
    ledger.put(&client, "again", 6, 9_000_000).await.unwrap();
    ledger.is_whole(&client).await;
    server.kill();
    let server = Process::start(disk.path(), &collecting(), &[]);
    ledger.is_whole(&server.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_others_fill_to_the_last_byte_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let (server, ledger) = (Process::start(disk.path(), &collecting(), &[]), Ledger::default());
    let client = server.client();
    found(&client).await;
    for n in 0..20 {
        ledger.put(&client, &format!("{n}"), n, 50_000).await.unwrap();
    }
    for round in 0..5_u64 {
        disk.take(u64::MAX);
        let refused = ledger.put(&client, "refused", round, 100_000).await.unwrap_err();
        refused.says(507, "full");
        // The database may have room left in its log. When it has not, it says so.
        let mut refused: Option<Refusal> = None;
        for n in 0..10_000 {
            let title = json!({ "title": format!("{n} {}", "x".repeat(4_000)) });
            let made = send(client.request(Method::POST, "projects/site/releases").json(&title)).await;
            if let Err(error) = made {
                refused = Some(error);
                break;
            }
        }
        refused.expect("the log is not endless").says(507, "full");
        ledger.is_kept(&client).await;

        disk.give_back();
        ledger.put(&client, "refused", round, 100_000).await.unwrap();
        publish(&client).await.unwrap();
    }
    ledger.is_whole(&client).await;
    server.kill();
    let server = Process::start(disk.path(), &collecting(), &[]);
    ledger.is_whole(&server.client()).await;
}
