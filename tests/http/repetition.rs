//! `Idempotency-Key`: a request that was sent twice has its effect once.

use reqwest::Method;
use serde_json::{Value, json};

use super::tar::{Entry, tar};
use crate::service::{Answer, TestService, text};

async fn post(service: &TestService, address: &str, key: &str, body: Value) -> Answer {
    service.send(service.request(Method::POST, address).header("Idempotency-Key", key).json(&body)).await
}

#[tokio::test]
async fn a_repeated_request_gets_what_the_first_one_made() {
    for service in TestService::on_each_database().await {
        let release = async |key| {
            post(&service, "/projects/site/releases", key, json!({ "title": "t" })).await.ok()["number"].clone()
        };
        assert_eq!(
            [release("a").await, release("a").await, release("b").await],
            [json!("R-1"), json!("R-1"), json!("R-2")]
        );
        service.put("a", "a").await;
        service.post("/projects/site/releases/R-1/changes", json!({ "add": [{ "kind": "latest" }] })).await.ok();
        let build =
            async |key| post(&service, "/projects/site/releases/R-1/builds", key, json!({})).await.ok()["name"].clone();
        assert_eq!(
            [build("c").await, build("c").await, build("d").await],
            [json!("R-1.1"), json!("R-1.1"), json!("R-1.2")]
        );
        let project = async || post(&service, "/projects", "e", json!({ "name": "p" })).await;
        let (first, second) = (project().await.ok(), project().await.ok());
        assert_eq!(first, second);
    }
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    for service in TestService::on_each_database().await {
        post(&service, "/projects/site/releases", "k", json!({ "title": "t" })).await.ok();
        let before = service.audit_sequence().await;
        post(&service, "/projects/site/releases", "k", json!({ "title": "another" })).await.problem(409, "conflict");
        post(&service, "/projects", "k", json!({ "name": "p" })).await.problem(409, "conflict");
        for key in ["", "ü", &"k".repeat(201)] {
            let request = service.request(Method::POST, "/projects/site/releases").json(&json!({ "title": "t" }));
            let key = reqwest::header::HeaderValue::from_bytes(key.as_bytes()).unwrap();
            let problem = service.send(request.header("Idempotency-Key", key)).await.problem(400, "invalid");
            assert_eq!(problem["field"], "Idempotency-Key");
        }
        assert_eq!(service.audit_sequence().await, before);
        let other = service.token("release_manager", None).await;
        let request =
            service.request_as(&other, Method::POST, "/projects/site/releases").header("Idempotency-Key", "k");
        assert_eq!(service.send(request.json(&json!({ "title": "t" }))).await.ok()["number"], "R-2");
    }
}

/// A project with something of everything, and requests that each change it; every one is made anew when it is sent.
async fn changes(service: &TestService) -> Vec<(Method, String, Vec<u8>)> {
    let id = text(&service.put("a", "one").await["asset"]["id"]);
    service.put("a", "two").await;
    let gone = text(&service.put("gone", "gone").await["asset"]["id"]);
    service.delete("/projects/site/files/gone").await.ok();
    service.put("old", "old").await;
    let [first, second] = [service.build_of([("b", b"1")]).await, service.build_of([("b", b"2")]).await];
    service.promote("staging", &first).await;
    service.promote("staging", &second).await;
    service.release(vec![json!({ "kind": "access", "prefix": "x/", "visibility": "private" })]).await;
    let json =
        |method, address: &str, body: Value| (method, format!("/projects/site{address}"), body.to_string().into());
    let post = |address: &str, body: Value| json(Method::POST, address, body);
    vec![
        post("/environments", json!({ "name": "preview" })),
        post(&format!("/assets/{id}/revert"), json!({ "version": 1 })),
        post("/assets/move", json!({ "from": "a", "to": "c" })),
        post(&format!("/assets/{gone}/undelete"), json!({})),
        post("/releases", json!({ "title": "t" })),
        post("/releases/R-3/changes", json!({ "add": [{ "kind": "asset", "path": "b" }] })),
        post("/releases/R-3/builds", json!({})),
        post("/environments/production/promote", json!({ "build": first })),
        post("/environments/staging/rollback", json!({ "reason": "wrong" })),
        json(Method::PATCH, "", json!({ "title": "Site" })),
        json(Method::PATCH, &format!("/assets/{id}"), json!({ "metadata": { "title": "t" } })),
        json(Method::PATCH, "/environments/preview", json!({ "visibility": "public" })),
        json(Method::PATCH, "/releases/R-4", json!({ "title": "another" })),
        json(Method::DELETE, "/releases/R-2/changes", json!({ "keys": ["b"] })),
        (Method::PUT, "/projects/site/files/new".into(), b"new".to_vec()),
        (Method::DELETE, "/projects/site/files/old".into(), Vec::new()),
        (Method::POST, "/projects/site/batch".into(), tar(&[Entry::file("many", b"many")])),
    ]
}

