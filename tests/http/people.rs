//! People, their roles, and the tokens that speak for them.

use reqwest::Method;
use serde_json::json;

use crate::service::{TestService, text};

#[tokio::test]
async fn a_person_can_do_what_their_role_says_within_what_their_token_says() {
    for service in TestService::on_each_database().await {
        service
            .post("/users", json!({ "name": "anna", "title": "Anna Weber", "email": "anna@example.org" }))
            .await
            .ok();
        let token = |role: &str| json!({ "name": "laptop", "user": "anna", "role": role });
        let secret = text(&service.post("/tokens", token("administrator")).await.ok()["token"]);
        let read = || service.send(service.request_as(&secret, Method::GET, "/projects/site"));
        read().await.problem(404, "not-found");

        let role =
            |role: &str| service.request(Method::PUT, "/projects/site/members/anna").json(&json!({ "role": role }));
        assert_eq!(service.send(role("editor")).await.status, 204);
        read().await.ok();
        let me = service.send(service.request_as(&secret, Method::GET, "/me")).await.ok();
        assert_eq!((&me["id"], &me["name"], &me["user"]), (&json!("@anna"), &json!("Anna Weber"), &json!("anna")));
        assert_eq!(me["grants"], json!([{ "role": "editor", "project": "site", "environment": null }]));
        let put = |secret: &str| service.request_as(secret, Method::PUT, "/projects/site/files/a").body("x");
        service.send(put(&secret)).await.ok();
        let weaker = text(&service.post("/tokens", token("viewer")).await.ok()["token"]);
        service.send(put(&weaker)).await.problem(403, "forbidden");

        let members = service.read("/projects/site/members").await.ok();
        assert_eq!(
            members["items"],
            json!([{ "user": "anna", "title": "Anna Weber", "role": "editor", "everywhere": false }])
        );
        service.patch("/users/anna", json!({ "disabled": true })).await.ok();
        service.send(put(&secret)).await.problem(401, "unauthenticated");
        service.patch("/users/anna", json!({ "disabled": false })).await.ok();
        assert_eq!(service.delete("/projects/site/members/anna").await.status, 204);
        read().await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_person_makes_tokens_for_themselves_only_and_changes_only_themselves() {
    for service in TestService::on_each_database().await {
        for name in ["anna", "ben"] {
            service.post("/users", json!({ "name": name })).await.ok();
        }
        let everywhere = service.request(Method::PUT, "/users/anna/role").json(&json!({ "role": "viewer" }));
        assert_eq!(service.send(everywhere).await.status, 204);
        let anna = service.post("/tokens", json!({ "name": "a", "user": "anna", "role": "viewer" })).await.ok();
        let anna = text(&anna["token"]);
        let ask = |method, address: &str, body| service.send(service.request_as(&anna, method, address).json(&body));

        ask(Method::POST, "/tokens", json!({ "name": "b", "user": "anna", "role": "administrator" })).await.ok();
        ask(Method::POST, "/tokens", json!({ "name": "b", "user": "ben", "role": "viewer" }))
            .await
            .problem(403, "forbidden");
        ask(Method::POST, "/tokens", json!({ "name": "b", "role": "viewer" })).await.problem(403, "forbidden");
        assert_eq!(ask(Method::PATCH, "/users/anna", json!({ "email": "a@b.c" })).await.ok()["email"], "a@b.c");
        assert_eq!(ask(Method::PATCH, "/users/anna", json!({ "email": null })).await.ok()["email"], json!(null));
        ask(Method::PATCH, "/users/anna", json!({ "disabled": false })).await.problem(403, "forbidden");
        ask(Method::PATCH, "/users/ben", json!({ "title": "x" })).await.problem(403, "forbidden");
        ask(Method::GET, "/users", json!({})).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_person_is_said() {
    let service = TestService::start().await;
    service.post("/users", json!({ "name": "anna" })).await.ok();
    service.post("/users", json!({ "name": "anna" })).await.problem(409, "conflict");
    let wrong = service.post("/users", json!({ "name": "ben", "email": "nowhere" })).await.problem(400, "invalid");
    assert_eq!(wrong["field"], "email");
    service.post("/users", json!({ "name": "Ben" })).await.problem(400, "invalid");
    service.post("/tokens", json!({ "name": "t", "user": "ben", "role": "viewer" })).await.problem(404, "not-found");
    service.patch("/users/ben", json!({ "title": "x" })).await.problem(404, "not-found");
    let member = service.request(Method::PUT, "/projects/site/members/ben").json(&json!({ "role": "viewer" }));
    service.send(member).await.problem(404, "not-found");
    service.delete("/projects/site/members/anna").await.problem(404, "not-found");
    let stale =
        service.request(Method::PATCH, "/users/anna").header("If-Match", "\"7\"").json(&json!({ "title": "x" }));
    assert_eq!(service.send(stale).await.problem(412, "stale")["current"]["revision"], 1);
}
