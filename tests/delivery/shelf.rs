//! A server that serves a project `site`, and someone who works in it behind its back.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode};
use shelfmark::app::{Running, start};
use shelfmark::config::{Config, StoreKind};
use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::pin::Visibility;
use shelfmark_engine::operations::{EnvironmentSettings, create_project, create_token, set_environment};
use tempfile::TempDir;

use crate::laws::ground::administrator;
use crate::laws::ground::site::{Site, of, token_for};

/// A running server with the project.
pub struct Shelf {
    pub site: Site,
    pub running: Running,
    http: Client,
    folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("it is text"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    /// The sentence of a problem; the answer must be one and name its request.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16());
        assert_eq!(document["request_id"], self.header("x-request-id"));
        document["detail"].as_str().expect("a problem has a sentence").to_owned()
    }
}

impl Deref for Shelf {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Shelf {
    /// A server on SQLite and a folder; staging and production are public.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let config = config(folder.path().to_owned());
        let shelf = Self::on(config, folder).await;
        create_project(&shelf.engine, &shelf.caller(), &shelf.name, "").await.expect("a project can be made");
        for environment in ["staging", "production"] {
            shelf.set_visibility(environment, Visibility::Public).await;
        }
        shelf
    }

    /// A server with these settings.
    pub async fn on(config: Config, folder: TempDir) -> Self {
        let running = start(config, Some("the-administrators-token-of-the-tests")).await.expect("it starts");
        let site = Site { engine: running.services.engine.clone(), who: administrator(), name: of("site") };
        Self { site, running, http: Client::new(), folder }
    }

    pub async fn set_visibility(&self, environment: &str, visibility: Visibility) {
        let settings = EnvironmentSettings { visibility: Some(visibility), ..EnvironmentSettings::default() };
        let set = set_environment(&self.engine, &self.caller(), &self.name, &of(environment), settings).await;
        set.expect("it is set");
        self.engine.pointers.refresh().await.expect("pointers are read");
    }

    /// Puts files and promotes a build of the library as it is then.
    pub async fn publish<'p>(&self, files: impl IntoIterator<Item = (&'p str, Bytes)>) -> String {
        for (path, bytes) in files {
            self.put(path, bytes).await;
        }
        let build = self.build_latest().await.name;
        self.promote("production", build).await;
        build.to_string()
    }

    /// A viewer's token, for one environment if one is named.
    pub async fn viewer(&self, project: &str, environment: Option<&str>) -> String {
        let grant = Grant { role: Role::Viewer, project: Some(of(project)), environment: environment.map(of) };
        let made = create_token(&self.engine, &self.caller(), token_for("viewer", grant, None)).await;
        made.expect("a token can be made").1
    }

    pub fn url(&self, address: &str) -> String {
        format!("http://{}{address}", self.running.address)
    }

    /// A request to be added to.
    pub fn get(&self, address: &str) -> RequestBuilder {
        self.http.get(self.url(address))
    }

    pub fn head(&self, address: &str) -> RequestBuilder {
        self.http.head(self.url(address))
    }

    pub async fn fetch(&self, address: &str) -> Answer {
        answer(self.get(address)).await
    }

    pub async fn fetch_as(&self, token: &str, address: &str) -> Answer {
        answer(self.get(address).bearer_auth(token)).await
    }

    /// The bytes at an address that must be there.
    pub async fn bytes_at(&self, address: &str) -> Bytes {
        let answer = self.fetch(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {answer:?}");
        answer.body
    }

    /// The files of all packs.
    pub fn packs(&self) -> Vec<PathBuf> {
        let folders = files(&self.folder.path().join("store/packs"));
        folders.iter().flat_map(|folder| files(folder)).collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is read");
    entries.map(|entry| entry.expect("it is read").path()).collect()
}

/// The settings of a server in a folder, on a port of its own.
pub fn config(folder: PathBuf) -> Config {
    let mut config = Config::load(None).expect("the defaults are settings");
    config.data.folder = folder;
    config.server.listen = "127.0.0.1:0".parse().expect("it is an address");
    config.server.workers = 2;
    config.store.kind = StoreKind::Folder;
    config
}

/// Sends a request and reads its answer to the end.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.expect("the answer does not break off") }
}
