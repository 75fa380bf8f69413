//! What is wrong with a request is said, and nothing is changed.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ITEMS, step};
use crate::service::TestService;

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        service.post(ITEMS, json!({ "title": "t" })).await.ok();
        let release = service.release(Vec::new()).await;
        let items = format!("/projects/site/releases/{release}/items");
        let at = |rest: &str| format!("{ITEMS}/W-1{rest}");
        let long = "x".repeat(16_385);
        let before = service.audit_sequence().await;
        let wrong: Vec<(Method, String, Value, &str)> = vec![
            (Method::POST, ITEMS.into(), json!({}), "title"),
            (Method::POST, ITEMS.into(), json!({ "title": "" }), "title"),
            (Method::POST, ITEMS.into(), json!({ "title": long }), "title"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "description": "\0" }), "description"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "kind": "wish" }), "kind"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "priority": 1 }), "priority"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "due_on": "tomorrow" }), "due_on"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "due_on": "-000001-01-01" }), "due_on"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "labels": ["a,b"] }), "labels[0]"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "link": "javascript:alert(1)" }), "link"),
            (Method::POST, ITEMS.into(), json!({ "title": "t", "status": "closed" }), "status"),
            (Method::PATCH, at(""), json!({ "requester": "anna" }), "requester"),
            (Method::POST, at("/transitions"), json!({ "transition": "release" }), "transition"),
            (Method::POST, at("/transitions"), json!({ "transition": "finish" }), "transition"),
            (Method::POST, at("/transitions"), json!({ "transition": "reject" }), "reason"),
            (Method::POST, at("/comments"), json!({ "text": " " }), "text"),
            (Method::POST, at("/versions"), json!({ "versions": [{}] }), "path"),
            (Method::POST, at("/versions"), json!({ "versions": [{ "path": "a", "version": 0 }] }), "version"),
            (Method::POST, at("/evidence"), json!({ "test_case": "t", "outcome": "perhaps" }), "outcome"),
            (Method::POST, at("/evidence"), json!({ "test_case": "", "outcome": "pass" }), "test_case"),
            (Method::PUT, at("/position"), json!({}), "before"),
            (Method::PUT, at("/position"), json!({ "before": "1" }), "before"),
            (Method::POST, items.clone(), json!({ "items": ["R-1"] }), "items[0]"),
        ];
        for (method, address, body, field) in wrong {
            let answer = service.send(service.request(method, &address).json(&body)).await;
            let problem = answer.problem(400, "invalid");
            assert_eq!(problem["field"], field, "{address} {body}: {problem}");
        }
        for (query, field) in [
            ("status=done", "status"),
            ("kind=wish", "kind"),
            ("priority=much", "priority"),
            ("assignee=A", "assignee"),
            ("release=1", "release"),
            ("due_before=soon", "due_before"),
            ("label=a,b", "label"),
            ("order=random", "order"),
            ("order=board", "status"),
            ("order=board&status=open,closed", "status"),
            ("order=board&status=open&cursor=131", "cursor"),
            ("cursor=1zz", "cursor"),
            ("q=%00", "q"),
            ("limit=0", "limit"),
            ("colour=blue", "colour"),
        ] {
            let problem = service.read(&format!("{ITEMS}?{query}")).await.problem(400, "invalid");
            assert_eq!(problem["field"], field, "{query}: {problem}");
        }
        for rest in ["/versions", "/trace"] {
            assert_eq!(
                service.read(&at(&format!("{rest}?cursor=131"))).await.problem(400, "invalid")["field"],
                "cursor"
            );
        }
        for name in ["W-0", "7", "W-7;"] {
            let put = service.request(Method::PUT, "/projects/site/files/b").body("b").header("X-Work-Item", name);
            assert_eq!(service.send(put).await.problem(400, "invalid")["field"], "X-Work-Item");
        }
        assert_eq!(service.audit_sequence().await, before);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        service.post(ITEMS, json!({ "title": "t" })).await.ok();
        let release = service.release(Vec::new()).await;
        let before = service.audit_sequence().await;
        for rest in ["", "/comments", "/versions", "/evidence", "/authorisation", "/history", "/trace"] {
            service.read(&format!("{ITEMS}/W-9{rest}")).await.problem(404, "not-found");
        }
        service.read(&format!("{ITEMS}/W-1/authorisation")).await.problem(404, "not-found");
        service.read("/projects/site/builds/R-9.1/evidence").await.problem(404, "not-found");
        service.read("/projects/site/releases/R-9/items").await.problem(404, "not-found");
        let w1 = format!("{ITEMS}/W-1");
        let missing = [
            (Method::POST, ITEMS.to_owned(), json!({ "title": "t", "assignee": "nobody" })),
            (Method::POST, ITEMS.to_owned(), json!({ "title": "t", "requester": "nobody" })),
            (Method::PATCH, format!("{ITEMS}/W-9"), json!({ "title": "t" })),
            (Method::PATCH, w1.clone(), json!({ "assignee": "nobody" })),
            (Method::PATCH, format!("{w1}/comments/1"), json!({ "text": "t" })),
            (Method::POST, format!("{w1}/versions"), json!({ "versions": [{ "path": "b" }] })),
            (Method::POST, format!("{w1}/versions"), json!({ "versions": [{ "path": "a", "version": 2 }] })),
            (Method::POST, format!("{w1}/evidence"), json!({ "test_case": "t", "outcome": "pass", "build": "R-9.1" })),
            (Method::PUT, format!("{w1}/position"), json!({ "after": "W-9" })),
            (Method::POST, "/projects/site/releases/R-9/items".into(), json!({ "items": ["W-1"] })),
            (Method::POST, format!("/projects/site/releases/{release}/items"), json!({ "items": ["W-9"] })),
            (Method::DELETE, format!("/projects/site/releases/{release}/items/W-1"), json!({})),
        ];
        for (method, address, body) in missing {
            service.send(service.request(method, &address).json(&body)).await.problem(404, "not-found");
        }
        let put = service.request(Method::PUT, "/projects/site/files/b").body("b").header("X-Work-Item", "W-9");
        service.send(put).await.problem(404, "not-found");
        assert_eq!(service.audit_sequence().await, before);
        assert!(service.read("/projects/site/assets/by-path?path=b").await.status == 404);
    }
}

#[tokio::test]
async fn an_item_is_planned_in_one_release_and_comes_whole() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        service.post(ITEMS, json!({ "title": "t" })).await.ok();
        service.post(&format!("{ITEMS}/W-1/versions"), json!({ "versions": [{ "path": "a" }] })).await.ok();
        let (first, second) = (service.release(Vec::new()).await, service.release(Vec::new()).await);
        let add = async |release: &str, unauthorised: bool| {
            let address = format!("/projects/site/releases/{release}/items");
            service.post(&address, json!({ "items": ["W-1"], "unauthorised": unauthorised })).await
        };
        add(&first, true).await.problem(409, "conflict");
        step(&service, "W-1", "resolve").await.ok();
        add(&first, false).await.problem(409, "conflict");
        add(&first, true).await.ok();
        add(&second, true).await.problem(409, "conflict");
        service.delete("/projects/site/files/a").await.ok();
        let gone = add(&first, true).await.problem(409, "conflict");
        assert!(gone["detail"].as_str().unwrap().contains("deleted"), "{gone}");
        let out = service.delete(&format!("/projects/site/releases/{first}/items/W-1")).await.ok();
        assert_eq!((&out["lines"], &out["changes"]), (&json!(1), &json!(0)));
    }
}
