//! Somebody else uses the data folder: a second server, or a backup or a curious administrator who holds the lock of
//! the database for a while.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::ledger::{Ledger, found, publish};
use crate::process::Process;

/// A program that holds the database's lock until it is dropped; `None`, with a sentence, when it isn't installed.
fn hold(database: &Path) -> Option<Child> {
    let mut shell = Command::new("sqlite3");
    let started = shell.arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut shell) = started else {
        println!("skipped: sqlite3 is not here");
        return None;
    };
    let statements = b".timeout 5000\nBEGIN EXCLUSIVE;\nSELECT 'held';\n";
    shell.stdin.as_mut().unwrap().write_all(statements).unwrap();
    let mut said = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said.trim(), "held");
    Some(shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_a_lock_that_somebody_else_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ledger) = (Process::start(folder.path(), &[], &[]), Ledger::default());
    let client = server.client();
    found(&client).await;
    ledger.put(&client, "before", 1, 10_000).await.unwrap();
    publish(&client).await.unwrap();
    let Some(mut shell) = hold(&folder.path().join("shelfmark.sqlite")) else { return };

    let sent: Vec<_> = (0..5)
        .map(|n| {
            let (client, ledger) = (server.client(), ledger.clone());
            tokio::spawn(async move { ledger.put(&client, &format!("{n}"), n, 50_000).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await; // a lock held for longer than anything takes by itself
    assert!(sent.iter().all(|sent| !sent.is_finished()));
    ledger.is_kept(&client).await; // reading needs no lock
    assert_eq!(client.bytes("/e/site/production/before").await.len(), 10_000);

    shell.stdin.take().unwrap().write_all(b"ROLLBACK;\n.quit\n").unwrap();
    assert!(shell.wait().unwrap().success());
    for sent in sent {
        sent.await.unwrap().unwrap();
    }
    ledger.is_whole(&client).await;
}

#[test]
fn a_second_server_is_kept_off_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Process::start(folder.path(), &[], &[]);
    let mut second = Command::new(env!("CARGO_BIN_EXE_shelfmark"));
    let refused = second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("another server uses the data folder"), "{said}");
}
