//! A change request from its entry to its release.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ITEMS, person, post_as, step};
use crate::http::tar::{Entry, tar};
use crate::service::TestService;

#[tokio::test]
async fn a_request_is_worked_on_tested_authorised_and_released() {
    for service in TestService::on_each_database().await {
        let anna = person(&service, "anna", "viewer").await;
        let ben = person(&service, "ben", "editor").await;
        let body = json!({ "title": "A new logo", "priority": "high", "due_on": "2026-03-01", "labels": ["brand"],
            "link": "https://tracker.example.org/7", "impact": "The logo is blue" });
        let item = post_as(&service, &anna, ITEMS, body).await.ok();
        assert_eq!(
            (&item["number"], &item["status"], &item["requester"]),
            (&json!("W-1"), &json!("open"), &json!("anna"))
        );
        let w1 = format!("{ITEMS}/W-1");
        post_as(&service, &anna, &format!("{w1}/transitions"), json!({ "transition": "start" }))
            .await
            .problem(403, "forbidden");
        let assign = service.request_as(&ben, Method::PATCH, &w1).json(&json!({ "assignee": "ben" }));
        assert_eq!(service.send(assign).await.ok()["assignee"], "ben");
        let comment = json!({ "text": "@anna, this blue?" });
        let comment = post_as(&service, &ben, &format!("{w1}/comments"), comment).await.ok();
        assert_eq!((&comment["user"], &comment["mentions"]), (&json!("ben"), &json!(["anna"])));

        // Uploads name their item.
        let put = |bytes: &'static str| {
            let put = service.request_as(&ben, Method::PUT, "/projects/site/files/logo.svg").body(bytes);
            service.send(put.header("X-Work-Item", "W-1"))
        };
        let asset = put("<svg/>").await.ok()["asset"].clone();
        let versions = service.read(&format!("{w1}/versions")).await.ok();
        assert_eq!(versions["items"][0]["path"], "logo.svg");
        post_as(&service, &ben, &format!("{w1}/transitions"), json!({ "transition": "resolve" })).await.ok();
        let authorisation = format!("{w1}/authorisation");
        let yes = || post_as(&service, &anna, &authorisation, json!({ "remark": "fine" }));
        assert_eq!(yes().await.ok()["status"], "authorised");
        assert_eq!(put("<svg>2</svg>").await.status, 200);
        let now = service.read(&w1).await.ok();
        assert_eq!(now["status"], "resolved", "another version voids the yes");
        assert_eq!(service.read(&format!("{w1}/authorisation")).await.ok()["valid"], false);
        yes().await.ok();
        let given = service.read(&format!("{w1}/authorisation")).await.ok();
        assert_eq!((&given["user"], &given["versions"], &given["valid"]), (&json!("anna"), &json!(2), &json!(true)));
        let covered = service.read(&format!("{w1}/authorisation/versions")).await.ok();
        assert_eq!(covered["items"].as_array().unwrap().len(), 2);

        let release = service.release(Vec::new()).await;
        let items = format!("/projects/site/releases/{release}/items");
        let added = service.post(&items, json!({ "items": ["W-1"] })).await;
        let added = added.ok();
        assert_eq!((&added["lines"], &added["changes"]), (&json!(1), &json!(1)));
        assert_eq!(service.read(&items).await.ok()["items"][0]["number"], "W-1");
        assert_eq!(service.read(&w1).await.ok()["release"], json!(release));
        let build =
            service.post(&format!("/projects/site/releases/{release}/builds"), json!({ "base": "empty" })).await;
        let build = build.ok()["name"].clone();
        let evidence = json!({ "test_case": "sharp on a phone", "outcome": "pass", "build": build,
            "files": [{ "path": "logo.svg", "version": 1 }] });
        let evidence = post_as(&service, &ben, &format!("{w1}/evidence"), evidence).await.ok();
        assert_eq!((&evidence["number"], &evidence["void"]), (&json!(1), &json!(false)));
        let of_build = format!("/projects/site/builds/{}/evidence", build.as_str().unwrap());
        assert_eq!(service.read(&of_build).await.ok()["items"][0], evidence);
        service.promote("production", build.as_str().unwrap()).await;

        let trace = service.read(&format!("{w1}/trace")).await.ok();
        let second = &trace["items"][1];
        assert_eq!((&second["version"], &second["builds"][0]["build"]), (&json!(2), &build));
        assert_eq!(second["builds"][0]["deployments"][0]["environment"], "production");
        assert_eq!(trace["items"][0]["builds"], json!([]));
        let asset = asset["id"].as_str().unwrap();
        let back = service.read(&format!("/projects/site/assets/{asset}/versions/2/work-items")).await.ok();
        assert_eq!(back["items"][0]["number"], "W-1");
        let history = service.read(&format!("{w1}/history")).await.ok();
        let actions: Vec<&Value> = history["items"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions[..3], ["work_item.tested", "work_item.added_to_release", "work_item.authorised"]);
        assert_eq!(actions.last().unwrap().as_str(), Some("work_item.created"));

        step(&service, "W-1", "close").await.problem(409, "conflict");
        let out = service.delete(&format!("{items}/W-1")).await;
        assert_eq!(out.problem(409, "conflict")["detail"].as_str().map(|text| text.contains("released")), Some(true));
    }
}

#[tokio::test]
async fn an_item_of_no_release_is_closed_by_hand_and_can_be_taken_up_again() {
    for service in TestService::on_each_database().await {
        service.post(ITEMS, json!({ "title": "t", "kind": "fix" })).await.ok();
        step(&service, "W-1", "close").await.problem(409, "conflict");
        step(&service, "W-1", "resolve").await.ok();
        let silent = service.post(&format!("{ITEMS}/W-1/transitions"), json!({ "transition": "close" })).await;
        assert_eq!(silent.problem(400, "invalid")["field"], "reason");
        assert_eq!(step(&service, "W-1", "close").await.ok()["status"], "closed");
        let put = service.request(Method::PUT, "/projects/site/files/a").body("a").header("X-Work-Item", "W-1");
        service.send(put).await.problem(409, "conflict");
        assert_eq!(step(&service, "W-1", "reopen").await.ok()["status"], "reopened");
        let put = service.request(Method::PUT, "/projects/site/files/a").body("a").header("X-Work-Item", "W-1");
        service.send(put).await.ok();
    }
}

#[tokio::test]
async fn a_key_is_for_an_upload_with_its_item() {
    for service in TestService::on_each_database().await {
        for title in ["one", "two"] {
            service.post(ITEMS, json!({ "title": title })).await.ok();
        }
        let put = |item: &'static str| {
            let put = service.request(Method::PUT, "/projects/site/files/a").body("a").header("Idempotency-Key", "k");
            service.send(put.header("X-Work-Item", item))
        };
        put("W-1").await.ok();
        let before = service.audit_sequence().await;
        assert_eq!(put("W-1").await.ok()["outcome"], "created");
        put("W-2").await.problem(409, "conflict");
        assert_eq!(service.audit_sequence().await, before);
        let tar = tar(&[Entry::file("b", b"b")]);
        let batch = service.request(Method::POST, "/projects/site/batch").body(tar).header("X-Work-Item", "W-2");
        assert_eq!(service.send(batch).await.ok()["created"], 1);
        let versions = service.read(&format!("{ITEMS}/W-2/versions")).await.ok();
        assert_eq!(versions["items"][0]["path"], "b");
    }
}
