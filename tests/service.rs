//! A whole service for tests: its own data folder, its own database, a free port, and a client that speaks HTTP.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use shelfmark::app::{self, Running};
use shelfmark::config::Config;
use tempfile::TempDir;

/// The administrator's token of every service here.
pub const ADMINISTRATOR: &str = "smt_administrator-of-this-test";
/// A PostgreSQL server on which databases may be made.
const POSTGRES: &str = "SHELFMARK_TEST_POSTGRES";

/// A running service with the project `site`.
pub struct TestService {
    pub running: Running,
    pub url: String,
    client: reqwest::Client,
    token: String,
    _folder: std::sync::Arc<TempDir>,
}

/// An answer whose body has been read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, bytes: response.bytes().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// The problem document, which must be of this status and kind, and tell its request.
    #[track_caller]
    pub fn problem(self, status: u16, slug: &str) -> Value {
        let document = self.json();
        assert_eq!(
            (self.status.as_u16(), &document["type"]),
            (status, &json!(format!("urn:shelfmark:problem:{slug}"))),
            "{document}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(document["status"], status);
        assert_eq!(document["request_id"], self.header("x-request-id"));
        assert!(document["detail"].as_str().is_some_and(|text| text.len() > 10), "{document}");
        document
    }
}

impl TestService {
    /// A service on SQLite.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A service on each database that there is: SQLite, and PostgreSQL when a server is named.
    pub async fn on_each_database() -> Vec<Self> {
        let mut services = vec![Self::start().await];
        if let Ok(server) = std::env::var(POSTGRES) {
            let url = new_database(&server);
            services.push(Self::start_with(|config| config.database.url = url).await);
        }
        services
    }

    /// As `on_each_database`, with other settings.
    pub async fn on_each_database_with(change: impl Fn(&mut Config)) -> Vec<Self> {
        let mut services = vec![Self::start_with(&change).await];
        if let Ok(server) = std::env::var(POSTGRES) {
            let url = new_database(&server);
            let change = |config: &mut Config| {
                config.database.url = url;
                change(config);
            };
            services.push(Self::start_with(change).await);
        }
        services
    }

