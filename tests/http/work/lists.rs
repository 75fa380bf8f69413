//! Lists of the register: filters, pages, the board.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ITEMS, person, post_as, step};
use crate::http::paging::walk;
use crate::service::{TestService, text};

fn numbers(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| text(&item["number"])).collect()
}

#[tokio::test]
async fn filters_choose_and_the_board_orders() {
    for service in TestService::on_each_database().await {
        let anna = person(&service, "anna", "viewer").await;
        for (title, kind, day) in [("Logo", "request", "2026-01-01"), ("Hero", "fix", "2026-02-01")] {
            let body = json!({ "title": title, "kind": kind, "due_on": day, "labels": ["a b", title] });
            service.post(ITEMS, body).await.ok();
        }
        post_as(&service, &anna, ITEMS, json!({ "title": "logo again", "priority": "urgent" })).await.ok();
        service.patch(&format!("{ITEMS}/W-2"), json!({ "assignee": "anna" })).await.ok();
        step(&service, "W-2", "start").await.ok();
        for (query, found) in [
            ("", &["W-3", "W-2", "W-1"][..]),
            ("?q=logo", &["W-3", "W-1"]),
            ("?q=LOGO%20again", &["W-3"]),
            ("?status=in_progress", &["W-2"]),
            ("?status=open,in_progress", &["W-3", "W-2", "W-1"]),
            ("?kind=fix", &["W-2"]),
            ("?priority=urgent", &["W-3"]),
            ("?assignee=anna", &["W-2"]),
            ("?requester=anna", &["W-3"]),
            ("?label=a%20b", &["W-2", "W-1"]),
            ("?due_before=2026-02-01", &["W-1"]),
            ("?release=R-1", &[]),
        ] {
            assert_eq!(numbers(&service.read(&format!("{ITEMS}{query}")).await.ok()), found, "{query}");
        }
        let board = || service.read("/projects/site/work-items?order=board&status=open");
        assert_eq!(numbers(&board().await.ok()), ["W-1", "W-3"]);
        let place = service.request(Method::PUT, &format!("{ITEMS}/W-3/position")).json(&json!({ "before": "W-1" }));
        assert_eq!(service.send(place).await.status, 204);
        assert_eq!(numbers(&board().await.ok()), ["W-3", "W-1"]);
    }
}

#[tokio::test]
async fn every_list_of_the_register_is_walked_in_small_pages() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..]), ("b", b"b"), ("c", b"c")]).await;
        for n in 0..5 {
            service.post(ITEMS, json!({ "title": format!("item {n}"), "labels": ["l"] })).await.ok();
        }
        let w1 = format!("{ITEMS}/W-1");
        let paths = ["a", "b", "c"].map(|path| json!({ "path": path }));
        for n in 1..=5 {
            service.post(&format!("{ITEMS}/W-{n}/versions"), json!({ "versions": paths })).await.ok();
            service.post(&format!("{w1}/comments"), json!({ "text": format!("{n}") })).await.ok();
            let evidence = json!({ "test_case": format!("{n}"), "outcome": "fail", "build": build });
            service.post(&format!("{ITEMS}/W-{n}/evidence"), evidence).await.ok();
            service.post(&format!("{w1}/evidence"), json!({ "test_case": "x", "outcome": "pass" })).await.ok();
        }
        for n in 1..=3 {
            step(&service, &format!("W-{n}"), "resolve").await.ok();
        }
        step(&service, "W-1", "authorise").await.ok();
        let release = service.release(Vec::new()).await;
        let items = format!("/projects/site/releases/{release}/items");
        let body = json!({ "items": ["W-1", "W-2", "W-3"], "unauthorised": true });
        service.post(&items, body).await.ok();
        let asset = service.read("/projects/site/assets/by-path?path=a").await.ok()["id"].clone();
        let answered = format!("/projects/site/assets/{}/versions/1/work-items", asset.as_str().unwrap());
        for address in [
            ITEMS,
            "/projects/site/work-items?q=item&label=l",
            "/projects/site/work-items?order=board&status=resolved",
            "/projects/site/work-items?order=board&status=resolved&label=l",
            &format!("{ITEMS}?release={release}"),
            &format!("{w1}/comments"),
            &format!("{w1}/versions"),
            &format!("{w1}/authorisation/versions"),
            &format!("{w1}/evidence"),
            &format!("{w1}/history"),
            &format!("{w1}/trace"),
            &format!("/projects/site/builds/{build}/evidence"),
            &items,
            &answered,
        ] {
            let whole = walk(&service, address, 1_000).await;
            assert!(whole.len() >= 2, "{address}: {whole:?}");
            for size in [1, 2] {
                assert_eq!(walk(&service, address, size).await, whole, "{address}");
            }
        }
    }
}

#[tokio::test]
async fn items_are_changed_only_as_they_were_seen() {
    for service in TestService::on_each_database().await {
        service.put("a", "a").await;
        service.post(ITEMS, json!({ "title": "t" })).await.ok();
        let w1 = format!("{ITEMS}/W-1");
        let release = service.release(Vec::new()).await;
        let versions = json!({ "versions": [{ "path": "a" }] });
        let changes = [
            (Method::PATCH, w1.clone(), json!({ "title": "u" })),
            (Method::POST, format!("{w1}/versions"), versions.clone()),
            (Method::DELETE, format!("{w1}/versions"), versions),
            (Method::POST, format!("{w1}/transitions"), json!({ "transition": "resolve" })),
            (Method::POST, format!("{w1}/authorisation"), json!({})),
        ];
        for (method, address, body) in changes {
            let seen = service.read(&w1).await.header("etag").to_owned();
            let send =
                |tag: &str| service.send(service.request(method.clone(), &address).header("If-Match", tag).json(&body));
            let problem = send("\"99\"").await.problem(412, "stale");
            assert_eq!(format!("\"{}\"", problem["current"]["revision"]), seen, "{problem}");
            assert_eq!(send("7").await.problem(400, "invalid")["field"], "If-Match");
            let done = send(&seen).await;
            assert_eq!(done.header("etag"), service.read(&w1).await.header("etag"), "{address}");
            done.ok();
        }
        let items = format!("/projects/site/releases/{release}/items");
        let body = json!({ "items": ["W-1"] });
        let add = |tag: &str| service.send(service.request(Method::POST, &items).header("If-Match", tag).json(&body));
        add("\"99\"").await.problem(412, "stale");
        let seen = service.read(&items).await.header("etag").to_owned();
        assert_ne!(add(&seen).await.header("etag"), seen);
        add(&seen).await.problem(412, "stale");
        service.post(&format!("{w1}/comments"), json!({ "text": "one" })).await.ok();
        let edit = |tag: &str| {
            let edit = service.request(Method::PATCH, &format!("{w1}/comments/1")).header("If-Match", tag);
            service.send(edit.json(&json!({ "text": "two" })))
        };
        edit("\"2\"").await.problem(412, "stale");
        assert_eq!(edit("\"1\"").await.header("etag"), "\"2\"");
    }
}