#[tokio::test]
async fn every_change_that_is_repeated_has_one_effect_and_one_answer() {
    for service in TestService::on_each_database().await {
        for (n, (method, address, body)) in changes(&service).await.into_iter().enumerate() {
            println!("{method} {address}"); // shown when the case fails
            let send = |message: &str| {
                let request = service.request(method.clone(), &address).body(body.clone());
                let request = request.header("Content-Type", "application/json").header("X-Message", message);
                service.send(request.header("Idempotency-Key", format!("key {n}")))
            };
            let before = service.audit_sequence().await;
            let first = send("").await;
            let after = service.audit_sequence().await;
            let again = send("").await;
            assert_eq!((first.status, first.header("etag")), (again.status, again.header("etag")), "{first:?}");
            assert_eq!(first.ok(), again.ok());
            send("meant otherwise").await.problem(409, "conflict");
            assert_eq!((before + 1, service.audit_sequence().await), (after, after), "one effect");
        }
    }
}

#[tokio::test]
async fn a_repeated_promotion_does_not_undo_the_rollback_in_between() {
    for service in TestService::on_each_database().await {
        let [one, two] = [service.build_of([("a", b"1")]).await, service.build_of([("a", b"2")]).await];
        service.promote("production", &one).await;
        let promote = || post(&service, "/projects/site/environments/production/promote", "k", json!({ "build": two }));
        let first = promote().await.ok();
        service.roll_back("production").await;
        assert_eq!(promote().await.ok(), first);
        assert_eq!(service.get("/e/site/production/a").await, "1");
    }
}

#[tokio::test]
async fn a_tokens_secret_is_shown_once_even_to_a_repetition() {
    for service in TestService::on_each_database().await {
        let make = |name: &str| post(&service, "/tokens", "k", json!({ "name": name, "role": "viewer" }));
        let made = make("t").await.ok();
        let before = service.audit_sequence().await;
        let again = make("t").await.problem(409, "conflict");
        assert!(again["detail"].as_str().unwrap().contains(made["id"].as_str().unwrap()), "{again}");
        assert!(!again.to_string().contains(made["token"].as_str().unwrap()), "{again}");
        make("another").await.problem(409, "conflict");
        assert_eq!(service.audit_sequence().await, before);
        assert_eq!(service.read("/tokens").await.ok()["items"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_repeated_batch_makes_no_second_versions() {
    for service in TestService::on_each_database().await {
        let batch = |key: &str, entries: &[Entry<'_>]| {
            let request = service.request(Method::POST, "/projects/site/batch").header("Idempotency-Key", key);
            service.send(request.body(tar(entries)))
        };
        let one = || [Entry::file("a.txt", b"one"), Entry::file("b.txt", b"b")];
        let first = batch("made", &one()).await.ok();
        let nothing = batch("nothing", &one()).await.ok();
        assert_eq!((&nothing["created"], &nothing["unchanged"], &nothing["bytes"]), (&json!(0), &json!(2), &json!(4)));
        service.put("a.txt", "two").await;
        let before = service.audit_sequence().await;

        assert_eq!(batch("made", &one()).await.ok(), first);
        assert_eq!(batch("nothing", &one()).await.ok(), nothing, "that nothing changed is an outcome too");

        let [a, b] = one();
        assert_eq!(batch("made", &[b, a]).await.ok(), first, "the same entries in another order");
        batch("made", &[Entry::file("a.txt", b"three"), Entry::file("b.txt", b"b")]).await.problem(409, "conflict");
        batch("made", &[Entry::file("a.txt", b"one")]).await.problem(409, "conflict");
        let titled = Entry::file("a.txt", b"one").with("SHELFMARK.metadata", r#"{"title":"T"}"#);
        batch("made", &[titled, Entry::file("b.txt", b"b")]).await.problem(409, "conflict");
        assert_eq!(service.audit_sequence().await, before);
        assert_eq!(service.read("/projects/site/files/a.txt").await.bytes, "two");
    }
}

#[tokio::test]
async fn a_repeated_upload_is_known_by_its_bytes() {
    for service in TestService::on_each_database().await {
        let put = |bytes: &'static str| {
            let request = service.request(Method::PUT, "/projects/site/files/a").header("Idempotency-Key", "k");
            service.send(request.body(bytes))
        };
        let first = put("one").await;
        service.put("a", "two").await;
        let again = put("one").await;
        assert_eq!((again.status.as_u16(), again.json()), (201, first.json()));
        put("three").await.problem(409, "conflict");
        assert_eq!(service.read("/projects/site/files/a").await.bytes, "two");
    }
}
