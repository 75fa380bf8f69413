//! Bad input: each has a clear error that names the field, and nothing has changed.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::tar::{Entry, tar};
use crate::service::TestService;

/// What is refused: a name for messages, the request, the status, the problem's type, the field at fault.
pub type Case = (&'static str, RequestBuilder, u16, &'static str, Option<&'static str>);

/// Sends everything and compares; then nothing may have changed.
pub async fn refused(service: &TestService, cases: Vec<Case>) {
    let before = (service.audit_sequence().await, service.asset_revision().await);
    for (name, request, status, slug, field) in cases {
        println!("{name}"); // shown when the case fails
        let problem = service.send(request).await.problem(status, slug);
        if let Some(field) = field {
            assert_eq!(problem["field"], field, "{name}: {problem}");
        }
    }
    assert_eq!((service.audit_sequence().await, service.asset_revision().await), before, "nothing has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_is_none_is_refused() {
    const PATHS: [&str; 17] = [
        "a/../b",
        "..",
        "./a",
        "a/%2E%2E/b",
        "%2e%2e/b",
        "a//b",
        "/a",
        "a/",
        "",
        "a%00b",
        "a%5Cb",
        "cafe%CC%81.png",
        "-/manifest.json",
        "a%0Ab",
        "a%ZZ",
        "a%",
        "a%FF",
    ];
    for service in TestService::on_each_database().await {
        let before = (service.audit_sequence().await, service.asset_revision().await);
        let long = format!("x/{}", "y".repeat(1_023));
        for path in PATHS.into_iter().chain([&long[..]]) {
            // Sent as it is: a good client would put it right.
            let said =
                service.raw("PUT", &format!("/api/v1/projects/site/files/{path}"), "Content-Length: 1\r\n", b"x");
            assert!(said.starts_with("HTTP/1.1 400") && said.contains("\"field\":\"path\""), "{path}: {said}");
        }
        assert_eq!((service.audit_sequence().await, service.asset_revision().await), before);
    }
}

#[tokio::test]
async fn paths_that_differ_only_in_case_are_two_assets() {
    for service in TestService::on_each_database().await {
        service.put("Logo.svg", "1").await;
        assert_eq!(service.put("logo.svg", "2").await["outcome"], "created");
    }
}

#[tokio::test]
async fn a_tar_that_is_not_a_batch_is_refused_as_a_whole() {
    for service in TestService::on_each_database().await {
        let good = || Entry::file("good.txt", b"good");
        let batch =
            |entry: Entry<'_>| service.request(Method::POST, "/projects/site/batch").body(tar(&[good(), entry]));
        let whole = tar(&[good(), Entry::file("b.txt", &[7; 2_000])]);
        let cut = |at: usize| service.request(Method::POST, "/projects/site/batch").body(whole[..at].to_vec());
        let known = blake3::hash(b"not here").to_string();
        let kind = |kind| batch(Entry::of_kind("link", kind));
        refused(
            &service,
            vec![
                ("symlink", kind(::tar::EntryType::Symlink), 400, "invalid", None),
                ("hard link", kind(::tar::EntryType::Link), 400, "invalid", None),
                ("device", kind(::tar::EntryType::Char), 400, "invalid", None),
                ("pipe", kind(::tar::EntryType::Fifo), 400, "invalid", None),
                ("absolute path", batch(Entry::file("/etc/passwd", b"x")), 400, "invalid", None),
                ("path upwards", batch(Entry::file("a/../../b", b"x")), 400, "invalid", None),
                ("backslash", batch(Entry::file("a\\b", b"x")), 400, "invalid", None),
                ("the same name twice", batch(good()), 400, "invalid", None),
                ("wrong digest", batch(Entry::file("c", b"x").with("SHELFMARK.content", &known)), 400, "invalid", None),
                (
                    "metadata that is none",
                    batch(Entry::file("c", b"x").with("SHELFMARK.metadata", "{\"x\":1}")),
                    400,
                    "invalid",
                    None,
                ),
                (
                    "unknown content",
                    batch(Entry::file("c", b"").with("SHELFMARK.content", &known).with("SHELFMARK.known", "1")),
                    409,
                    "conflict",
                    None,
                ),
                ("cut in a file", cut(whole.len() - 1_024 - 500), 400, "invalid", None),
                ("cut in a header", cut(700), 400, "invalid", None),
                ("without an end", cut(whole.len() - 1_024), 400, "invalid", None),
                (
                    "no tar",
                    service.request(Method::POST, "/projects/site/batch").body("no tar at all"),
                    400,
                    "invalid",
                    None,
                ),
            ],
        )
        .await;
        service.read("/projects/site/files/good.txt").await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..])]).await;
        let nobody = uuid::Uuid::new_v4();
        let asset = format!("/projects/site/assets/{nobody}");
        let get = |address: &str| service.request(Method::GET, address);
        let post = |address: &str, body: Value| service.request(Method::POST, address).json(&body);
        refused(
            &service,
            vec![
                ("project", get("/projects/nowhere"), 404, "not-found", None),
                (
                    "project of a put",
                    service.request(Method::PUT, "/projects/nowhere/files/a").body("x"),
                    404,
                    "not-found",
                    None,
                ),
                ("file", get("/projects/site/files/b"), 404, "not-found", None),
                ("version of a file", get("/projects/site/files/a?version=2"), 404, "not-found", None),
                ("asset", get(&asset), 404, "not-found", None),
                ("versions of an asset", get(&format!("{asset}/versions")), 404, "not-found", None),
                ("asset to revert", post(&format!("{asset}/revert"), json!({ "version": 1 })), 404, "not-found", None),
                ("file to delete", service.request(Method::DELETE, "/projects/site/files/b"), 404, "not-found", None),
                (
                    "path to move",
                    post("/projects/site/assets/move", json!({ "from": "b", "to": "c" })),
                    404,
                    "not-found",
                    None,
                ),
                ("environment", get("/projects/site/environments/moon"), 404, "not-found", None),
                (
                    "environment to promote to",
                    post("/projects/site/environments/moon/promote", json!({ "build": build })),
                    404,
                    "not-found",
                    None,
                ),
                ("release", get("/projects/site/releases/R-99"), 404, "not-found", None),
                ("release to build", post("/projects/site/releases/R-99/builds", json!({})), 404, "not-found", None),
                ("build", get("/projects/site/builds/R-1.99"), 404, "not-found", None),
                (
                    "build to promote",
                    post("/projects/site/environments/staging/promote", json!({ "build": "R-9.1" })),
                    404,
                    "not-found",
                    None,
                ),
                ("build to compare", get("/projects/site/compare?from=R-9.1&to=empty"), 404, "not-found", None),
                ("token", service.request(Method::DELETE, "/tokens/none"), 404, "not-found", None),
                ("address", get("/nothing/here"), 404, "not-found", None),
                (
                    "version out of range",
                    post(
                        "/projects/site/releases/R-1/changes",
                        json!({ "add": [{ "kind": "asset", "path": "a", "version": 7 }] }),
                    ),
                    404,
                    "not-found",
                    None,
                ),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn what_belongs_to_another_project_is_not_there() {
    for service in TestService::on_each_database().await {
        service.post("/projects", json!({ "name": "other" })).await.ok();
        let foreign = service.send(service.request(Method::PUT, "/projects/other/files/a").body("x")).await.ok();
        let foreign = &foreign["asset"]["id"];
        service.post("/projects/other/releases", json!({ "title": "t" })).await.ok();
        service.post("/projects/other/releases/R-1/changes", json!({ "add": [{ "kind": "latest" }] })).await.ok();
        service.post("/projects/other/releases/R-1/builds", json!({})).await.ok();
        let release = service.release(Vec::new()).await;
        let post = |address: &str, body: Value| service.request(Method::POST, address).json(&body);
        let change = json!({ "add": [{ "kind": "asset", "asset": foreign, "version": 1 }] });
        refused(
            &service,
            vec![
                ("change", post(&format!("/projects/site/releases/{release}/changes"), change), 404, "not-found", None),
                (
                    "build",
                    post("/projects/site/environments/staging/promote", json!({ "build": "R-1.1" })),
                    404,
                    "not-found",
                    None,
                ),
                (
                    "asset",
                    service.request(Method::GET, &format!("/projects/site/assets/{}", foreign.as_str().unwrap())),
                    404,
                    "not-found",
                    None,
                ),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_a_conflict() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        service.put("b", "b").await;
        let empty = service.release(Vec::new()).await;
        let post = |address: &str, body: Value| service.request(Method::POST, address).json(&body);
        let changes = format!("/projects/site/releases/{empty}/changes");
        refused(
            &service,
            vec![
                (
                    "build of an empty release",
                    post(&format!("/projects/site/releases/{empty}/builds"), json!({})),
                    409,
                    "conflict",
                    None,
                ),
                ("project that is there", post("/projects", json!({ "name": "site" })), 409, "conflict", None),
                (
                    "environment that is there",
                    post("/projects/site/environments", json!({ "name": "staging" })),
                    409,
                    "conflict",
                    None,
                ),
                (
                    "move onto another",
                    post("/projects/site/assets/move", json!({ "from": "a", "to": "b" })),
                    409,
                    "conflict",
                    None,
                ),
                (
                    "rollback of nothing",
                    post("/projects/site/environments/production/rollback", json!({})),
                    409,
                    "conflict",
                    None,
                ),
                (
                    "removal of nothing",
                    post(&changes, json!({ "add": [{ "kind": "remove", "path": "a" }] })),
                    409,
                    "conflict",
                    None,
                ),
            ],
        )
        .await;
    }
}
