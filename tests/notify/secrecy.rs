//! What must stay between two parties is in no log, however much is logged.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::eventually;
use super::receiver::{Mode, Receiver};
use crate::service::text;

const TOKEN: &str = "smt_administrator-whom-no-log-names";

/// A server that logs into a file. It is killed when this is dropped.
struct Logging {
    child: Child,
    url: String,
}

impl Logging {
    fn start(folder: &std::path::Path, log: File) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shelfmark"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .env("SHELFMARK_BOOTSTRAP_TOKEN", TOKEN)
            .env("SHELFMARK_LOG_LEVEL", "debug")
            .env("SHELFMARK_OUTBOUND_ALLOW_HOSTS", "[\"127.0.0.1\"]")
            .env("SHELFMARK_OUTBOUND_PORTS", "[]")
            .env("SHELFMARK_MAIL_PASSWORD", "the-password-of-the-mail-server")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        std::thread::spawn(move || lines.for_each(drop)); // so that it can go on talking
        Self { child, url }
    }

    async fn post(&self, address: &str, body: Value) -> Value {
        let request =
            reqwest::Client::new().post(format!("{}/api/v1{address}", self.url)).bearer_auth(TOKEN).json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{address}: {answer:?}");
        answer.json().await.unwrap()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_secret_a_token_or_the_address_of_a_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = Logging::start(&folder.path().join("data"), File::create(&log).unwrap());
    let receivers = [Receiver::start(Mode::Status(200)).await, Receiver::start(Mode::Status(500)).await];
    server.post("/projects", json!({ "name": "site" })).await;
    let mut secrets = vec![TOKEN.to_owned(), "the-password-of".to_owned(), "path-of-the-receiver".to_owned()];
    for receiver in &receivers {
        let url = format!("{}/path-of-the-receiver", receiver.url());
        let hook = server.post("/projects/site/webhooks", json!({ "url": url, "kinds": ["*"] })).await;
        secrets.push(text(&hook["secret"]));
        let address = format!("/projects/site/webhooks/{}/rotate", text(&hook["id"]));
        secrets.push(text(&server.post(&address, json!({ "grace_hours": 1 })).await["secret"]));
    }
    server.post("/projects/site/releases", json!({ "title": "one" })).await;
    for receiver in &receivers {
        eventually("a delivery", || async { !receiver.received().is_empty() }).await;
    }
    drop(server);

    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("webhook called"), "{log}");
    for secret in secrets {
        assert!(!log.contains(secret.trim_start_matches("whsec_")), "{secret} in {log}");
    }
}
