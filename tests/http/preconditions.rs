//! `If-Match` and `If-None-Match`: nobody's change is lost unseen.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::service::{TestService, text};

fn put(service: &TestService, name: &str, value: &str) -> RequestBuilder {
    service.request(Method::PUT, "/projects/site/files/a").body("new").header(name, value)
}

#[tokio::test]
async fn a_put_insists_on_the_version_that_it_saw() {
    for service in TestService::on_each_database().await {
        service.send(put(&service, "If-Match", "\"1\"")).await.problem(412, "stale");
        service.put("a", "one").await;
        service.put("a", "two").await;
        let before = service.asset_revision().await;

        let problem = service.send(put(&service, "If-Match", "\"1\"")).await.problem(412, "stale");
        assert!(problem["detail"].as_str().unwrap().contains("at version 2"), "{problem}");
        service.send(put(&service, "If-None-Match", "*")).await.problem(412, "stale");
        for (name, value) in
            [("If-Match", "1"), ("If-Match", "\"x\""), ("If-Match", "W/\"2\""), ("If-None-Match", "\"2\"")]
        {
            assert_eq!(service.send(put(&service, name, value)).await.problem(400, "invalid")["field"], name);
        }
        assert_eq!(service.asset_revision().await, before);

        assert_eq!(service.send(put(&service, "If-Match", "\"2\"")).await.ok()["asset"]["version"], 3);
        let delete = |tag: &str| service.request(Method::DELETE, "/projects/site/files/a").header("If-Match", tag);
        service.send(delete("\"2\"")).await.problem(412, "stale");
        service.send(delete("\"3\"")).await.ok();
    }
}

#[tokio::test]
async fn metadata_and_reverts_insist_on_the_version_too() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("a", "one").await["asset"]["id"]);
        service.put("a", "two").await;
        let address = format!("/projects/site/assets/{id}");
        let edit = |tag: &str| {
            let request = service.request(Method::PATCH, &address).header("If-Match", tag);
            service.send(request.json(&json!({ "metadata": { "title": "t" } })))
        };
        edit("\"1\"").await.problem(412, "stale");
        let tag = service.read(&address).await.header("etag").to_owned();
        assert_eq!(edit(&tag).await.header("etag"), "\"3\"");
        let revert = service.request(Method::POST, &format!("{address}/revert")).json(&json!({ "version": 1 }));
        service.send(revert.header("If-Match", "\"2\"")).await.problem(412, "stale");
    }
}

#[tokio::test]
async fn a_promotion_that_comes_too_late_is_told_what_won() {
    for service in TestService::on_each_database().await {
        let one = service.build_of([("a", &b"1"[..])]).await;
        let two = service.build_of([("a", &b"2"[..])]).await;
        let promote = |build: &str, tag: &str| {
            let request = service.request(Method::POST, "/projects/site/environments/production/promote");
            service.send(request.json(&json!({ "build": build })).header("If-Match", tag))
        };
        let seen = service.read("/projects/site/environments/production").await.header("etag").to_owned();
        assert_eq!(promote(&one, &seen).await.header("etag"), "\"1\"");

        let late = promote(&two, &seen).await.problem(412, "stale");

        assert_eq!(late["current"], json!({ "build": one, "revision": 1 }));
        assert_eq!(service.deployments("production").await.len(), 1);
        assert_eq!(promote(&two, "1").await.problem(400, "invalid")["field"], "If-Match");
        assert_eq!(promote(&two, "\"1\"").await.ok()["outcome"], "promoted");
        let back = service.request(Method::POST, "/projects/site/environments/production/rollback").json(&json!({}));
        service.send(back.header("If-Match", "\"1\"")).await.problem(412, "stale");
    }
}

#[tokio::test]
async fn a_release_is_described_only_as_it_was_seen() {
    for service in TestService::on_each_database().await {
        let address = format!("/projects/site/releases/{}", service.release(Vec::new()).await);
        let tag = service.read(&address).await.header("etag").to_owned();
        let describe = |title: &str, tag: &str| {
            let request = service.request(Method::PATCH, &address).header("If-Match", tag);
            service.send(request.json(&json!({ "title": title })))
        };
        let next = describe("first", &tag).await;
        assert!(next.header("etag") > &tag[..]);
        describe("second", &tag).await.problem(412, "stale");
        assert_eq!(service.read(&address).await.ok()["title"], "first");
        assert_eq!(service.read(&address).await.header("etag"), next.header("etag"));
    }
}
