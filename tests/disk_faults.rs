//! Faults of the disk: whichever write, sync, rename or new file of a running server fails, nothing half is seen, the
//! same request succeeds when it is sent again, and nothing needs a restart.

use std::fs;
use std::path::PathBuf;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::laws::assets::tars::tar_of;
use crate::laws::ground::chance::noise;
use crate::laws::ground::faulty::Moment;
use crate::power::journal::{library, settings};
use crate::process::{Client, Process};

/// As the kernel numbers them: the disk fails, or is full.
const EIO: i64 = 5;
const ENOSPC: i64 = 28;

/// What the server's next calls to the disk are asked to do wrong.
struct Faults(PathBuf);

impl Faults {
    /// Lets the `n`th call from now on fail; 0: none.
    fn fail(&self, n: i64, error: i64, moment: Moment) {
        let asked = [n, error, i64::from(moment == Moment::After)];
        fs::write(&self.0, asked.map(i64::to_ne_bytes).concat()).unwrap();
    }

    /// Whether a call was asked to fail that has not come.
    fn is_pending(&self) -> bool {
        fs::read(&self.0).unwrap()[..8] != [0; 8]
    }
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Put,
    LargePut,
    Batch,
    Build,
    Promote,
    RollBack,
    Remove,
}

const WORKS: [Work; 7] =
    [Work::Put, Work::LargePut, Work::Batch, Work::Build, Work::Promote, Work::RollBack, Work::Remove];

/// One time of it, made ready.
struct Round<'c> {
    client: &'c Client,
    work: Work,
    path: String,
    /// A release to build, or a build to serve.
    name: String,
}

impl<'c> Round<'c> {
    async fn prepare(client: &'c Client, work: Work, number: usize) -> Self {
        let mut round = Self { client, work, path: format!("{work:?}/{number}"), name: String::new() };
        match work {
            Work::Put | Work::LargePut | Work::Batch => {}
            Work::Build => round.name = round.release().await,
            Work::Promote => round.name = round.build().await,
            Work::RollBack => {
                let builds = [round.build().await, round.build().await];
                for build in &builds {
                    client.post("projects/site/environments/staging/promote", json!({ "build": build })).await.unwrap();
                }
                round.name.clone_from(&builds[0]);
            }
            Work::Remove => drop(round.put(3).send().await.unwrap().error_for_status().unwrap()),
        }
        round
    }

    fn put(&self, size: usize) -> RequestBuilder {
        let address = format!("projects/site/files/{}", self.path);
        self.client.request(Method::PUT, &address).body(self.bytes(size))
    }

    fn bytes(&self, size: usize) -> bytes::Bytes {
        noise(self.path.bytes().fold(7, |seed, byte| seed * 31 % 1_000_003 + u64::from(byte)), size)
    }

    async fn release(&self) -> String {
        let release = self.client.post("projects/site/releases", json!({ "title": self.path })).await.unwrap();
        let number = release["number"].as_str().unwrap().to_owned();
        let change = json!({ "add": [{ "kind": "parameter", "name": "release", "value": number }] });
        self.client.post(&format!("projects/site/releases/{number}/changes"), change).await.unwrap();
        number
    }

    async fn build(&self) -> String {
        let address = format!("projects/site/releases/{}/builds", self.release().await);
        self.client.post(&address, json!({})).await.unwrap()["name"].as_str().unwrap().to_owned()
    }

    /// The request that is tried.
    fn request(&self) -> RequestBuilder {
        let post = |address: String, body: Value| self.client.request(Method::POST, &address).json(&body);
        match self.work {
            Work::Put => self.put(4_000),
            Work::LargePut => self.put(300_000),
            Work::Batch => {
                let files = [format!("{}/a", self.path), format!("{}/b", self.path)];
                let tar = tar_of(files.iter().map(|path| (path.as_str(), path.as_bytes())));
                self.client.request(Method::POST, "projects/site/batch").body(tar)
            }
            Work::Build => post(format!("projects/site/releases/{}/builds", self.name), json!({})),
            Work::Promote => {
                post("projects/site/environments/staging/promote".to_owned(), json!({ "build": self.name }))
            }
            Work::RollBack => {
                post("projects/site/environments/staging/rollback".to_owned(), json!({ "to": self.name }))
            }
            Work::Remove => {
                let address = format!("projects/site/files/{}", self.path);
                self.client.request(Method::DELETE, &address)
            }
        }
    }

