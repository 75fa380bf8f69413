//! Webhooks, events and subscriptions by command line.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use super::receiver::{Mode, Receiver};
use crate::service::{ADMINISTRATOR, TestService, text};

fn command(service: &TestService, token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shelfmark"));
    command.args(arguments).env_clear().env("HOME", service.running.services.config.data.folder.join("home"));
    command.env("SHELFMARK_URL", &service.url).env("SHELFMARK_TOKEN", token).env("SHELFMARK_PROJECT", "site");
    command
}

/// Runs a command that must succeed; gives what it said.
fn step(service: &TestService, token: &str, arguments: &[&str]) -> String {
    let done = command(service, token, arguments).output().unwrap();
    let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn webhooks_are_administered_as_they_are_typed() {
    let service = TestService::start_with(|config| {
        config.outbound.allow_private = true;
        config.outbound.ports = Vec::new();
    })
    .await;
    let receiver = Receiver::start(Mode::Status(200)).await;
    let run = |arguments: &[&str]| step(&service, ADMINISTRATOR, arguments);
    let made = run(&["--json", "webhook", "create", &receiver.url(), "--kind", "release.*", "--description", "ours"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = text(&made["id"]);
    assert!(text(&made["secret"]).starts_with("whsec_"));
    assert!(run(&["webhook", "create", "https://example.org/"]).contains("whsec_"));
    assert!(run(&["webhook", "list"]).contains("release.*") && !run(&["webhook", "list"]).contains("whsec_"));
    assert!(run(&["webhook", "test", &id]).contains("status 200"));
    let tested = receiver.received()[0].sequence();
    assert!(run(&["webhook", "deliveries", &id]).contains("webhook.tested"));
    assert!(run(&["webhook", "deliveries", &id, &tested.to_string()]).contains("is delivered"));
    run(&["webhook", "replay", &id, "--sequence", &tested.to_string()]);
    run(&["webhook", "replay", &id, "--since", "1"]);
    assert!(run(&["webhook", "set", &id, "--kind", "*", "--enabled", "false"]).contains("false"));
    assert!(run(&["webhook", "show", &id]).contains(&id));
    assert!(run(&["webhook", "rotate", &id, "--grace-hours", "1"]).contains("whsec_"));
    receiver.behave(Mode::Status(500));
    run(&["webhook", "set", &id, "--enabled", "true"]);
    let failed = command(&service, ADMINISTRATOR, &["webhook", "test", &id]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8(failed.stderr).unwrap().contains("status 500"));
    run(&["webhook", "rm", &id]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_are_followed_over_a_break() {
    let service = TestService::start().await;
    service.post("/projects/site/releases", json!({ "title": "one" })).await.ok();
    let past = step(&service, ADMINISTRATOR, &["events", "--kind", "release.*"]);
    assert!(past.contains("release.created  R-1  by administrator"), "{past}");
    let mut following =
        command(&service, ADMINISTRATOR, &["--json", "events", "--follow", "--since", "0", "--kind", "release.*"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let next = |lines: &mut std::io::Lines<_>| -> Value {
        let line = tokio::task::block_in_place(|| lines.next()).unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(next(&mut lines)["data"]["subject"], "R-1");
    service.post("/projects/site/releases", json!({ "title": "two" })).await.ok();
    assert_eq!(next(&mut lines)["data"]["subject"], "R-2");
    following.kill().unwrap();
    following.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_person_subscribes_as_they_type() {
    let service = TestService::start().await;
    service.post("/users", json!({ "name": "anna", "email": "anna@example.org" })).await.ok();
    let role = service.request(Method::PUT, "/projects/site/members/anna").json(&json!({ "role": "viewer" }));
    assert_eq!(service.send(role).await.status, 204);
    let token = json!({ "name": "laptop", "user": "anna", "role": "viewer" });
    let token = text(&service.post("/tokens", token).await.ok()["token"]);
    let run = |arguments: &[&str]| step(&service, &token, arguments);
    assert!(run(&["subscribe", "mentions", "assigned"]).contains("No server for mail is set yet"));
    run(&["subscribe", "release.*", "--when", "daily", "--time", "07:30", "--zone", "Europe/Berlin"]);
    let listed = run(&["subscriptions"]);
    assert!(listed.contains("mentions assigned") && listed.contains("Europe/Berlin"), "{listed}");
    let all: Value = serde_json::from_str(&run(&["--json", "subscriptions"])).unwrap();
    let ids: Vec<String> = all["items"].as_array().unwrap().iter().map(|one| text(&one["id"])).collect();
    run(&["unsubscribe", &ids[0], &ids[1]]);
    assert!(run(&["subscriptions"]).contains("subscribed to nothing"));
}
