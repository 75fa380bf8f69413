//! The object store is away, slow to answer, or refuses: the server lives and says so, what needs no store goes on,
//! what needs it is refused after a bounded number of attempts, and all is well when the store is back.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use super::ledger::{ANSWER_MAX, Ledger, found, publish, until};
use super::proxy::{Line, Proxy};
use crate::laws::ground::bucket;
use crate::process::{Client, Process, bucket_settings};

/// Monitoring gets its answer within this time, whatever the store does.
const PROBE_MAX: Duration = Duration::from_secs(5);
/// How often one request may be tried.
const ATTEMPTS_MAX: u64 = 8;

async fn status(client: &Client, path: &str) -> StatusCode {
    client.request(Method::GET, path).timeout(PROBE_MAX).send().await.expect("it answers in time").status()
}

/// The server lives and says that it is not ready, and serves what it has in memory.
async fn is_alive_but_not_ready(client: &Client) {
    assert_eq!(status(client, "/healthz").await, 200);
    let answer = client.request(Method::GET, "/readyz").timeout(PROBE_MAX).send().await.expect("it answers in time");
    assert_eq!(answer.status(), 503);
    let said = answer.text().await.unwrap();
    assert!(said.contains("the store is not ready"), "{said}");
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(client.bytes("/e/site/production/seen").await.len(), 100_000);
        assert_eq!(status(client, "/e/site/production/-/parameters.json").await, 200);
        assert_eq!(status(client, "/api/v1/projects/site/assets").await, 200);
    }
    assert!(begun.elapsed() < PROBE_MAX, "what needs no store took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_stops_only_what_needs_it() {
    let Some(mut bucket) = bucket() else { return };
    let target = bucket.endpoint.as_deref().unwrap().trim_start_matches("http://").parse().unwrap();
    let proxy = Proxy::to(target).await;
    bucket.endpoint = Some(format!("http://{}", proxy.address));
    let folder = tempfile::tempdir().unwrap();
    let (server, ledger) = (Process::start(folder.path(), &bucket_settings(bucket), &[]), Ledger::default());
    let client = server.client();
    found(&client).await;
    ledger.put(&client, "seen", 1, 100_000).await.unwrap();
    ledger.put(&client, "unseen", 2, 100_000).await.unwrap();
    publish(&client).await.unwrap();
    client.bytes("/e/site/production/seen").await;
    client.get("/e/site/production/-/parameters.json").await;
    assert_eq!(status(&client, "/readyz").await, 200);

    for (round, line) in [(10, Line::IsUnavailable), (20, Line::Resets)] {
        proxy.set(line);
        is_alive_but_not_ready(&client).await;
        let (begun, before) = (Instant::now(), proxy.happened());
        ledger.put(&client, "refused", round, 50_000).await.unwrap_err().says(503, "busy");
        assert!(begun.elapsed() < ANSWER_MAX);
        let attempts = proxy.happened() - before;
        assert!((2..=2 * ATTEMPTS_MAX).contains(&attempts), "{attempts} attempts"); // the probe's may be among them
        proxy.set(Line::Passes);
        ledger.put(&client, "refused", round, 50_000).await.unwrap();
        assert_eq!(status(&client, "/readyz").await, 200);
    }

    proxy.set(Line::Stalls);
    let put = {
        let (client, ledger) = (client.clone(), ledger.clone());
        tokio::spawn(async move { ledger.put(&client, "stalled", 30, 50_000).await })
    };
    let read = tokio::spawn({
        let client = client.clone();
        async move { client.bytes("/e/site/production/unseen").await.len() }
    });
    is_alive_but_not_ready(&client).await;
    assert!(!put.is_finished() && !read.is_finished());
    proxy.set(Line::Passes);
    put.await.unwrap().unwrap();
    assert_eq!(read.await.unwrap(), 100_000);
    until("it is ready again", PROBE_MAX, async || status(&client, "/readyz").await == 200).await;
    ledger.is_whole(&client).await;
}
