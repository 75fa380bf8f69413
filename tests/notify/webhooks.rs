//! Administering webhooks over HTTP.

use reqwest::Method;
use serde_json::json;

use super::receiver::{Mode, Receiver};
use crate::service::{TestService, text};

const PLACE: &str = "/projects/site/webhooks";

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_removed_by_administrators() {
    for service in TestService::on_each_database().await {
        let body = json!({ "url": "https://example.org/hook", "kinds": ["release.*", "*"], "description": "ours" });
        let made = service.post(PLACE, body.clone()).await.ok();
        assert!(text(&made["secret"]).starts_with("whsec_"));
        let at = format!("{PLACE}/{}", text(&made["id"]));
        let shown = service.read(&at).await;
        assert_eq!(shown.header("etag"), "\"1\"");
        let shown = shown.ok();
        assert_eq!((&shown["kinds"], &shown["enabled"]), (&json!(["release.*", "*"]), &json!(true)));
        assert!(shown.get("secret").is_none());
        assert!(!service.read(PLACE).await.ok().to_string().contains("whsec_"));

        let change = |revision: &'static str| {
            service.request(Method::PATCH, &at).header("If-Match", revision).json(&json!({ "enabled": false }))
        };
        assert_eq!(service.send(change("\"1\"")).await.ok()["enabled"], false);
        let stale = service.send(change("\"1\"")).await.problem(412, "stale");
        assert_eq!(stale["current"]["revision"], 2);
        service.post(&format!("{at}/test"), json!({})).await.problem(409, "conflict");
        let rotated = service.post(&format!("{at}/rotate"), json!({ "grace_hours": 2 })).await.ok();
        assert!(rotated["secret"] != made["secret"] && rotated["old_secret_until"].is_string());
        let manager = service.token("release_manager", None).await;
        for (method, address) in [
            (Method::GET, PLACE.to_owned()),
            (Method::POST, PLACE.to_owned()),
            (Method::GET, at.clone()),
            (Method::DELETE, at.clone()),
            (Method::GET, format!("{at}/deliveries")),
            (Method::POST, format!("{at}/test")),
            (Method::POST, format!("{at}/rotate")),
        ] {
            let request = service.request_as(&manager, method.clone(), &address).json(&body);
            let refused = if method == Method::POST && !address.ends_with("webhooks") {
                service.request_as(&manager, method, &address)
            } else {
                request
            };
            service.send(refused).await.problem(403, "forbidden");
        }
        assert_eq!(service.delete(&at).await.status, 204);
        service.read(&at).await.problem(404, "not-found");
        service.delete(&at).await.problem(404, "not-found");
        let trail = service.read("/audit?project=site").await.ok().to_string();
        assert!(trail.contains("webhook.rotated") && !trail.contains("whsec_") && !trail.contains("example.org"));
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_field() {
    let service = TestService::start_with(|config| config.webhooks.per_project = 2).await;
    let body = |url: &str| json!({ "url": url, "kinds": ["*"] });
    for (body, field) in [
        (body("not an address"), "url"),
        (body("ftp://example.org/"), "url"),
        (body("https://example.org:25/"), "url"),
        (json!({ "url": "https://example.org/", "kinds": [] }), "kinds"),
        (json!({ "url": "https://example.org/", "kinds": ["release"] }), "kinds[0]"),
        (json!({ "url": "https://example.org/" }), "kinds"),
    ] {
        assert_eq!(service.post(PLACE, body.clone()).await.problem(400, "invalid")["field"], field, "{body}");
    }
    let keyed =
        || service.request(Method::POST, PLACE).header("Idempotency-Key", "k").json(&body("https://example.org/"));
    let made = service.send(keyed()).await.ok();
    let shown_once = service.send(keyed()).await.problem(409, "conflict");
    assert!(shown_once["detail"].as_str().unwrap().contains("shown then, once"));
    service.post(PLACE, body("https://example.org/")).await.ok();
    service.post(PLACE, body("https://example.org/")).await.problem(413, "too-large");
    let at = format!("{PLACE}/{}", text(&made["id"]));
    service.read(&format!("{at}/deliveries?state=lost")).await.problem(400, "invalid");
    service.read(&format!("{at}/deliveries/1")).await.problem(404, "not-found");
    service.post(&format!("{at}/replay"), json!({})).await.problem(400, "invalid");
    service.post(&format!("{at}/deliveries/99999/replay"), json!({})).await.problem(404, "not-found");
    service.post(&format!("{at}/rotate"), json!({ "grace_hours": 721 })).await.problem(400, "invalid");
    let page = service.read(&format!("{PLACE}?limit=1")).await.ok();
    let next = service.read(&format!("{PLACE}?limit=1&cursor={}", text(&page["next_cursor"]))).await.ok();
    assert!(page["items"][0]["id"].as_str() < next["items"][0]["id"].as_str() && next["next_cursor"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_another_project_does_not_exist_here() {
    let service = TestService::start().await;
    let receiver = Receiver::start(Mode::Status(200)).await;
    service.post("/projects", json!({ "name": "other" })).await.ok();
    let made =
        service.post("/projects/other/webhooks", json!({ "url": "https://example.org/", "kinds": ["*"] })).await.ok();
    let at = format!("{PLACE}/{}", text(&made["id"]));
    service.read(&at).await.problem(404, "not-found");
    service.patch(&at, json!({ "enabled": false })).await.problem(404, "not-found");
    service.delete(&at).await.problem(404, "not-found");
    service.post(&format!("{at}/test"), json!({})).await.problem(404, "not-found");
    assert_eq!(receiver.connections(), 0);
}
