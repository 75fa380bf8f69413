//! The server is asked to end under load: what is under way is done, nothing is cut short, nobody new is let in.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::{Body, Method, StatusCode};

use super::ledger::{Ledger, found, until};
use crate::laws::ground::chance::noise;
use crate::process::{Client, Process};

const LARGE_BYTES: usize = 60_000_000;
/// What a slow client takes or sends at a time, and how long it rests then: some three seconds for all.
const PIECE_BYTES: usize = 1 << 20;
const REST: Duration = Duration::from_millis(50);

/// Reads the large content slowly; counts itself as soon as it has begun.
async fn download(client: Client, begun: Arc<AtomicU64>) {
    let answer = client.request(Method::GET, "/e/site/production/large").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    begun.fetch_add(1, Ordering::SeqCst);
    let (mut came, mut rested, mut hash) = (0, 0, blake3::Hasher::new());
    let mut body = answer.bytes_stream();
    while let Some(bytes) = body.next().await {
        let bytes = bytes.expect("the download is not cut short");
        (came, _) = (came + bytes.len(), hash.update(&bytes));
        if came - rested >= PIECE_BYTES {
            rested = came;
            tokio::time::sleep(REST).await;
        }
    }
    assert_eq!((came, hash.finalize()), (LARGE_BYTES, blake3::hash(&noise(1, LARGE_BYTES))));
}

/// Sends a content slowly; counts itself as soon as it has begun.
async fn upload(client: Client, begun: Arc<AtomicU64>, seed: u64) {
    let bytes = noise(seed, LARGE_BYTES / 2);
    let pieces = futures::stream::unfold(0, move |at| {
        let (bytes, begun) = (bytes.clone(), begun.clone());
        async move {
            if at == PIECE_BYTES {
                begun.fetch_add(1, Ordering::SeqCst);
            }
            tokio::time::sleep(REST).await;
            let end = bytes.len().min(at + PIECE_BYTES);
            (at < end).then(|| (Ok::<Bytes, std::io::Error>(bytes.slice(at..end)), end))
        }
    });
    let put = client.request(Method::PUT, &format!("projects/site/files/slow/{seed}"));
    let answer = put.body(Body::wrap_stream(pieces)).send().await.expect("the upload is answered");
    assert_eq!(answer.status(), StatusCode::CREATED);
}

/// Asks and asks on one connection until the server is gone; whoever is answered is answered whole.
async fn ask(client: Client, is_over: Arc<AtomicBool>) -> u64 {
    let mut answered = 0;
    loop {
        match client.request(Method::GET, "/e/site/production/small").send().await {
            Ok(answer) => {
                assert_eq!(answer.status(), StatusCode::OK);
                assert_eq!(answer.bytes().await.expect("the answer is whole").len(), 200_000);
                answered += 1;
            }
            Err(error) => {
                assert!(is_over.load(Ordering::SeqCst), "it was not asked to end yet: {error:?}");
                return answered;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_end_does_what_it_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ledger) = (Process::start(folder.path(), &[], &[]), Ledger::default());
    let client = server.client();
    found(&client).await;
    ledger.put(&client, "large", 1, LARGE_BYTES).await.unwrap();
    ledger.put(&client, "small", 2, 200_000).await.unwrap();
    super::ledger::publish(&client).await.unwrap();
    let (begun, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let downloads = (0..3).map(|_| tokio::spawn(download(server.client(), begun.clone()))).collect::<Vec<_>>();
    let uploads = [11, 12].map(|seed| tokio::spawn(upload(server.client(), begun.clone(), seed)));
    let asking = (0..4).map(|_| tokio::spawn(ask(server.client(), is_over.clone()))).collect::<Vec<_>>();
    until("all have begun", Duration::from_secs(20), async || begun.load(Ordering::SeqCst) == 5).await;

    is_over.store(true, Ordering::SeqCst);
    server.terminate();

    let address = server.url.trim_start_matches("http://").to_owned();
    until("nobody new is let in", Duration::from_secs(5), async || TcpStream::connect(&address).is_err()).await;
    assert!(downloads.iter().all(|download| !download.is_finished()), "downloads are under way still");
    for done in downloads.into_iter().chain(uploads) {
        done.await.unwrap();
    }
    for asked in asking {
        assert!(asked.await.unwrap() > 0);
    }
    assert!(server.ended().success());
    let server = Process::start(folder.path(), &[], &[]);
    let client = server.client();
    for seed in [11, 12] {
        assert!(client.bytes(&format!("projects/site/files/slow/{seed}")).await == noise(seed, LARGE_BYTES / 2));
    }
    ledger.is_whole(&client).await;
}
