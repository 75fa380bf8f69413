//! Bad input: each has a clear error that names the field, and nothing has changed.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::tar::{Entry, tar};
use crate::service::TestService;

/// What is refused: a name for messages, the request, the status, the problem's type, the field at fault.
type Case = (&'static str, RequestBuilder, u16, &'static str, Option<&'static str>);

/// Sends everything and compares; then nothing may have changed.
async fn refused(service: &TestService, cases: Vec<Case>) {
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

#[tokio::test]
async fn a_path_that_is_none_is_refused() {
    for service in TestService::on_each_database().await {
        let long = format!("x/{}", "y".repeat(1_023));
        let paths = [
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
            "a%7F",
            "a%ZZ",
            "a%",
            "a%FF",
            &long,
        ];
        let put = |path: &&str| {
            let address = format!("/projects/site/files/{path}");
            ("path", service.request(Method::PUT, &address).body("x"), 400, "invalid", Some("path"))
        };
        refused(&service, paths.iter().map(put).collect()).await;
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

#[tokio::test]
async fn malformed_bodies_and_parameters_are_refused_with_their_field() {
    for service in TestService::on_each_database().await {
        let id = crate::service::text(&service.put("a", "a").await["asset"]["id"]);
        let release = service.release(Vec::new()).await;
        let get = |address: &str| service.request(Method::GET, address);
        let post = |address: &str, body: Value| service.request(Method::POST, address).json(&body);
        let raw = |body: &'static str| {
            service.request(Method::POST, "/projects").body(body).header("Content-Type", "application/json")
        };
        let changes = format!("/projects/site/releases/{release}/changes");
        let change = |change: Value| post(&changes, json!({ "add": [change] }));
        let revert =
            |version: Value| post(&format!("/projects/site/assets/{id}/revert"), json!({ "version": version }));
        refused(
            &service,
            vec![
                ("JSON that is none", raw("{"), 400, "invalid", None),
                ("more than one JSON", raw("{\"name\":\"x\"} {}"), 400, "invalid", None),
                ("unknown field", raw("{\"name\":\"x\",\"titel\":\"y\"}"), 400, "invalid", Some("titel")),
                ("field twice", raw("{\"name\":\"x\",\"name\":\"y\"}"), 400, "invalid", Some("name")),
                ("missing field", raw("{}"), 400, "invalid", Some("name")),
                ("wrong type", raw("{\"name\":7}"), 400, "invalid", Some("name")),
                ("name that is none", raw("{\"name\":\"No Name\"}"), 400, "invalid", Some("name")),
                ("text with NUL", raw("{\"name\":\"x\",\"title\":\"a\\u0000b\"}"), 400, "invalid", None),
                (
                    "not JSON by its type",
                    service.request(Method::POST, "/projects").body("{\"name\":\"x\"}"),
                    415,
                    "unsupported-media-type",
                    None,
                ),
                (
                    "body too large",
                    service
                        .request(Method::POST, "/projects")
                        .header("Content-Type", "application/json")
                        .body(" ".repeat(2 << 20)),
                    413,
                    "too-large",
                    None,
                ),
                ("unknown kind of change", change(json!({ "kind": "wish" })), 400, "invalid", Some("add[0]")),
                ("unknown field of a change", change(json!({ "kind": "latest", "path": "a" })), 400, "invalid", None),
                ("change without its asset", change(json!({ "kind": "asset" })), 400, "invalid", Some("path")),
                (
                    "version zero in a change",
                    change(json!({ "kind": "asset", "path": "a", "version": 0 })),
                    400,
                    "invalid",
                    Some("version"),
                ),
                ("version zero", revert(json!(0)), 400, "invalid", Some("version")),
                ("version beyond numbers", revert(json!(1e30)), 400, "invalid", Some("version")),
                (
                    "version in an address",
                    get(&format!("/projects/site/assets/{id}/versions/0")),
                    400,
                    "invalid",
                    Some("version"),
                ),
                ("version in a query", get("/projects/site/files/a?version=-1"), 400, "invalid", Some("version")),
                (
                    "position out of range",
                    post("/projects/site/environments", json!({ "name": "x", "position": 9 })),
                    400,
                    "invalid",
                    None,
                ),
                ("asset id", get("/projects/site/assets/7"), 400, "invalid", Some("asset")),
                ("project name", get("/projects/No_Project"), 400, "invalid", Some("project")),
                ("release number", get("/projects/site/releases/12"), 400, "invalid", Some("release")),
                ("build name", get("/projects/site/builds/R-1"), 400, "invalid", Some("build")),
                (
                    "base",
                    post(&format!("/projects/site/releases/{release}/builds"), json!({ "base": "yesterday" })),
                    400,
                    "invalid",
                    Some("base"),
                ),
                ("side", get("/projects/site/compare?from=here&to=empty"), 400, "invalid", Some("from")),
                ("latest on the left", get("/projects/site/compare?from=latest&to=empty"), 400, "invalid", None),
                (
                    "instant",
                    get("/projects/site/environments/production/served?at=2026-02-30"),
                    400,
                    "invalid",
                    Some("at"),
                ),
                (
                    "expiry",
                    post("/tokens", json!({ "name": "x", "role": "viewer", "expires_at": "soon" })),
                    400,
                    "invalid",
                    Some("expires_at"),
                ),
                ("role", post("/tokens", json!({ "name": "x", "role": "king" })), 400, "invalid", Some("role")),
                ("unknown parameter", get("/projects/site/assets?prefx=a"), 400, "invalid", Some("prefx")),
                ("parameter twice", get("/projects/site/assets?limit=1&limit=2"), 400, "invalid", Some("limit")),
                (
                    "message",
                    service.request(Method::PUT, "/projects/site/files/a").header("X-Message", "100%"),
                    400,
                    "invalid",
                    Some("X-Message"),
                ),
                (
                    "message with NUL",
                    service.request(Method::PUT, "/projects/site/files/a").header("X-Message", "a%00"),
                    400,
                    "invalid",
                    Some("X-Message"),
                ),
                (
                    "metadata",
                    service.request(Method::PUT, "/projects/site/files/a").header("X-Metadata", "{\"x\":1}"),
                    400,
                    "invalid",
                    Some("X-Metadata"),
                ),
                (
                    "too many lines",
                    post("/projects/site/contents/lookup", json!({ "contents": vec!["0".repeat(64); 10_001] })),
                    413,
                    "too-large",
                    Some("contents"),
                ),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn who_does_not_show_a_good_token_is_not_served() {
    for service in TestService::on_each_database().await {
        let soon = service.running.services.engine.clock.now().plus_ms(3_600_000).to_string();
        let body = json!({ "name": "brief", "role": "viewer", "expires_at": soon });
        let expiring = crate::service::text(&service.post("/tokens", body).await.ok()["token"]);
        let made = service.post("/tokens", json!({ "name": "gone", "role": "viewer" })).await.ok();
        let revoked = made["token"].as_str().unwrap();
        let me = |token: &str| service.request_as(token, Method::GET, "/me");
        assert_eq!(service.send(me(&expiring)).await.ok()["name"], "brief");
        assert_eq!(service.send(me(revoked)).await.ok()["name"], "gone");

        service.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).await.ok();
        service.send(me(revoked)).await.problem(401, "unauthenticated");
        let basic = service.anonymous(Method::GET, "/api/v1/me").basic_auth("a", Some("b"));
        for request in [service.anonymous(Method::GET, "/api/v1/me"), me("smt_never-made"), me(""), basic] {
            let answer = service.send(request).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.problem(401, "unauthenticated");
        }
        service.running.services.engine.clock.jump_ms(3_600_001);
        service.send(me(&expiring)).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_refused_with_those_that_it_takes() {
    let service = TestService::start().await;
    for (method, address, allow) in [
        (Method::DELETE, "/api/v1/projects", "GET, POST"),
        (Method::POST, "/api/v1/projects/site", "GET, PATCH"),
        (Method::POST, "/api/v1/projects/site/files/a/b.txt", "GET, HEAD, PUT, DELETE"),
        (Method::POST, "/healthz", "GET, HEAD"),
        (Method::GET, "/api/v1/projects/site/environments/staging/promote", "POST"),
    ] {
        let answer = service.send(service.anonymous(method, address)).await;
        assert_eq!(answer.header("allow"), allow, "{address}");
        answer.problem(405, "method-not-allowed");
    }
    service.send(service.anonymous(Method::GET, "/nowhere")).await.problem(404, "not-found");
}
