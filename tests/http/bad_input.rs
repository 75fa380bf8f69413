//! Bad input: each has a clear error that says what to do, and nothing has changed.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::tar::{Entry, tar};
use crate::service::{TestService, text};

pub const INVALID: (u16, &str) = (400, "invalid");
pub const TOO_LARGE: (u16, &str) = (413, "too-large");
const NOT_FOUND: (u16, &str) = (404, "not-found");
const CONFLICT: (u16, &str) = (409, "conflict");

/// Sends requests that are all refused in the same way. Each has a name, and the field at fault or nothing; then
/// nothing may have changed.
pub async fn refused(service: &TestService, how: (u16, &str), cases: Vec<(&str, RequestBuilder, &str)>) {
    let before = (service.audit_sequence().await, service.asset_revision().await);
    for (name, request, field) in cases {
        println!("{name}"); // shown when the case fails
        let problem = service.send(request).await.problem(how.0, how.1);
        assert!(field.is_empty() || problem["field"] == field, "{name}: {problem}");
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
async fn paths_that_differ_only_in_case_are_two_assets_and_a_batch_names_them() {
    for service in TestService::on_each_database().await {
        service.put("Logo.svg", "1").await;
        assert_eq!(service.put("logo.svg", "2").await["outcome"], "created");
        let batch = service.request(Method::POST, "/projects/site/batch").body(tar(&[Entry::file("LOGO.svg", b"3")]));
        let named = json!([["LOGO.svg", "Logo.svg"], ["LOGO.svg", "logo.svg"]]);
        assert_eq!(service.send(batch).await.ok()["case_collisions"], named);
        assert_eq!(service.read("/projects/site/files/Logo.svg").await.bytes, "1");
    }
}

#[tokio::test]
async fn a_tar_that_is_not_a_batch_is_refused_as_a_whole() {
    for service in TestService::on_each_database().await {
        let good = || Entry::file("good.txt", b"good");
        let send = |body: Vec<u8>| service.request(Method::POST, "/projects/site/batch").body(body);
        let batch = |entry: Entry<'_>| send(tar(&[good(), entry]));
        let kind = |kind| batch(Entry::of_kind("link", kind));
        let file = |name| batch(Entry::file(name, b"x"));
        let whole = tar(&[good(), Entry::file("b.txt", &[7; 2_000])]);
        let cut = |at: usize| send(whole[..at].to_vec());
        let other = blake3::hash(b"not here").to_string();
        let known = Entry::file("c", b"").with("SHELFMARK.content", &other).with("SHELFMARK.known", "1");
        let cases = vec![
            ("symlink", kind(::tar::EntryType::Symlink), ""),
            ("hard link", kind(::tar::EntryType::Link), ""),
            ("device", kind(::tar::EntryType::Char), ""),
            ("block device", kind(::tar::EntryType::Block), ""),
            ("pipe", kind(::tar::EntryType::Fifo), ""),
            ("absolute path", file("/etc/passwd"), ""),
            ("path upwards", file("a/../../b"), ""),
            ("empty segment", file("a//b"), ""),
            ("wrong Unicode form", file("cafe\u{301}"), ""),
            ("reserved", file("-/x"), ""),
            ("backslash", file("a\\b"), ""),
            ("the same name twice", batch(good()), ""),
            ("wrong digest", batch(Entry::file("c", b"x").with("SHELFMARK.content", &other)), ""),
            ("metadata that is none", batch(Entry::file("c", b"x").with("SHELFMARK.metadata", r#"{"x":1}"#)), ""),
            ("cut in a file", cut(whole.len() - 1_024 - 500), ""),
            ("cut in a header", cut(700), ""),
            ("without an end", cut(whole.len() - 1_024), ""),
            ("no tar", send(b"no tar at all".to_vec()), ""),
        ];
        refused(&service, INVALID, cases).await;
        refused(&service, CONFLICT, vec![("unknown content", batch(known), "")]).await;
        service.read("/projects/site/files/good.txt").await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..])]).await;
        let asset = format!("site/assets/{}", uuid::Uuid::new_v4());
        let request = |method, address: &str| service.request(method, &format!("/projects/{address}"));
        let get = |address: &str| request(Method::GET, address);
        let post = |address: &str, body: Value| request(Method::POST, address).json(&body);
        let change = json!({ "add": [{ "kind": "asset", "path": "a", "version": 7 }] });
        let cases = vec![
            ("project", get("nowhere"), ""),
            ("project of a put", request(Method::PUT, "nowhere/files/a").body("x"), ""),
            ("file", get("site/files/b"), ""),
            ("version of a file", get("site/files/a?version=2"), ""),
            ("asset", get(&asset), ""),
            ("versions of an asset", get(&format!("{asset}/versions")), ""),
            ("asset to revert", post(&format!("{asset}/revert"), json!({ "version": 1 })), ""),
            ("file to delete", request(Method::DELETE, "site/files/b"), ""),
            ("path to move", post("site/assets/move", json!({ "from": "b", "to": "c" })), ""),
            ("environment", get("site/environments/moon"), ""),
            ("environment to promote to", post("site/environments/moon/promote", json!({ "build": build })), ""),
            ("release", get("site/releases/R-99"), ""),
            ("release to build", post("site/releases/R-99/builds", json!({})), ""),
            ("build", get("site/builds/R-1.99"), ""),
            ("build to promote", post("site/environments/staging/promote", json!({ "build": "R-9.1" })), ""),
            ("build to compare", get("site/compare?from=R-9.1&to=empty"), ""),
            ("version of a change", post("site/releases/R-1/changes", change), ""),
            ("token", service.request(Method::DELETE, "/tokens/none"), ""),
            ("address", get("site/nothing/here"), ""),
        ];
        refused(&service, NOT_FOUND, cases).await;
    }
}

#[tokio::test]
async fn what_belongs_to_another_project_is_not_there() {
    for service in TestService::on_each_database().await {
        service.post("/projects", json!({ "name": "other" })).await.ok();
        let foreign = service.send(service.request(Method::PUT, "/projects/other/files/a").body("x")).await.ok();
        let foreign = text(&foreign["asset"]["id"]);
        service.post("/projects/other/releases", json!({ "title": "t" })).await.ok();
        service.post("/projects/other/releases/R-1/changes", json!({ "add": [{ "kind": "latest" }] })).await.ok();
        service.post("/projects/other/releases/R-1/builds", json!({})).await.ok();
        let changes = format!("/projects/site/releases/{}/changes", service.release(Vec::new()).await);
        let post = |address: &str, body: Value| service.request(Method::POST, address).json(&body);
        let change = json!({ "add": [{ "kind": "asset", "asset": foreign, "version": 1 }] });
        let promotion = "/projects/site/environments/staging/promote";
        let cases = vec![
            ("version of a change", post(&changes, change), ""),
            ("build to promote", post(promotion, json!({ "build": "R-1.1" })), ""),
            ("asset", service.request(Method::GET, &format!("/projects/site/assets/{foreign}")), ""),
            ("asset to revert", post(&format!("/projects/site/assets/{foreign}/revert"), json!({ "version": 1 })), ""),
            ("build to compare", service.request(Method::GET, "/projects/site/compare?from=R-1.1&to=empty"), ""),
        ];
        refused(&service, NOT_FOUND, cases).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_a_conflict() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        service.put("b", "b").await;
        let empty = format!("site/releases/{}", service.release(Vec::new()).await);
        let post =
            |address: &str, body: Value| service.request(Method::POST, &format!("/projects/{address}")).json(&body);
        let removal = json!({ "add": [{ "kind": "remove", "path": "a" }] });
        let project = service.request(Method::POST, "/projects").json(&json!({ "name": "site" }));
        let cases = vec![
            ("build of an empty release", post(&format!("{empty}/builds"), json!({})), ""),
            ("removal of nothing", post(&format!("{empty}/changes"), removal), ""),
            ("project that is there", project, ""),
            ("environment that is there", post("site/environments", json!({ "name": "staging" })), ""),
            ("move onto another", post("site/assets/move", json!({ "from": "a", "to": "b" })), ""),
            ("rollback of nothing", post("site/environments/production/rollback", json!({})), ""),
        ];
        refused(&service, CONFLICT, cases).await;
    }
}
