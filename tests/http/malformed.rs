//! Bodies and parameters that are not what they should be.

use reqwest::Method;
use serde_json::{Value, json};

use super::bad_input::refused;
use crate::service::TestService;

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
                ("unknown kind of change", change(json!({ "kind": "wish" })), 400, "invalid", Some("add[0].kind")),
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
