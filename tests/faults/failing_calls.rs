//! Calls that write fail: with an error of the disk or because it is full, when data are written, synced or renamed,
//! those of the store and those of the database. A small library that is loaded before the system's own does it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::ledger::{Ledger, Refusal, found, publish};
use crate::laws::ground::chance::Chance;
use crate::process::{Client, Process};

const EIO: u8 = 5;
const ENOSPC: u8 = 28;

/// What writes, and a word in the path of what it writes to.
const POINTS: [(&str, &str); 5] = [
    ("write", "/packs/"),
    ("fsync", "/packs/"),
    ("rename", "/packs/"),
    ("write", "shelfmark.sqlite-wal"),
    ("fsync", "shelfmark.sqlite-wal"),
];

/// The library, and the file that tells it what is to fail.
struct Calls {
    folder: TempDir,
    /// So that a line is never the one before.
    asked: u64,
}

impl Calls {
    fn compile() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/failing_calls.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(folder.path().join("calls.so")).arg(source).arg("-ldl");
        let compiled = compiler.output().expect("a C compiler is here: Rust needs it to link");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        let calls = Self { folder, asked: 0 };
        calls.succeed();
        calls
    }

    fn settings(&self) -> Vec<(String, String)> {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec![
            ("LD_PRELOAD".to_owned(), path(self.folder.path().join("calls.so"))),
            ("FAILING_CALLS".to_owned(), path(self.file())),
        ]
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("asked")
    }

    /// Lets `skip` such calls pass and then `count` fail.
    fn fail(&mut self, (call, word): (&str, &str), error: u8, skip: usize, count: usize) {
        self.asked += 1;
        let _ = std::fs::remove_file(self.folder.path().join("asked.hits"));
        self.tell(&format!("{call} {error} {skip} {count} {word} {}\n", self.asked));
    }

    fn succeed(&self) {
        self.tell("");
    }

    /// Replaces the file at once, so that nobody reads half of it.
    fn tell(&self, line: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, line).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    /// How many calls have failed as was asked.
    fn hits(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("asked.hits")).map_or(0, |file| file.len())
    }
}

/// What an error that the disk caused may be answered with.
fn assert_says(refused: &Refusal, error: u8, what: &str) {
    let Refusal::Problem(status, document) = refused else { panic!("{what}: {refused:?}") };
    // SQLite says of a sync that failed only that it failed.
    let is_told = error == ENOSPC && !what.starts_with("fsync shelfmark.sqlite");
    let fits: &[u16] = if is_told { &[507] } else { &[500, 503] };
    assert!(fits.contains(&status.as_u16()), "{what}: {document}");
}

/// Lets one kind of call fail once, twice and for a while, under an upload each time.
async fn fail_under_uploads(calls: &mut Calls, client: &Client, ledger: &Ledger, chance: &mut Chance, point: usize) {
    let (call, word) = POINTS[point];
    for (error, count) in [(EIO, 1), (EIO, 2), (ENOSPC, 1), (ENOSPC, 1_000)] {
        let size = *chance.one_of(&[1_000, 90_000, 5_000_000]);
        let what = format!("{call} {word} {error} {count} times, {size} bytes");
        let path = format!("{point}/{error}/{count}");
        let seed = chance.below(1 << 40) as u64;
        calls.fail((call, word), error, 0, count);

        let sent = ledger.put(client, &path, seed, size).await;

        let hits = calls.hits();
        calls.succeed();
        assert!(hits > 0, "{what}: nothing failed");
        if let Err(refused) = &sent {
            assert_says(refused, error, &what);
            let listed = client.get(&format!("projects/site/assets?prefix={path}")).await;
            assert_eq!(listed["items"].as_array().unwrap().len(), 0, "{what}: no row refers to it");
        } else {
            assert!(!matches!((call, word), (_, "/packs/")), "{what}: {hits} calls failed and it was acknowledged");
        }
        ledger.put(client, &path, seed, size).await.unwrap_or_else(|refused| panic!("{what}: again: {refused:?}"));
        ledger.put(client, &format!("{path}/other"), seed ^ 1, 2_000).await.unwrap();
    }
}

/// Lets one call after the other fail in the course of a release, until one passes whole.
async fn fail_under_releases(calls: &mut Calls, client: &Client, point: usize) {
    let production = async || client.get("projects/site/environments").await["items"][2].clone();
    for n in 0.. {
        let before = production().await;
        calls.fail(POINTS[point], EIO, n, 1);

        let published = publish(client).await;

        let hits = calls.hits();
        calls.succeed();
        match published {
            Ok(_) => assert_ne!(production().await, before),
            Err(refused) => {
                assert_says(&refused, EIO, &format!("{:?} fails for the {n}th time", POINTS[point]));
                assert_eq!(production().await, before);
            }
        }
        if hits == 0 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_refused_and_succeeds_when_it_is_sent_again() {
    let mut calls = Calls::compile();
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    for point in 0..POINTS.len() {
        let server = Process::start(&folder, &calls.settings(), &[]);
        let client = server.client();
        if point == 0 {
            found(&client).await;
        }
        fail_under_uploads(&mut calls, &client, &ledger, &mut chance, point).await;
        fail_under_releases(&mut calls, &client, point).await;
        ledger.is_kept(&client).await;
        server.kill(); // what is only in the log of the database must be found there
    }
    let server = Process::start(&folder, &[], &[]);
    ledger.is_whole(&server.client()).await;
    assert!(ledger.count() >= 2 * 4 * POINTS.len());
}
