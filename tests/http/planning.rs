//! Planning over HTTP: dates and the calendar, saved searches, conflicts, rebasing, releases made of others.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, TestService, text};

async fn post_as(service: &TestService, token: &str, address: &str, body: Value) -> Answer {
    service.send(service.request_as(token, Method::POST, address).json(&body)).await
}

fn keys(list: &Value, name: &str) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| text(&item[name])).collect()
}

#[tokio::test]
async fn a_date_is_negotiated_and_shown_in_its_zone_beside_utc() {
    for service in TestService::on_each_database().await {
        let manager = service.token("release_manager", None).await;
        let release = format!("/projects/site/releases/{}", service.release(Vec::new()).await);
        let dates = format!("{release}/dates");
        assert_eq!(service.read(&release).await.ok()["target"], json!(null));
        let body = json!({ "date": "2999-03-27T17:00", "zone": "Europe/Berlin", "remark": "after the fair" });

        let proposed = post_as(&service, &manager, &dates, body).await.ok();

        assert_eq!(proposed["date"], "2999-03-27T17:00:00+01:00[Europe/Berlin]");
        assert_eq!((&proposed["at"], &proposed["status"]), (&json!("2999-03-27T16:00:00.000000Z"), &json!("proposed")));
        post_as(&service, &manager, &format!("{dates}/1/agree"), json!({})).await.problem(403, "forbidden");
        let agreed = service.post(&format!("{dates}/1/agree"), json!({ "remark": "fine" })).await.ok();
        assert_eq!((&agreed["status"], &agreed["agreement_remark"]), (&json!("agreed"), &json!("fine")));
        let target = service.read(&release).await.ok()["target"].clone();
        assert_eq!((&target["status"], &target["zone"]), (&json!("agreed"), &json!("Europe/Berlin")));
        let listed = service.read("/projects/site/releases").await.ok();
        assert_eq!(listed["items"][0]["target"], target);
        let again = service.post(&dates, json!({ "date": "2999-04-01T09:00:00Z", "zone": "UTC" })).await;
        assert_eq!((again.status.as_u16(), &again.json()["reopens"]), (201, &json!(true)));
        let history = service.read(&format!("{dates}?limit=1")).await.ok();
        assert_eq!(history["items"][0]["number"], 2);
        let next = text(&history["next_cursor"]);
        let older = service.read(&format!("{dates}?limit=1&cursor={next}")).await.ok();
        assert_eq!((&older["items"][0]["status"], &older["next_cursor"]), (&json!("superseded"), &json!(null)));
        service.post(&format!("{dates}/1/agree"), json!({})).await.problem(409, "conflict");
        service.post(&format!("{dates}/0/agree"), json!({})).await.problem(400, "invalid");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_date_is_said() {
    let service = TestService::start().await;
    let release = format!("/projects/site/releases/{}", service.release(Vec::new()).await);
    let propose = |body: Value| {
        let request = service.request(Method::POST, &format!("{release}/dates"));
        service.send(request.json(&body))
    };
    let cases = [
        (json!({ "date": "2999-03-31T02:30", "zone": "Europe/Berlin" }), "does not exist in Europe/Berlin"),
        (json!({ "date": "2999-10-27T02:30", "zone": "Europe/Berlin" }), "comes twice in Europe/Berlin"),
        (json!({ "date": "2999-03-27T17:00+05:00", "zone": "Europe/Berlin" }), "another offset"),
        (json!({ "date": "2020-03-27T17:00", "zone": "Europe/Berlin" }), "has passed"),
        (json!({ "date": "tomorrow", "zone": "Europe/Berlin" }), "is not a date and time"),
    ];
    for (body, said) in cases {
        let problem = propose(body).await.problem(400, "invalid");
        assert_eq!(problem["field"], "date");
        assert!(text(&problem["detail"]).contains(said), "{problem}");
    }
    let zone = propose(json!({ "date": "2999-03-27T17:00", "zone": "Mars/Olympus" })).await.problem(400, "invalid");
    assert_eq!(zone["field"], "zone");
    propose(json!({ "date": "2999-03-27T17:00" })).await.problem(400, "invalid");
    propose(json!({ "date": "2999-03-27T17:00", "zone": "UTC", "more": 1 })).await.problem(400, "invalid");
    propose(json!({ "date": "2999-03-27T17:00:00+01:00[Europe/Berlin]" })).await.ok();

    let seen = service.read(&release).await.header("etag").to_owned();
    let again = |tag: &str| {
        let request = service.request(Method::POST, &format!("{release}/dates")).header("If-Match", tag);
        service.send(request.json(&json!({ "date": "2999-03-28T17:00", "zone": "UTC" })))
    };
    again("\"1\"").await.problem(412, "stale");
    again(&seen).await.ok();
    let keyed = |body: Value| {
        let request = service.request(Method::POST, &format!("{release}/dates")).header("Idempotency-Key", "k");
        service.send(request.json(&body))
    };
    let body = json!({ "date": "2999-03-29T17:00", "zone": "UTC" });
    assert_eq!(keyed(body.clone()).await.ok()["number"], keyed(body).await.ok()["number"]);
    keyed(json!({ "date": "2999-03-30T17:00", "zone": "UTC" })).await.problem(409, "conflict");
}

#[tokio::test]
async fn the_calendar_is_read_by_people_and_by_programs_with_its_key() {
    for service in TestService::on_each_database().await {
        for (title, date) in [("Spring; fair", "2999-03-27T17:00"), ("Summer", "2999-06-27T17:00")] {
            let release =
                text(&service.post("/projects/site/releases", json!({ "title": title })).await.ok()["number"]);
            let body = json!({ "date": date, "zone": "Europe/Berlin" });
            service.post(&format!("/projects/site/releases/{release}/dates"), body).await.ok();
        }
        service.post("/projects/site/releases/R-2/cancel", json!({})).await.ok();
        let all = service.read("/projects/site/calendar").await.ok();
        assert_eq!(keys(&all, "release"), ["R-1", "R-2"]);
        let spring = service.read("/projects/site/calendar?to=2999-06-27T15:00:00Z").await.ok();
        assert_eq!(keys(&spring, "release"), ["R-1"]);
        let page = service.read("/projects/site/calendar?limit=1").await.ok();
        let rest = format!("/projects/site/calendar?cursor={}", text(&page["next_cursor"]));
        assert_eq!(keys(&service.read(&rest).await.ok(), "release"), ["R-2"]);
        service.read("/projects/site/calendar?from=then").await.problem(400, "invalid");
        service.read("/projects/site/calendar?cursor=161").await.problem(400, "invalid");

        let feed = service.read("/projects/site/calendar.ics").await;
        assert_eq!(feed.header("content-type"), "text/calendar; charset=utf-8");
        let feed = String::from_utf8(feed.bytes.to_vec()).unwrap();
        assert!(
            feed.contains("SUMMARY:R-1 Spring\\; fair\r\n") && feed.contains("DTSTART:29990327T160000Z\r\n"),
            "{feed}"
        );
        assert_eq!(feed.matches("STATUS:CANCELLED").count(), 1);

        let no_key = service.anonymous(Method::GET, "/api/v1/projects/site/calendar.ics");
        service.send(no_key).await.problem(401, "unauthenticated");
        service.read("/projects/site/calendar/key").await.problem(404, "not-found");
        let made = service.post("/projects/site/calendar/key", json!({})).await.ok();
        let address = text(&made["address"]).replace(&service.url, "");
        assert_eq!(service.get(&address).await, feed.as_bytes());
        service.read("/projects/site/calendar/key").await.ok();
        let key = text(&made["key"]);
        service.post("/projects", json!({ "name": "other" })).await.ok();
        for closed in ["projects/other/calendar.ics", "projects/site/calendar", "projects/site/releases"] {
            let status =
                service.send(service.anonymous(Method::GET, &format!("/api/v1/{closed}?key={key}"))).await.status;
            assert!([400, 401].contains(&status.as_u16()), "{closed}: the key opens the calendar of its project alone");
        }
        assert_eq!(service.delete("/projects/site/calendar/key").await.status, 204);
        service.send(service.anonymous(Method::GET, &address)).await.problem(401, "unauthenticated");
        let viewer = service.token("viewer", None).await;
        post_as(&service, &viewer, "/projects/site/calendar/key", json!({})).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_saved_search_is_made_changed_used_and_removed() {
    for service in TestService::on_each_database().await {
        for path in ["icons/a.svg", "icons/b.svg", "icons/c.png", "other/d.svg"] {
            service.put(path, "x").await;
        }
        let searches = "/projects/site/saved-searches";
        let body = json!({ "name": "icons", "filter": { "folder": "icons/", "name": "*.svg" } });
        let made = service.post(searches, body.clone()).await;
        assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"1\""));
        assert_eq!(made.json()["filter"], json!({ "folder": "icons", "name": "*.svg" }));
        service.post(searches, body).await.problem(409, "conflict");
        let assets = format!("{searches}/icons/assets");
        assert_eq!(keys(&service.read(&assets).await.ok(), "path"), ["icons/a.svg", "icons/b.svg"]);
        let page = service.read(&format!("{assets}?limit=1")).await.ok();
        let rest = service.read(&format!("{assets}?cursor={}", text(&page["next_cursor"]))).await.ok();
        assert_eq!(keys(&rest, "path"), ["icons/b.svg"]);

        let release = service.release(vec![json!({ "kind": "saved_search", "name": "icons" })]).await;
        let lines = service.read(&format!("/projects/site/releases/{release}/changes")).await.ok();
        assert_eq!(keys(&lines, "key"), ["icons/a.svg", "icons/b.svg"]);
        let nothing = json!({ "add": [{ "kind": "saved_search", "name": "nothing" }] });
        service.post(&format!("/projects/site/releases/{release}/changes"), nothing).await.problem(404, "not-found");

        let change = |tag: &str| {
            let request = service.request(Method::PUT, &format!("{searches}/icons")).header("If-Match", tag);
            service.send(request.json(&json!({ "filter": { "media_type": "image/png" } })))
        };
        change("\"7\"").await.problem(412, "stale");
        assert_eq!(change("\"1\"").await.header("etag"), "\"2\"");
        assert_eq!(keys(&service.read(&assets).await.ok(), "path"), ["icons/c.png"]);
        for filter in [json!({ "name": "" }), json!({ "folder": "../x" }), json!({ "tags": [""] }), json!({ "x": 1 })] {
            service.post(searches, json!({ "name": "wrong", "filter": filter })).await.problem(400, "invalid");
        }
        let viewer = service.token("viewer", None).await;
        let refused = post_as(&service, &viewer, searches, json!({ "name": "mine", "filter": {} })).await;
        refused.problem(403, "forbidden");
        assert_eq!(keys(&service.read(searches).await.ok(), "name"), ["icons"]);
        assert_eq!(service.delete(&format!("{searches}/icons")).await.status, 204);
        service.read(&format!("{searches}/icons")).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn two_releases_that_change_the_same_are_told_and_what_went_live_beside_one_is_resolved() {
    for service in TestService::on_each_database().await {
        for bytes in ["1", "22", "333"] {
            service.put("a", bytes).await;
        }
        let at = |version: i64| json!({ "kind": "asset", "path": "a", "version": version });
        let first = service.release(vec![at(1)]).await;
        let second = service.release(Vec::new()).await;
        let [one, two] = [&first, &second].map(|release| format!("/projects/site/releases/{release}"));
        let added = service.post(&format!("{two}/changes"), json!({ "add": [at(2)] })).await.ok();
        assert_eq!((&added["conflicts"], &added["conflicts_with"]), (&json!(1), &json!([first])));
        for (release, other) in [(&one, &second), (&two, &first)] {
            assert_eq!(service.read(release).await.ok()["conflicts"], 1);
            let listed = service.read(&format!("{release}/conflicts")).await.ok();
            assert_eq!((&listed["items"][0]["release"], &listed["items"][0]["same"]), (&json!(other), &json!(false)));
        }
        service.read(&format!("{one}/conflicts?cursor=161")).await.problem(400, "invalid");

        service.post(&format!("{two}/builds"), json!({})).await.ok();
        service.promote("production", "R-2.1").await;

        let refused = service.post(&format!("{one}/builds"), json!({})).await.problem(409, "conflict");
        assert!(text(&refused["detail"]).contains("releases/R-1/rebase?environment=production"), "{refused}");
        let found = service.read(&format!("{one}/rebase")).await.ok();
        assert_eq!(
            (&found["moved"], &found["unresolved"], &found["serves"]),
            (&json!(true), &json!(1), &json!("R-2.1"))
        );
        assert_eq!((&found["base"], &found["came_in"]["totals"]["added"]), (&json!(null), &json!(1)));
        let conflict = &found["items"][0];
        assert_eq!((&conflict["theirs"]["version"], &conflict["ours"]["version"]), (&json!(2), &json!(1)));
        let resolutions = format!("{one}/rebase/resolutions");
        let say = |keep: &str, id: &Value, version: Value| json!({ "resolutions": [{ "key": "a", "theirs_id": id, "keep": keep, "version": version }] });
        for wrong in [
            say("both", &conflict["theirs_id"], json!(null)),
            say("version", &conflict["theirs_id"], json!(null)),
            say("ours", &conflict["theirs_id"], json!(3)),
            json!({ "resolutions": [] }),
        ] {
            service.post(&resolutions, wrong).await.problem(400, "invalid");
        }
        service.post(&resolutions, say("ours", &json!("x"), json!(null))).await.problem(409, "conflict");
        let editor = service.token("editor", None).await;
        let ours = say("ours", &conflict["theirs_id"], json!(null));
        post_as(&service, &editor, &resolutions, ours.clone()).await.problem(403, "forbidden");
        let stale = service.request(Method::POST, &resolutions).header("If-Match", "\"1\"").json(&ours);
        service.send(stale).await.problem(412, "stale");

        let kept = service.post(&resolutions, ours).await.ok();

        assert_eq!((&kept["unresolved"], &kept["conflicts"]), (&json!(0), &json!(1)));
        service.post(&format!("{one}/builds"), json!({})).await.ok();
        assert_eq!(service.read(&format!("{one}/rebase")).await.ok()["moved"], false);
        service.read(&format!("{one}/rebase?environment=nowhere")).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn releases_are_pinned_anew_cloned_split_and_cancelled() {
    for service in TestService::on_each_database().await {
        for path in ["a", "img/b"] {
            service.put(path, "1").await;
        }
        let number = service.release(vec![json!({ "kind": "latest" })]).await;
        let release = format!("/projects/site/releases/{number}");
        service.put("a", "two").await;
        service.put("img/b", "two").await;
        let repin = format!("{release}/repin");
        let outdated = service.read(&repin).await.ok();
        assert_eq!(keys(&outdated, "key"), ["a", "img/b"]);
        assert_eq!(outdated["items"][0]["pinned"]["size_bytes"], 1);
        assert_eq!(outdated["items"][0]["newest"]["version"], 2);
        assert_eq!(keys(&service.read(&format!("{repin}?folder=img")).await.ok(), "key"), ["img/b"]);
        assert_eq!(service.post(&repin, json!({ "keys": ["a"] })).await.ok()["repinned"], 1);
        assert_eq!(service.post(&repin, json!({})).await.ok()["repinned"], 1);
        service.post(&repin, json!({ "keys": ["a"], "folder": "img" })).await.problem(400, "invalid");

        let split = format!("{release}/split");
        service.post(&split, json!({ "title": "part" })).await.problem(400, "invalid");
        service.post(&split, json!({ "title": "", "keys": ["a"] })).await.problem(400, "invalid");
        let part = service.post(&split, json!({ "title": "part", "folder": "img/" })).await;
        assert_eq!((part.status.as_u16(), &part.json()["changes"]), (201, &json!(1)));
        assert_eq!(service.read(&release).await.ok()["changes"], 1);

        let cancelled = service.post(&format!("{release}/cancel"), json!({ "reason": "off" })).await.ok();
        assert_eq!(cancelled["state"], "cancelled");
        service.post(&format!("{release}/cancel"), json!({})).await.problem(409, "conflict");
        let audit = service.read("/audit?limit=1").await.ok();
        assert_eq!(
            (&audit["items"][0]["action"], &audit["items"][0]["message"]),
            (&json!("release.cancelled"), &json!("off"))
        );
        let copy = service.post(&format!("{release}/clone"), json!({ "title": "again" })).await.ok();
        assert_eq!((&copy["state"], &copy["title"], &copy["changes"]), (&json!("draft"), &json!("again"), &json!(1)));
        let editor = service.token("editor", None).await;
        for verb in ["repin", "clone", "cancel"] {
            post_as(&service, &editor, &format!("{release}/{verb}"), json!({})).await.problem(403, "forbidden");
        }
    }
}

#[tokio::test]
async fn a_comparison_tells_fields_folders_instants_and_lines() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("img/a", "one").await["asset"]["id"]);
        service.put("b", "b").await;
        let release = service.release(vec![json!({ "kind": "latest" })]).await;
        service.post(&format!("/projects/site/releases/{release}/builds"), json!({})).await.ok();
        let served = service.promote("production", "R-1.1").await;
        let metadata = json!({ "metadata": { "title": "A", "fields": { "campaign": "spring" } } });
        service.patch(&format!("/projects/site/assets/{id}"), metadata).await.ok();
        service.put("img/c", "new").await;
        let parameter = json!({ "kind": "parameter", "name": "p", "value": "v" });
        let access = json!({ "kind": "access", "prefix": "img/", "visibility": "private" });
        let second = service.release(vec![json!({ "kind": "latest" }), parameter, access]).await;
        service.post(&format!("/projects/site/releases/{second}/builds"), json!({})).await.ok();
        service.promote("production", "R-2.1").await;

        let then = text(&served["at"]).replace('+', "%2B");
        let address = format!("/projects/site/compare?from=environment:production@{then}&to=environment:production");
        let compared = service.read(&address).await.ok();
        let totals = &compared["totals"];
        assert_eq!((&totals["added"], &totals["changed"]), (&json!(3), &json!(1)));
        assert_eq!((&totals["parameters"], &totals["access_rules"]), (&json!(1), &json!(1)));
        let changed = compared["items"].as_array().unwrap().iter().find(|item| item["key"] == "img/a").unwrap();
        assert_eq!(changed["content_changed"], false);
        assert_eq!(changed["metadata"][0], json!({ "field": "fields.campaign", "before": null, "after": "spring" }));
        assert_eq!(changed["metadata"][1]["field"], "title");

        let lines = service.request(Method::GET, &address).header("Accept", "application/x-ndjson");
        let lines = service.send(lines).await;
        assert_eq!(lines.header("content-type"), "application/x-ndjson");
        let lines: Vec<Value> = lines
            .bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(&json!(lines), &compared["items"]);

        let folders = address.replace("/compare?", "/compare/folders?");
        let by_folder = service.read(&folders).await.ok();
        assert_eq!(by_folder["totals"], *totals);
        let img = &by_folder["items"][0];
        assert_eq!((&img["folder"], &img["files_before"], &img["files_after"]), (&json!("img/"), &json!(1), &json!(2)));
        assert_eq!((&img["bytes_before"], &img["bytes_after"]), (&json!(3), &json!(6)));
        let everything = "/projects/site/compare/folders?from=empty&to=latest";
        let page = service.read(&format!("{everything}&limit=1")).await.ok();
        assert_eq!(keys(&page, "folder"), [""]);
        let rest = service.read(&format!("{everything}&cursor={}", text(&page["next_cursor"]))).await.ok();
        assert_eq!((keys(&rest, "folder"), &rest["next_cursor"]), (vec!["img/".to_owned()], &json!(null)));
        assert_eq!(keys(&service.read(&format!("{everything}&depth=0")).await.ok(), "folder"), [""]);
        service.read(&format!("{everything}&depth=x")).await.problem(400, "invalid");

        let back = service.read("/projects/site/compare?from=latest&to=environment:production").await.ok();
        assert_eq!(back["totals"]["parameters"], 0, "the library has only assets");
        service.read("/projects/site/compare?from=environment:production@soon&to=empty").await.problem(400, "invalid");
    }
}
