//! Who shows no good token, and who asks for what can't be done.

use reqwest::Method;
use serde_json::json;

use crate::service::TestService;

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
        (Method::POST, "/api/v1/projects/site/files/a/b.txt", "DELETE, GET, HEAD, PUT"),
        (Method::POST, "/healthz", "GET, HEAD"),
        (Method::GET, "/api/v1/projects/site/environments/staging/promote", "POST"),
    ] {
        let answer = service.send(service.anonymous(method, address)).await;
        assert_eq!(answer.header("allow"), allow, "{address}");
        answer.problem(405, "method-not-allowed");
    }
    service.send(service.anonymous(Method::GET, "/nowhere")).await.problem(404, "not-found");
}

#[tokio::test]
async fn without_a_token_that_suffices_nothing_changes() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..])]).await;
        let soon = service.running.services.engine.clock.now().plus_ms(3_600_000).to_string();
        let body = json!({ "name": "brief", "role": "administrator", "expires_at": soon });
        let expired = crate::service::text(&service.post("/tokens", body).await.ok()["token"]);
        let viewer = service.token("viewer", None).await;
        service.running.services.engine.clock.jump_ms(3_600_001);
        let before = (service.audit_sequence().await, service.asset_revision().await);
        let site = |rest: &str| format!("/projects/site{rest}");
        let changes = [
            (Method::PUT, site("/files/b"), json!("b")),
            (Method::DELETE, site("/files/a"), json!({})),
            (Method::POST, site("/batch"), json!({})),
            (Method::POST, site("/assets/move"), json!({ "from": "a", "to": "b" })),
            (Method::POST, site("/releases"), json!({ "title": "t" })),
            (Method::POST, site("/releases/R-1/builds"), json!({})),
            (Method::POST, site("/environments/staging/promote"), json!({ "build": build })),
            (Method::POST, site("/environments"), json!({ "name": "x" })),
            (Method::PATCH, site(""), json!({ "title": "t" })),
            (Method::POST, "/projects".into(), json!({ "name": "x" })),
            (Method::POST, "/tokens".into(), json!({ "name": "x", "role": "viewer" })),
        ];
        for (method, address, body) in changes {
            println!("{method} {address}"); // shown when the case fails
            let missing = service.anonymous(method.clone(), &format!("/api/v1{address}"));
            service.send(missing.json(&body)).await.problem(401, "unauthenticated");
            for token in ["smt_never-made", &expired] {
                let request = service.request_as(token, method.clone(), &address).json(&body);
                service.send(request).await.problem(401, "unauthenticated");
            }
            let request = service.request_as(&viewer, method, &address).json(&body);
            service.send(request).await.problem(403, "forbidden");
        }
        assert_eq!((service.audit_sequence().await, service.asset_revision().await), before);
    }
}
