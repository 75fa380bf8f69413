//! Bodies, addresses and parameters that are not what they should be: each names the field at fault.

use reqwest::Method;
use serde_json::{Value, json};

use super::bad_input::{INVALID, TOO_LARGE, refused};
use crate::service::{TestService, text};

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be() {
    for service in TestService::on_each_database().await {
        let plain = |body: &str| service.request(Method::POST, "/projects").body(body.to_owned());
        let raw = |body: &str| plain(body).header("Content-Type", "application/json");
        let cases = vec![
            ("JSON that is none", raw("{"), ""),
            ("more than one JSON", raw(r#"{"name":"x"} {}"#), ""),
            ("unknown field", raw(r#"{"name":"x","titel":"y"}"#), "titel"),
            ("field twice", raw(r#"{"name":"x","name":"y"}"#), "name"),
            ("missing field", raw("{}"), "name"),
            ("no body", raw(""), "name"),
            ("wrong type", raw(r#"{"name":7}"#), "name"),
            ("a name that is none", raw(r#"{"name":"No Name"}"#), "name"),
            ("a text with NUL", raw(r#"{"name":"x","title":"a\u0000b"}"#), ""),
        ];
        refused(&service, INVALID, cases).await;
        let form = vec![("a form", plain(r#"{"name":"x"}"#), "")];
        refused(&service, (415, "unsupported-media-type"), form).await;
        refused(&service, TOO_LARGE, vec![("too much", raw(&" ".repeat(2 << 20)), "")]).await;
    }
}

#[tokio::test]
async fn a_value_that_is_not_what_it_should_be() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("a", "a").await["asset"]["id"]);
        let release = format!("/projects/site/releases/{}", service.release(Vec::new()).await);
        let post = |address: &str, body: Value| service.request(Method::POST, address).json(&body);
        let change = |change: Value| post(&format!("{release}/changes"), json!({ "add": [change] }));
        let revert =
            |version: Value| post(&format!("/projects/site/assets/{id}/revert"), json!({ "version": version }));
        let environment = |body: Value| post("/projects/site/environments", body);
        let token = |role: &str, expires_at: &str| {
            post("/tokens", json!({ "name": "x", "role": role, "expires_at": expires_at }))
        };
        let cases = vec![
            ("kind of change", change(json!({ "kind": "wish" })), "add[0].kind"),
            ("unknown field of a change", change(json!({ "kind": "latest", "path": "a" })), "add[0].path"),
            ("change without its asset", change(json!({ "kind": "asset" })), "path"),
            ("version 0 in a change", change(json!({ "kind": "asset", "path": "a", "version": 0 })), "version"),
            ("path of a change", change(json!({ "kind": "remove", "path": "a//b" })), "add[0]"),
            ("version 0", revert(json!(0)), "version"),
            ("version beyond numbers", revert(json!(1e30)), "version"),
            ("version as text", revert(json!("1")), "version"),
            ("position", environment(json!({ "name": "x", "position": 9 })), ""),
            ("visibility", environment(json!({ "name": "x", "visibility": "secret" })), "visibility"),
            ("base", post(&format!("{release}/builds"), json!({ "base": "yesterday" })), "base"),
            ("expiry", token("viewer", "soon"), "expires_at"),
            ("expiry in the past", token("viewer", "2020-01-01T00:00:00Z"), ""),
            ("role", token("king", "2999-01-01T00:00:00Z"), "role"),
            ("content", post("/projects/site/contents/lookup", json!({ "contents": ["AB"] })), "contents[0]"),
        ];
        refused(&service, INVALID, cases).await;
        let many = json!({ "contents": vec!["0".repeat(64); 10_001] });
        let many = vec![("too many lines", post("/projects/site/contents/lookup", many), "contents")];
        refused(&service, TOO_LARGE, many).await;
    }
}

#[tokio::test]
async fn an_address_or_parameter_that_is_not_what_it_should_be() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("a", "a").await["asset"]["id"]);
        let get = |address: &str| service.request(Method::GET, &format!("/projects/{address}"));
        let cases = vec![
            ("project", get("No_Project"), "project"),
            ("asset", get("site/assets/7"), "asset"),
            ("version", get(&format!("site/assets/{id}/versions/0")), "version"),
            ("version of a file", get("site/files/a?version=-1"), "version"),
            ("version beyond numbers", get("site/files/a?version=99999999999999999999"), "version"),
            ("release", get("site/releases/12"), "release"),
            ("build", get("site/builds/R-1"), "build"),
            ("side", get("site/compare?from=here&to=empty"), "from"),
            ("a missing side", get("site/compare?from=empty"), "to"),
            ("an instant of a side", get("site/compare?from=environment:production@soon&to=empty"), "from"),
            ("instant", get("site/environments/production/served?at=2026-02-30"), "at"),
            ("unknown parameter", get("site/assets?prefx=a"), "prefx"),
            ("a parameter twice", get("site/assets?limit=1&limit=2"), "limit"),
            ("a flag", get("site/assets?deleted=perhaps"), "deleted"),
            ("a prefix with NUL", get("site/assets?prefix=a%00"), "prefix"),
        ];
        refused(&service, INVALID, cases).await;
    }
}

#[tokio::test]
async fn a_header_that_is_not_what_it_should_be() {
    for service in TestService::on_each_database().await {
        let put = |name: &str, value: &str| service.request(Method::PUT, "/projects/site/files/a").header(name, value);
        let cases = vec![
            ("message", put("X-Message", "100%"), "X-Message"),
            ("message with NUL", put("X-Message", "a%00"), "X-Message"),
            ("message that is not UTF-8", put("X-Message", "%FF"), "X-Message"),
            ("a header twice", put("X-Message", "a").header("X-Message", "b"), "X-Message"),
            ("metadata", put("X-Metadata", r#"{"x":1}"#), "X-Metadata"),
            ("metadata with NUL", put("X-Metadata", r#"{"title":"\u0000"}"#), "X-Metadata"),
            ("content", put("X-Content-Blake3", "ABC"), "X-Content-Blake3"),
        ];
        refused(&service, INVALID, cases).await;
    }
}
