//! The work register over HTTP and by command line.

mod export;
mod lists;
mod refusals;
mod story;
mod typed;

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, TestService, text};

const ITEMS: &str = "/projects/site/work-items";

/// A token of a person with a role in the project.
async fn person(service: &TestService, name: &str, role: &str) -> String {
    service.post("/users", json!({ "name": name, "email": format!("{name}@example.org") })).await.ok();
    let member = service.request(Method::PUT, &format!("/projects/site/members/{name}"));
    assert_eq!(service.send(member.json(&json!({ "role": role }))).await.status, 204);
    let token = json!({ "name": name, "user": name, "role": role });
    text(&service.post("/tokens", token).await.ok()["token"])
}

async fn post_as(service: &TestService, token: &str, address: &str, body: Value) -> Answer {
    service.send(service.request_as(token, Method::POST, address).json(&body)).await
}

/// Takes a step with an item as an administrator.
async fn step(service: &TestService, item: &str, transition: &str) -> Answer {
    let body = json!({ "transition": transition, "reason": "a reason" });
    service.post(&format!("{ITEMS}/{item}/transitions"), body).await
}
