//! What a server has acknowledged, kept by its client.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::laws::ground::chance::noise;
use crate::process::Client;

/// The longest that a request may take, whatever is broken.
pub const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A version that was acknowledged.
#[derive(Clone, Debug)]
struct File {
    path: String,
    version: i64,
    seed: u64,
    size: usize,
}

/// Why a request was not acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// An error status with its document.
    Problem(StatusCode, Value),
    /// No whole answer came.
    Broken(String),
}

impl Refusal {
    /// The status, which must have come with a problem document of this kind and a sentence.
    #[track_caller]
    pub fn says(&self, status: u16, slug: &str) -> &str {
        let Self::Problem(found, document) = self else { panic!("{self:?}") };
        assert_eq!(
            (found.as_u16(), &document["type"]),
            (status, &json!(format!("urn:shelfmark:problem:{slug}"))),
            "{document}"
        );
        document["detail"].as_str().filter(|text| text.len() > 20).expect("it says what to do")
    }

    /// Whether the server says that it is its own fault.
    pub fn is_the_servers(&self) -> bool {
        matches!(self, Self::Problem(status, _) if status.is_server_error())
    }
}

/// Sends a request. A success must be whole, an error must be a problem document.
pub async fn send(request: RequestBuilder) -> Result<Value, Refusal> {
    let broken = |error: reqwest::Error| Refusal::Broken(format!("{error:?}"));
    let answer = request.timeout(ANSWER_MAX).send().await.map_err(broken)?;
    let status = answer.status();
    let type_ = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let bytes = answer.bytes().await.map_err(broken)?;
    let document = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{status}: {bytes:?}"));
    if status.is_success() {
        return Ok(document);
    }
    assert_eq!(type_.as_deref(), Some("application/problem+json"), "{document}");
    Err(Refusal::Problem(status, document))
}

/// Cheap to clone; clones are the same ledger.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<File>>>);

impl Ledger {
    /// Uploads bytes that follow from a seed and notes it when that is acknowledged.
    pub async fn put(&self, client: &Client, path: &str, seed: u64, size: usize) -> Result<(), Refusal> {
        let request = client.request(Method::PUT, &format!("projects/site/files/{path}"));
        let answer = send(request.body(noise(seed, size))).await?;
        let version = answer["asset"]["version"].as_i64().unwrap();
        self.0.lock().unwrap().push(File { path: path.to_owned(), version, seed, size });
        Ok(())
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Everything acknowledged is there.
    pub async fn is_kept(&self, client: &Client) {
        let files = self.0.lock().unwrap().clone();
        for File { path, version, seed, size } in files {
            let bytes = client.bytes(&format!("projects/site/files/{path}?version={version}")).await;
            assert!(bytes == noise(seed, size), "{path} at version {version}");
        }
    }

    /// Everything acknowledged is there, and all that is there is whole.
    pub async fn is_whole(&self, client: &Client) {
        self.is_kept(client).await;
        assert_eq!(client.get("audit/verify").await["intact"], true);
        let checked = client.request(Method::POST, "store/fsck").json(&json!({})).send().await.unwrap();
        let checked = checked.text().await.unwrap();
        let last: Value = serde_json::from_str(checked.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["event"], &last["damaged"], &last["damaged_builds"]),
            (&json!("done"), &json!([]), &json!([]))
        );
    }
}

/// Asks again and again until the answer is yes.
pub async fn until(what: &str, longest: Duration, asked: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !asked().await {
        assert!(begun.elapsed() < longest, "{what} has not come within {longest:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes the project `site`.
pub async fn found(client: &Client) {
    client.post("projects", json!({ "name": "site" })).await.expect("a project can be made");
}

/// Releases the whole library to production.
pub async fn publish(client: &Client) -> Result<Value, Refusal> {
    let release = send(client.request(Method::POST, "projects/site/releases").json(&json!({ "title": "all" }))).await?;
    let release = format!("projects/site/releases/{}", release["number"].as_str().unwrap());
    let latest = json!({ "add": [{ "kind": "latest" }] });
    send(client.request(Method::POST, &format!("{release}/changes")).json(&latest)).await?;
    let build = send(client.request(Method::POST, &format!("{release}/builds")).json(&json!({}))).await?;
    let promote = client.request(Method::POST, "projects/site/environments/production/promote");
    send(promote.json(&json!({ "build": build["name"] }))).await
}
