//! Who may do what: each role includes the ones before it, and a project that may not be seen does not exist.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::service::TestService;

const ROLES: [&str; 4] = ["viewer", "editor", "release_manager", "administrator"];

#[tokio::test]
async fn each_verb_needs_its_role() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..])]).await;
        service.release(Vec::new()).await;
        for _ in ROLES {
            service.post("/projects/site/work-items", json!({ "title": "t" })).await.ok();
        }
        for (rank, role) in ROLES.into_iter().enumerate() {
            let token = service.token(role, None).await;
            let item = |rest: &str| format!("/work-items/W-{}{rest}", rank + 1);
            let request =
                |method, address: &str| service.request_as(&token, method, &format!("/projects/site{address}"));
            let get = |address: &str| request(Method::GET, address);
            let post = |address: &str, body| request(Method::POST, address).json(&body);
            let cases: Vec<(usize, RequestBuilder)> = vec![
                (0, get("")),
                (0, get("/files/a")),
                (0, get("/assets")),
                (0, get("/releases/R-1/changes")),
                (0, get("/compare?from=empty&to=latest")),
                (0, get("/environments/staging/deployments")),
                (0, get("/work-items")),
                (0, get("/work-items.csv")),
                (0, get(&item("/history"))),
                (0, get(&item("/trace"))),
                (0, get("/builds/R-1.1/evidence")),
                (0, get("/releases/R-1/items")),
                (0, post("/work-items", json!({ "title": "t" }))),
                (0, post(&item("/comments"), json!({ "text": "t" }))),
                (1, request(Method::PATCH, &item("")).json(&json!({ "priority": "high" }))),
                (
                    1,
                    request(Method::PUT, &item("/position"))
                        .json(&json!({ "after": format!("W-{}", (rank + 1) % 4 + 1) })),
                ),
                (1, post(&item("/versions"), json!({ "versions": [{ "path": "a" }] }))),
                (1, request(Method::DELETE, &item("/versions")).json(&json!({ "versions": [{ "path": "a" }] }))),
                (1, post(&item("/evidence"), json!({ "test_case": "t", "outcome": "pass" }))),
                (1, post(&item("/transitions"), json!({ "transition": "resolve" }))),
                (2, post(&item("/authorisation"), json!({ "remark": "for them" }))),
                (2, post("/releases/R-2/items", json!({ "items": [format!("W-{}", rank + 1)] }))),
                (2, request(Method::DELETE, &format!("/releases/R-2/items/W-{}", rank + 1))),
                (1, request(Method::PUT, &format!("/files/{role}")).body("x")),
                (1, post("/assets/move", json!({ "from": "a", "to": "a" }))),
                (2, post("/releases", json!({ "title": "t" }))),
                (2, post("/releases/R-1/builds", json!({}))),
                (2, post("/environments/staging/promote", json!({ "build": build }))),
                (3, request(Method::PATCH, "").json(&json!({ "title": "t" }))),
                (3, post("/environments", json!({ "name": format!("e{rank}") }))),
                (3, service.request_as(&token, Method::GET, "/tokens")),
                (4, service.request_as(&token, Method::POST, "/projects").json(&json!({ "name": "p" }))),
                (4, service.request_as(&token, Method::GET, "/store")),
                (4, service.request_as(&token, Method::GET, "/audit")),
                (4, service.request_as(&token, Method::GET, "/audit/verify")),
                (4, service.request_as(&token, Method::POST, "/store/gc")),
            ];
            for (needed, request) in cases {
                let shown = format!("{role}: {request:?}");
                let answer = service.send(request).await;
                if rank >= needed {
                    assert!(answer.status.is_success(), "{shown}: {answer:?}");
                } else {
                    println!("{shown}");
                    answer.problem(403, "forbidden");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_project_that_may_not_be_seen_does_not_exist() {
    for service in TestService::on_each_database().await {
        let token = service.token("administrator", None).await;
        service.post("/projects", json!({ "name": "secret" })).await.ok();
        for address in ["/projects/secret", "/projects/secret/assets", "/audit?project=secret", "/projects/never-made"]
        {
            service.send(service.request_as(&token, Method::GET, address)).await.problem(404, "not-found");
        }
        let put = service.request_as(&token, Method::PUT, "/projects/secret/files/a").body("x");
        service.send(put).await.problem(404, "not-found");
        let list = service.send(service.request_as(&token, Method::GET, "/projects")).await.ok();
        let names: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|project| project["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["site"]);
        let tokens = service.send(service.request_as(&token, Method::GET, "/tokens")).await.ok();
        assert!(tokens["items"].as_array().unwrap().iter().all(|token| token["project"] == "site"), "{tokens}");
    }
}

#[tokio::test]
async fn a_token_for_one_environment_promotes_there_and_nowhere_else() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..])]).await;
        let token = service.token("release_manager", Some("staging")).await;
        let promote = |environment: &str| {
            let address = format!("/projects/site/environments/{environment}/promote");
            service.send(service.request_as(&token, Method::POST, &address).json(&json!({ "build": build })))
        };
        promote("staging").await.ok();
        promote("production").await.problem(403, "forbidden");
        let put = service.request_as(&token, Method::PUT, "/projects/site/files/a").body("x");
        service.send(put).await.problem(403, "forbidden");
        let me = service.send(service.request_as(&token, Method::GET, "/me")).await.ok();
        assert_eq!(me["grants"], json!([{ "role": "release_manager", "project": "site", "environment": "staging" }]));
    }
}
