//! More connections than the process may open files: some wait, nobody gets a wrong answer, and nothing is lost.

use std::time::Duration;

use reqwest::Method;
use tokio::net::TcpStream;

use super::ledger::{Ledger, found, until};
use crate::laws::ground::site::at_once;
use crate::process::{Process, settings};

const FILES: &str = "--nofile=128";
const CONNECTIONS: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_files_wait_and_nothing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &settings([("SERVER_HEADER_SECONDS", "1".into())]), &["prlimit", FILES]);
    let (client, ledger) = (server.client(), Ledger::default());
    found(&client).await;
    for n in 0..150 {
        ledger.put(&client, &format!("before/{n}"), n, 3_000).await.unwrap(); // a pack each
    }

    // Each on a connection of its own, all at once.
    let done = at_once((0..CONNECTIONS).map(|n| {
        let (client, ledger) = (server.client(), ledger.clone());
        async move { ledger.put(&client, &format!("beside/{n}"), 1_000 + n, 2_000).await }
    }));
    for done in done.await {
        done.unwrap();
    }

    // Connections that say nothing take all places; who asks meanwhile is let in when they are given up.
    let address = server.url.trim_start_matches("http://").to_owned();
    let connect = |_| tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(address.clone()));
    let silent = futures::future::join_all((0..CONNECTIONS).map(connect)).await;
    let health = server.client().request(Method::GET, "/healthz").send();
    let waited = tokio::time::timeout(Duration::from_secs(1), health).await;
    assert!(waited.is_err() || waited.unwrap().unwrap().status().is_success());
    drop(silent);
    let is_well = async || {
        let health = server.client().request(Method::GET, "/healthz").timeout(Duration::from_secs(2)).send().await;
        health.is_ok_and(|answer| answer.status().is_success())
    };
    until("it answers again", Duration::from_secs(20), is_well).await;

    ledger.put(&client, "after", 7, 5_000_000).await.unwrap();
    ledger.is_whole(&client).await;
}
