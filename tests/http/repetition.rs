//! `Idempotency-Key`: a request that was sent twice has its effect once.

use reqwest::Method;
use serde_json::{Value, json};

use super::tar::{Entry, tar};
use crate::service::{Answer, TestService};

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

#[tokio::test]
async fn a_repeated_batch_makes_no_second_versions() {
    for service in TestService::on_each_database().await {
        let batch = |bytes: &'static [u8]| {
            let request = service.request(Method::POST, "/projects/site/batch").header("Idempotency-Key", "b");
            service.send(request.body(tar(&[Entry::file("a.txt", bytes)])))
        };
        let first = batch(b"one").await.ok();
        service.put("a.txt", "two").await;
        let again = batch(b"one").await.ok();
        assert_eq!((&first["created"], &again["created"]), (&json!(1), &json!(1)));
        assert_eq!(service.read("/projects/site/files/a.txt").await.bytes, "two");
    }
}
