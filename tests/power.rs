//! The power goes: what was not synced may be lost, all of it or any part. A server works under a journal of its file
//! operations; then the data folder is rebuilt as a power cut at some moment would have left it, and a server starts
//! on that. Whatever it had acknowledged by then is there, whole, and nothing half is seen.
//! `SHELFMARK_TEST_POWER_CUTS` is how many cuts (8 by default).

mod disk;
pub mod journal;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;

use crate::laws::ground::chance::Chance;
use crate::load::{People, Shared, assert_undamaged, check};
use crate::process::Process;
use disk::{Disk, MAPPED};
use journal::{library, settings, steps};

/// Cuts during one run of a server; the next run goes on with what one of them left.
const CUTS_IN_RUN: usize = 4;
/// How long people work in a run.
const WORK: Duration = Duration::from_millis(900);
/// How long a server that has nothing to do may still write.
const QUIET_MAX: Duration = Duration::from_secs(20);

/// The data folder below a root: its parent does not exist at first either.
fn data(root: &Path) -> PathBuf {
    root.join("shelf/data")
}

/// Lets people work with a server on the folder, and gives the journal of what it did there.
fn work(runtime: &Runtime, root: &Path, journal: &Shared, run: u64, chance: &mut Chance) -> (u64, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal");
    let before = Disk::of(root);
    let server = Process::start(&data(root), &settings(&library(folder.path()), root, &file), &[]);
    let client = server.client();
    journal.lock().unwrap().clock = Some(file.clone());
    if run == 0 {
        runtime.block_on(client.post("projects", json!({ "name": "site" }))).unwrap();
    }
    let begun = journal.lock().unwrap().now();
    let people = runtime.block_on(async { People::start(&client, journal, run, chance) });
    std::thread::sleep(WORK);
    journal.lock().unwrap().is_over = true;
    runtime.block_on(people.stop());
    until_nothing_is_left_out(&before, root, &file);
    server.kill();
    (begun, fs::read(&file).unwrap())
}

/// The journal must be complete, or the cuts prove nothing: what it rebuilds is what is there.
fn until_nothing_is_left_out(before: &Disk<'static>, root: &Path, file: &Path) {
    let begun = Instant::now();
    loop {
        let (journal, mut disk) = (fs::read(file).unwrap(), before.clone());
        steps(&journal).into_iter().for_each(|(_, step)| disk.step(step));
        let rebuilt = tempfile::tempdir().unwrap();
        disk.as_seen(rebuilt.path());
        let (rebuilt, there) = (files(rebuilt.path()), files(root));
        if rebuilt == there {
            return;
        }
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        let differ: Vec<_> = rebuilt.iter().filter(|(path, bytes)| there.get(*path) != Some(*bytes)).collect();
        let differ: Vec<_> = differ.into_iter().map(|(path, _)| path).collect();
        assert!(begun.elapsed() < QUIET_MAX, "{differ:?}; {:?} and {:?}", names(&rebuilt), names(&there));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All files below a folder with their bytes, but for what the journal leaves out.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().ends_with(MAPPED) {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Moments at which the power goes: half of them right after an answer.
fn moments(begun: u64, end: u64, journal: &Shared, cuts: usize, chance: &mut Chance) -> Vec<u64> {
    let journal = journal.lock().unwrap();
    let answers = journal.files.iter().map(|(at, _)| *at).chain(journal.deployments.iter().map(|(at, _)| *at));
    let answers: Vec<u64> = answers.filter(|at| *at >= begun).collect();
    let mut moments = vec![begun];
    while moments.len() < cuts {
        moments.push(match chance.below(2) {
            0 if !answers.is_empty() => *chance.one_of(&answers),
            _ => begun + chance.below((end - begun + 1) as usize) as u64,
        });
    }
    moments.sort();
    moments
}

/// Starts a server on what a cut left, and finds everything in it.
fn check_after(runtime: &Runtime, root: &Path, journal: &Shared) {
    let server = Process::start(&data(root), &[], &[]);
    let client = server.client();
    runtime.block_on(async {
        check(&client, journal, 0).await;
        assert_undamaged(&client).await;
    });
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let cuts = std::env::var("SHELFMARK_TEST_POWER_CUTS").map_or(8, |cuts| cuts.parse().expect("it is a number"));
    let mut chance = Chance::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let journal = Shared::default();
    let mut root = tempfile::tempdir().unwrap();
    for (run, first) in (0..cuts).step_by(CUTS_IN_RUN).enumerate() {
        let path = root.path().canonicalize().unwrap();
        let mut disk = Disk::of(&path);
        let (begun, done) = work(&runtime, &path, &journal, run as u64, &mut chance);
        let steps = steps(&done);
        let mut steps = steps.iter().peekable();
        let moments = moments(begun, done.len() as u64, &journal, CUTS_IN_RUN.min(cuts - first), &mut chance);
        let last = journal.lock().unwrap().clone();
        let goes_on_with = chance.below(moments.len());
        for (n, moment) in moments.into_iter().enumerate() {
            while let Some((_, step)) = steps.next_if(|(end, _)| *end <= moment) {
                disk.step(*step);
            }
            let left = tempfile::tempdir().unwrap();
            disk.after_power_cut(left.path(), &mut chance);
            let until_then = Shared::default();
            until_then.lock().unwrap().clone_from(&last);
            until_then.lock().unwrap().forget_after(moment);
            println!("run {run}, cut after {moment} of {} bytes", done.len());
            check_after(&runtime, left.path(), &until_then);
            if n == goes_on_with {
                until_then.lock().unwrap().restart_clock();
                journal.lock().unwrap().clone_from(&until_then.lock().unwrap());
                root = left;
            }
        }
    }
    let journal = journal.lock().unwrap();
    println!("{cuts} cuts, {} files, {} deployments at the end", journal.files.len(), journal.deployments.len());
}
