//! A content may be larger than the memory that the server is allowed.

use bytes::Bytes;
use futures::StreamExt as _;
use reqwest::{Body, Method, StatusCode};
use serde_json::json;

use crate::process::Process;

/// What the server may allocate, in bytes: 150 MiB are gone when it has started, for the stacks of its threads and
/// what the allocator sets aside.
const ALLOWED_BYTES: u64 = 400 << 20;
const CONTENT_BYTES: u64 = 700 << 20;
/// What one upload may take on top of what the server has taken before, in bytes.
const UPLOAD_BYTES_MAX: u64 = 64 << 20;
const PIECE_BYTES: usize = 1 << 20;

/// The `n`th part of the content.
fn piece(n: u64) -> Bytes {
    let mut bytes = vec![0; PIECE_BYTES];
    blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_larger_than_the_memory_of_the_server_is_stored_and_served() {
    let folder = tempfile::tempdir().unwrap();
    let limit = format!("--data={ALLOWED_BYTES}");
    let server = Process::start(folder.path(), &[], &["prlimit", &limit]);
    let client = server.client();
    client.post("projects", json!({ "name": "site" })).await.unwrap();
    let idle_bytes = server.peak_bytes();
    let mut sent = blake3::Hasher::new();
    let (hashes, mut hashed) = tokio::sync::mpsc::unbounded_channel();
    let pieces = futures::stream::iter(0..CONTENT_BYTES / PIECE_BYTES as u64).map(move |n| {
        let bytes = piece(n);
        hashes.send(bytes.clone()).unwrap();
        Ok::<_, std::io::Error>(bytes)
    });
    let hashing = tokio::spawn(async move {
        while let Some(bytes) = hashed.recv().await {
            sent.update(&bytes);
        }
        sent.finalize()
    });

    let put = client.request(Method::PUT, "projects/site/files/large.bin").body(Body::wrap_stream(pieces));
    let stored = put.send().await.unwrap();
    assert_eq!(stored.status(), StatusCode::CREATED);
    let taken_bytes = server.peak_bytes() - idle_bytes;
    assert!(taken_bytes < UPLOAD_BYTES_MAX, "the upload took {} MiB", taken_bytes >> 20);
    let sent = hashing.await.unwrap();
    let stored: serde_json::Value = stored.json().await.unwrap();
    assert_eq!(stored["asset"]["content"], sent.to_hex().as_str());
    assert_eq!(stored["asset"]["size_bytes"], CONTENT_BYTES);

    let served = client.request(Method::GET, "projects/site/files/large.bin").send().await.unwrap();
    assert_eq!(served.status(), StatusCode::OK);
    let mut came = blake3::Hasher::new();
    let mut body = served.bytes_stream();
    while let Some(bytes) = body.next().await {
        came.update(&bytes.unwrap());
    }
    assert_eq!(came.finalize(), sent);

    // The list of its chunks has several segments; a range may touch any of them, or two.
    for first in (0..CONTENT_BYTES / PIECE_BYTES as u64 - 1).step_by(57) {
        let range = format!("bytes={}-{}", first * PIECE_BYTES as u64 + 7, (first + 1) * PIECE_BYTES as u64 + 99);
        let part = client.request(Method::GET, "projects/site/files/large.bin").header("range", range);
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert!(part.bytes().await.unwrap() == [&piece(first)[7..], &piece(first + 1)[..100]].concat());
    }
}
