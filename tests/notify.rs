//! Telling others of events, over the network: webhooks to real receivers, streams of events, mail to a real server.

mod commands;
mod hooks;
mod hostile;
mod mail;
mod receiver;
mod secrecy;
mod smtp;
mod streams;
mod webhooks;

use std::time::{Duration, Instant};

use serde_json::json;

use crate::service::TestService;

/// Waits until something holds, which it does soon or never.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Something happens in the project: a release is made.
pub async fn happen(service: &TestService) {
    service.post("/projects/site/releases", json!({ "title": "test" })).await.ok();
}
