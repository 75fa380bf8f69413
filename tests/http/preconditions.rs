//! `If-Match` and `If-None-Match`: nobody's change is lost unseen.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

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

/// Changes something at the address twice as it was seen at first: the second time is too late, and is told the
/// present revision, which then works.
async fn is_changed_only_as_seen(service: &TestService, see: &str, method: Method, change: &str, bodies: [Value; 3]) {
    let send = |tag: &str, body: &Value| {
        service.send(service.request(method.clone(), change).header("If-Match", tag).json(body))
    };
    let [first, late, last] = bodies;
    let tag = service.read(see).await.header("etag").to_owned();
    let next = send(&tag, &first).await;
    let seen = service.read(see).await.header("etag").to_owned();
    assert_eq!(next.header("etag"), seen, "{change}: {next:?}");
    assert_ne!(seen, tag, "{change}");
    let before = service.audit_sequence().await;

    let problem = send(&tag, &late).await.problem(412, "stale");

    assert_eq!(format!("\"{}\"", problem["current"]["revision"]), seen, "{problem}");
    assert_eq!(send("1", &late).await.problem(400, "invalid")["field"], "If-Match");
    assert_eq!(service.audit_sequence().await, before);
    assert_eq!(service.read(see).await.header("etag"), seen);
    send(&seen, &last).await.ok();
    send("*", &last).await.ok();
    service.send(service.request(method.clone(), change).json(&last)).await.ok();
}

#[tokio::test]
async fn projects_environments_and_changes_are_changed_only_as_they_were_seen() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        let titles = ["one", "two", "three"].map(|title| json!({ "title": title }));
        is_changed_only_as_seen(&service, "/projects/site", Method::PATCH, "/projects/site", titles).await;
        assert_eq!(service.read("/projects/site").await.ok()["title"], "three");

        let staging = "/projects/site/environments/staging";
        let settings =
            [json!({ "visibility": "public" }), json!({ "position": 1 }), json!({ "visibility": "private" })];
        is_changed_only_as_seen(&service, staging, Method::PATCH, staging, settings).await;
        assert_eq!(service.read(staging).await.ok()["position"], 2);

        let release = format!("/projects/site/releases/{}", service.release(Vec::new()).await);
        let lines = format!("{release}/changes");
        let adds = ["a/", "b/", "c/"]
            .map(|prefix| json!({ "add": [{ "kind": "access", "prefix": prefix, "visibility": "private" }] }));
        is_changed_only_as_seen(&service, &release, Method::POST, &lines, adds).await;
        service.post(&lines, json!({ "add": [{ "kind": "latest" }] })).await.ok();
        let removals = ["-/access/a", "a", "-/access/c"].map(|key| json!({ "keys": [key] }));
        is_changed_only_as_seen(&service, &lines, Method::DELETE, &lines, removals).await;
        let left = service.read(&lines).await.ok();
        assert_eq!(left["items"].as_array().unwrap().iter().map(|line| &line["key"]).collect::<Vec<_>>(), ["a"]);
    }
}

#[tokio::test]
async fn a_promotion_insists_on_the_settings_that_it_saw_too() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"1"[..])]).await;
        let address = "/projects/site/environments/staging";
        service.promote("staging", &build).await;
        service.patch(address, json!({ "visibility": "public" })).await.ok();
        let seen = service.read(address).await.header("etag").to_owned();
        assert_eq!(seen, "\"2\"");
        let next = service.build_of([("a", &b"2"[..])]).await;
        let promote = |tag: &str, build: &str| {
            let request = service.request(Method::POST, &format!("{address}/promote")).header("If-Match", tag);
            service.send(request.json(&json!({ "build": build })))
        };
        promote("\"1\"", &next).await.problem(412, "stale");
        assert_eq!(promote(&seen, &build).await.header("etag"), seen, "what is served already");
        assert_eq!(promote(&seen, &next).await.header("etag"), "\"3\"");
        let revisions = service.deployments("staging").await;
        assert_eq!(revisions.iter().map(|deployment| &deployment["revision"]).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(service.get("/e/site/staging/a?at=2999-01-01T00:00:00Z").await, "2");
    }
}
