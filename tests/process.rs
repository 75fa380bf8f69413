//! The program itself, started as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use shelfmark_engine::store::S3Config;

const TOKEN: &str = "smt_administrator-of-this-process";
/// A start takes at most this long, whatever the end before it left behind.
const START_MAX: Duration = Duration::from_secs(5);
/// An end that was asked for takes at most this long: the grace that requests under way have, and a little.
const END_MAX: Duration = Duration::from_secs(40);

/// A running server. It is killed when this is dropped.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// Starts the program on a data folder. `wrapper` is a program that runs it, with its arguments; none for none.
    pub fn start(folder: &Path, settings: &[(String, String)], wrapper: &[&str]) -> Self {
        let program = [wrapper, &[env!("CARGO_BIN_EXE_shelfmark")]].concat();
        let begun = Instant::now();
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .envs(settings.iter().cloned())
            .env("SHELFMARK_BOOTSTRAP_TOKEN", TOKEN)
            .env("SHELFMARK_LOG_LEVEL", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("it says where it serves").expect("what it says is text");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("the line has an address");
        assert!(begun.elapsed() < START_MAX, "the start took {:?}", begun.elapsed());
        let url = url.to_owned();
        std::thread::spawn(move || lines.for_each(drop)); // so that it can go on talking
        Self { child, url }
    }

    /// Ends the process at once, wherever it is.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }

    /// The most memory that it has had so far, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system tells");
        let kib = peak.trim().trim_end_matches("kB").trim().parse::<u64>().expect("it is a number");
        kib << 10
    }

    /// Asks the process to end, as an administrator or a supervisor does.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is everywhere").success());
    }

    /// Waits until the process has ended by itself.
    pub fn ended(mut self) -> ExitStatus {
        let until = Instant::now() + END_MAX;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return status;
            }
            assert!(Instant::now() < until, "it has not ended after {END_MAX:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn client(&self) -> Client {
        Client { url: self.url.clone(), client: reqwest::Client::new() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings by their names, as variables.
pub fn settings<const N: usize>(named: [(&str, String); N]) -> Vec<(String, String)> {
    named.into_iter().map(|(name, value)| (format!("SHELFMARK_{name}"), value)).collect()
}

/// The settings of a store in a bucket.
pub fn bucket_settings(bucket: S3Config) -> Vec<(String, String)> {
    settings([
        ("STORE_KIND", "s3".into()),
        ("STORE_ENDPOINT", bucket.endpoint.unwrap_or_default()),
        ("STORE_BUCKET", bucket.bucket),
        ("STORE_PREFIX", bucket.prefix),
        ("STORE_ACCESS_KEY", bucket.access_key.unwrap_or_default()),
        ("STORE_SECRET_KEY", bucket.secret_key.unwrap_or_default()),
        ("STORE_ALLOW_HTTP", "true".into()),
    ])
}

/// An administrator who speaks to a server.
#[derive(Clone)]
pub struct Client {
    url: String,
    client: reqwest::Client,
}

impl Client {
    /// A request to an address below the API's root, or to a whole path when it begins with `/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(TOKEN)
    }

    /// Sends JSON; the answer if it was a success.
    pub async fn post(&self, path: &str, body: Value) -> Option<Value> {
        let answer = self.request(Method::POST, path).json(&body).send().await.ok()?;
        if answer.status().is_success() { answer.json().await.ok() } else { None }
    }

    /// The JSON at an address, which must be there.
    pub async fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path).await).expect("it is JSON")
    }

    /// The bytes at an address, which must be there.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.request(Method::GET, path).send().await.expect("the server answers");
        let status = answer.status();
        let bytes = answer.bytes().await.expect("the whole answer comes").to_vec();
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&bytes));
        bytes
    }
}