    /// A service on SQLite with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let service = Self::join_with(change).await;
        service.post("/projects", json!({ "name": "site" })).await.ok();
        service
    }

    /// A service with other settings, in which nothing is made: it may be another process of one that is there.
    pub async fn join_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.server.workers = 2;
        config.data.folder = folder.path().to_owned();
        config.database.connections_max = 4;
        change(&mut config);
        let running = app::start(config, Some(ADMINISTRATOR)).await.unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let url = format!("http://{}", running.address);
        Self { running, url, client, token: ADMINISTRATOR.to_owned(), _folder: folder.into() }
    }

    /// A request to an address below `/api/v1` with the administrator's token.
    pub fn request(&self, method: Method, address: &str) -> RequestBuilder {
        self.request_as(&self.token, method, address)
    }

    pub fn request_as(&self, token: &str, method: Method, address: &str) -> RequestBuilder {
        self.anonymous(method, &format!("/api/v1{address}")).bearer_auth(token)
    }

    /// A request without credentials to any address.
    pub fn anonymous(&self, method: Method, address: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{address}", self.url))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn read(&self, address: &str) -> Answer {
        self.send(self.request(Method::GET, address)).await
    }

    pub async fn post(&self, address: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, address).json(&body)).await
    }

    pub async fn patch(&self, address: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, address).json(&body)).await
    }

    pub async fn delete(&self, address: &str) -> Answer {
        self.send(self.request(Method::DELETE, address)).await
    }

    /// Uploads to the project `site`.
    pub async fn put(&self, path: &str, bytes: impl Into<reqwest::Body>) -> Value {
        let request = self.request(Method::PUT, &format!("/projects/site/files/{path}")).body(bytes);
        self.send(request).await.ok()
    }

    /// Makes a release of these files, and nothing else of the library, and builds it on nothing.
    pub async fn build_of<const N: usize>(&self, files: [(&str, &[u8]); N]) -> String {
        let mut changes = Vec::new();
        for (path, bytes) in files {
            self.put(path, bytes.to_vec()).await;
            changes.push(json!({ "kind": "asset", "path": path }));
        }
        let release = self.release(changes).await;
        let build = self.post(&format!("/projects/site/releases/{release}/builds"), json!({ "base": "empty" })).await;
        text(&build.ok()["name"])
    }

    /// Makes a release of these changes.
    pub async fn release(&self, changes: Vec<Value>) -> String {
        let release = self.post("/projects/site/releases", json!({ "title": "test" })).await.ok();
        let number = text(&release["number"]);
        self.post(&format!("/projects/site/releases/{number}/changes"), json!({ "add": changes })).await.ok();
        number
    }

    pub async fn promote(&self, environment: &str, build: &str) -> Value {
        let address = format!("/projects/site/environments/{environment}/promote");
        self.post(&address, json!({ "build": build })).await.ok()
    }

    pub async fn roll_back(&self, environment: &str) -> Value {
        self.post(&format!("/projects/site/environments/{environment}/rollback"), json!({})).await.ok()
    }

    /// Sends a request as it is written, with the administrator's token added, and hangs up. Gives what comes back;
    /// a connection that is reset says nothing. Needs a runtime of more than one thread.
    pub fn raw(&self, method: &str, address: &str, headers: &str, body: &[u8]) -> String {
        tokio::task::block_in_place(|| {
            let mut stream = TcpStream::connect(self.running.address).unwrap();
            let token = &self.token;
            let head =
                format!("{method} {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body).unwrap();
            let _ = stream.shutdown(Shutdown::Write); // it may have been answered and closed already
            let mut said = String::new();
            let _ = stream.read_to_string(&mut said);
            said
        })
    }

    /// What an environment has served, newest first.
    pub async fn deployments(&self, environment: &str) -> Vec<Value> {
        let list = self.read(&format!("/projects/site/environments/{environment}/deployments")).await.ok();
        list["items"].as_array().unwrap().clone()
    }

    /// The bytes at any address, asked for without credentials.
    pub async fn get(&self, address: &str) -> Bytes {
        let answer = self.send(self.anonymous(Method::GET, address)).await;
        assert!(answer.status.is_success(), "{address}: {answer:?}");
        answer.bytes
    }

    /// Makes a token for `site`, or for one of its environments.
    pub async fn token(&self, role: &str, environment: Option<&str>) -> String {
        let body = json!({ "name": role, "role": role, "project": "site", "environment": environment });
        text(&self.post("/tokens", body).await.ok()["token"])
    }

    /// The files of all packs.
    pub fn packs(&self) -> Vec<PathBuf> {
        let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let folder = self.running.services.config.data.folder.join("store/packs");
        entries(&folder).filter(|path| path.is_dir()).flat_map(|folder| entries(&folder).collect::<Vec<_>>()).collect()
    }

    /// Changes whenever any asset of `site` does.
    pub async fn asset_revision(&self) -> i64 {
        self.read("/projects/site").await.ok()["asset_revision"].as_i64().unwrap()
    }

    /// How far the audit trail has been written: changes whenever anything does.
    pub async fn audit_sequence(&self) -> i64 {
        self.read("/audit?limit=1").await.ok()["items"][0]["sequence"].as_i64().unwrap()
    }
}

impl Drop for TestService {
    fn drop(&mut self) {
        drop(self.running.handle.stop(false)); // the command is sent when the future is made
    }
}

/// A JSON text.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Makes a database of its own on a PostgreSQL server; returns its address.
fn new_database(server: &str) -> String {
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    let made = Command::new("psql").args(["-q", "-c", &format!("CREATE DATABASE {name}"), server]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (start, _) = server.rsplit_once('/').expect("an address ends with a database");
    format!("{start}/{name}")
}