    async fn assert_done(&self) {
        match self.work {
            Work::Put | Work::LargePut => {
                let size = if matches!(self.work, Work::Put) { 4_000 } else { 300_000 };
                let bytes = self.client.bytes(&format!("projects/site/files/{}", self.path)).await;
                assert!(bytes == self.bytes(size), "{}", self.path);
            }
            Work::Promote | Work::RollBack => {
                let served = self.client.get("/e/site/staging/-/parameters.json").await.to_string();
                assert!(served.contains(self.name.split('.').next().unwrap()), "{served} is what {} pins", self.name);
            }
            Work::Batch | Work::Build | Work::Remove => {}
        }
    }
}

/// How often something has happened, and everything that is there.
async fn seen(client: &Client) -> (Value, Value) {
    let audit = client.get("audit?limit=1").await;
    (audit["items"][0]["sequence"].clone(), client.get("projects/site/assets?limit=10000").await)
}

/// Of so many calls each one fails; of those that come later (SQLite writes each page by itself) one in ten.
const CALLS_EACH: usize = 30;

/// Lets calls fail in turn, until the request needs fewer of them.
async fn each_call_fails_once(client: &Client, faults: &Faults, work: Work, error: i64, moment: Moment, first: usize) {
    for n in (1..CALLS_EACH).chain((CALLS_EACH..).step_by(10)) {
        let round = Round::prepare(client, work, first + n).await;
        let before = seen(client).await;

        faults.fail(n as i64, error, moment);
        let status = round.request().send().await.unwrap().status();
        let is_over = faults.is_pending();
        faults.fail(0, 0, moment);

        let what = format!("{work:?}, error {error} {moment:?} call {n}: {status}");
        if status.is_success() {
            assert_ne!(seen(client).await, before, "{what}");
        } else {
            let is_said = match error {
                // SQLite tells a full disk from a failing one where it writes, but not where it syncs.
                ENOSPC => [StatusCode::INSUFFICIENT_STORAGE, StatusCode::SERVICE_UNAVAILABLE],
                _ => [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE],
            };
            assert!(is_said.contains(&status), "{what}");
            assert_eq!(seen(client).await, before, "{what}");
            let again = round.request().send().await.unwrap();
            assert!(again.status().is_success(), "{what}, and again {}", again.text().await.unwrap());
        }
        round.assert_done().await;
        if is_over {
            assert!(n > 1, "{work:?} asks nothing of the disk");
            println!("{work:?}: fewer than {n} calls, error {error} {moment:?}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_to_the_disk_may_fail_once() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let faults = Faults(folder.path().join("faults"));
    faults.fail(0, 0, Moment::Before);
    let root = data.path().canonicalize().unwrap();
    let mut settings = settings(&library(folder.path()), &root, &folder.path().join("journal"));
    settings.push(("JOURNAL_FAULTS".to_owned(), faults.0.to_str().unwrap().to_owned()));
    settings.push(("SHELFMARK_STORE_PACK_MIB".to_owned(), "1".to_owned()));
    let server = Process::start(&root, &settings, &[]);
    let client = server.client();
    client.post("projects", json!({ "name": "site" })).await.unwrap();

    let kinds = [(EIO, Moment::Before), (EIO, Moment::After), (ENOSPC, Moment::Before)];
    for (kind, (error, moment)) in kinds.into_iter().enumerate() {
        for work in WORKS {
            each_call_fails_once(&client, &faults, work, error, moment, kind * 1_000).await;
        }
    }

    // What was acknowledged is there after a kill, too.
    let before = seen(&client).await;
    server.kill();
    let server = Process::start(&root, &[], &[]);
    let client = server.client();
    assert_eq!(seen(&client).await, before);
    assert_eq!(client.get("audit/verify").await["intact"], true);
    crate::load::assert_undamaged(&client).await;
}
