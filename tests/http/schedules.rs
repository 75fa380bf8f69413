//! Scheduled promotions and verification, as people ask for them and as the running server carries them out.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::operations::{Caller, set_policy};

use crate::service::{ADMINISTRATOR, TestService, text};

const SCHEDULES: &str = "/projects/site/environments/production/schedules";

/// Asks until the answer is as it should be.
async fn until(service: &TestService, address: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = service.read(address).await;
        if answer.status.is_success() && is_it(&answer.json()) {
            return answer.json();
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{address}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn soon(service: &TestService, milliseconds: i64) -> Timestamp {
    service.running.services.engine.clock.now().plus_ms(milliseconds)
}

async fn verify_by(service: &TestService, rule: Value) {
    let engine = &service.running.services.engine;
    let policy = serde_json::from_value(json!({ "verification": rule })).unwrap();
    let (caller, site) = (Caller::system("test", engine.clock.now()), "site".parse().unwrap());
    set_policy(engine, &caller, &site, Some(&"production".parse().unwrap()), (policy, ""), None).await.unwrap();
}

#[tokio::test]
async fn the_server_carries_a_schedule_out_when_it_is_due() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", b"x")]).await;
        let at = soon(&service, 1_500);
        let made = service.post(SCHEDULES, json!({ "build": build, "at": at, "reason": "fair" })).await;
        assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"1\""));
        let number = made.ok()["number"].clone();
        assert!(service.deployments("production").await.is_empty());

        let done = until(&service, &format!("{SCHEDULES}/{number}"), |found| found["state"] == "done").await;

        let deployments = service.deployments("production").await;
        assert_eq!((deployments.len(), &deployments[0]["cause"]), (1, &json!("schedule")));
        assert_eq!((&deployments[0]["revision"], &deployments[0]["reason"]), (&done["deployment"], &json!("fair")));
        let deployed: Timestamp = text(&deployments[0]["at"]).parse().unwrap();
        assert!(deployed >= at, "{deployed} is before {at}");
        assert!(deployed < at.plus_ms(5_000), "{deployed} is long after {at}");
    }
}

#[tokio::test]
async fn schedules_are_listed_shown_and_cancelled() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", b"x")]).await;
        let body = |day: u8| json!({ "build": build, "at": format!("2027-03-{day}T17:00"), "zone": "Europe/Berlin" });
        let key = service.request(Method::POST, SCHEDULES).header("Idempotency-Key", "k").json(&body(20));
        let again = key.try_clone().unwrap();
        let first = service.send(key).await.ok();
        assert_eq!((&first["at"], &first["zone"]), (&json!("2027-03-20T16:00:00.000000Z"), &json!("Europe/Berlin")));
        assert_eq!(service.send(again).await.ok(), first);
        for day in [21, 22] {
            service.post(SCHEDULES, body(day)).await.ok();
        }

        let page = service.read(&format!("{SCHEDULES}?limit=2")).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        let rest = format!("{SCHEDULES}?limit=2&cursor={}", text(&page["next_cursor"]));
        assert_eq!(service.read(&rest).await.ok()["items"], json!([first]));
        let address = format!("{SCHEDULES}/{}", first["number"]);
        assert_eq!(service.read(&address).await.ok(), first);
        let cancel = |tag: &str| {
            let request =
                service.request(Method::POST, &format!("{address}/cancel")).header("If-Match", tag.to_owned());
            service.send(request.json(&json!({ "reason": "later" })))
        };
        cancel("\"9\"").await.problem(412, "stale");
        let cancelled = cancel("\"1\"").await.ok();
        assert_eq!((&cancelled["state"], &cancelled["ended_why"]), (&json!("cancelled"), &json!("later")));
        let of_state = |state| format!("/projects/site/schedules?state={state}");
        assert_eq!(service.read(&of_state("cancelled")).await.ok()["items"], json!([cancelled]));
        assert_eq!(service.read(&of_state("pending")).await.ok()["items"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn what_cannot_be_scheduled_is_refused_with_what_would_be_right() {
    let service = TestService::start().await;
    let build = service.build_of([("a", b"x")]).await;
    let refused = async |extra: Value, field: &str| {
        let mut body = json!({ "build": build, "at": "2027-03-20T17:00", "zone": "Europe/Berlin" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let problem = service.post(SCHEDULES, body).await.problem(400, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
        text(&problem["detail"])
    };
    let skipped = refused(json!({ "at": "2027-03-28T02:30" }), "at").await;
    assert!(skipped.contains("2027-03-28T01:30:00+01:00 or 2027-03-28T03:30:00+02:00"), "{skipped}");
    let twice = refused(json!({ "at": "2026-10-25T02:30", "deadline": null }), "at").await;
    assert!(twice.contains("comes twice"), "{twice}");
    refused(json!({ "zone": null }), "at").await;
    refused(json!({ "zone": "Mars" }), "at").await;
    refused(json!({ "at": "2020-01-01T10:00" }), "at").await;
    refused(json!({ "at": "2037-01-01T10:00" }), "at").await;
    refused(json!({ "deadline": "2027-03-20T16:00" }), "deadline").await;
    service.post(SCHEDULES, json!({ "build": "R-9.9", "at": "2027-03-20T17:00:00Z" })).await.problem(404, "not-found");
    service
        .post(SCHEDULES, json!({ "build": build, "at": "2027-03-20T17:00:00Z", "x": 1 }))
        .await
        .problem(400, "invalid");
    service.read(&format!("{SCHEDULES}/77")).await.problem(404, "not-found");
    service.read(&format!("{SCHEDULES}?state=lost")).await.problem(400, "invalid");
    let editor = service.token("editor", None).await;
    let body = json!({ "build": build, "at": "2027-03-20T17:00:00Z" });
    let request = service.request_as(&editor, Method::POST, SCHEDULES).json(&body);
    service.send(request).await.problem(403, "forbidden");
    service.send(service.request_as(&editor, Method::GET, SCHEDULES)).await.ok();
}

#[tokio::test]
async fn what_is_served_is_verified_at_its_addresses_and_goes_back_when_it_is_wrong() {
    for service in TestService::on_each_database().await {
        let public = json!({ "visibility": "public" });
        service.patch("/projects/site/environments/production", public).await.ok();
        let url = "/e/site/production/a.json";
        let rule = json!({ "url": url, "headers": { "content-type": "application/json" },
            "json": [{ "path": "$.version", "equals": 1 }] });
        verify_by(&service, json!({ "addresses": [rule], "within_minutes": 0, "on_failure": "roll_back" })).await;
        let good = service.build_of([("a.json", br#"{"version":1}"#)]).await;
        service.promote("production", &good).await;
        let of = |revision: i64| format!("/projects/site/environments/production/deployments/{revision}/verification");
        let ended = |found: &Value| !["pending", "rolling_back"].contains(&found["state"].as_str().unwrap());
        let passed = until(&service, &of(2), ended).await;
        assert_eq!(passed["state"], "passed", "{passed}");
        assert_eq!(passed["items"].as_array().unwrap().len(), 2);

        let bad = service.build_of([("a.json", br#"{"version":2}"#)]).await;
        service.promote("production", &bad).await;

        let failed = until(&service, &of(3), ended).await;
        assert_eq!((&failed["state"], &failed["rolled_back"]), (&json!("rolled_back"), &json!(4)));
        assert_eq!(failed["items"][1]["reason"], "$.version is 2 instead of 1");
        assert_eq!(&service.get(url).await[..], br#"{"version":1}"#);
        let again = until(&service, &of(4), ended).await;
        assert_eq!(again["state"], "passed");
        let asked = service.post(&of(4), json!({})).await;
        assert_eq!(asked.status.as_u16(), 202);
        assert_eq!(asked.json()["run"], 2);
        service.post(&of(3), json!({})).await.problem(409, "conflict");
        service.read(&of(77)).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn addresses_that_lead_inside_are_not_fetched_and_what_is_private_says_so() {
    let service = TestService::start_with(|config| config.outbound.ports = Vec::new()).await;
    let inside = format!("{}/healthz", service.url);
    let named = inside.replace("127.0.0.1", "localhost");
    let metadata = "http://169.254.169.254/latest/meta-data/";
    let addresses = [inside.as_str(), &named, metadata, "/e/site/staging/a", "//169.254.169.254/x"];
    let addresses: Vec<Value> = addresses.iter().map(|url| json!({ "url": url })).collect();
    verify_by(&service, json!({ "addresses": addresses, "within_minutes": 0 })).await;
    let build = service.build_of([("a", b"x")]).await;
    service.promote("production", &build).await;

    let address = "/projects/site/environments/production/deployments/1/verification";
    let failed = until(&service, address, |found| found["state"] == "failed").await;

    let reason = |at: usize| text(&failed["items"][at]["reason"]);
    assert_eq!(failed["items"][0]["outcome"], "passed", "contents: {failed}");
    for at in 1..=3 {
        assert!(reason(at).contains("in a private network"), "{}", reason(at));
    }
    assert!(reason(4).contains("401 instead of 200; it is fetched without credentials"), "{}", reason(4));
    assert!(reason(5).contains("404 instead of 200"), "it is a path of this service: {}", reason(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_and_verifications_work_as_they_are_typed() {
    let service = TestService::start().await;
    let build = service.build_of([("a", b"x")]).await;
    let home = service.running.services.config.data.folder.join("home");
    let run = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_shelfmark"))
            .args(arguments)
            .env_clear()
            .env("HOME", &home)
            .env("SHELFMARK_URL", &service.url)
            .env("SHELFMARK_TOKEN", ADMINISTRATOR)
            .env("SHELFMARK_PROJECT", "site")
            .output()
            .unwrap();
        (done.status.code(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
    };
    let at = ["--at", "2027-03-26T17:00", "--zone", "Europe/Berlin", "--reason", "fair"];
    let (code, said) = run(&[&["promote", &build, "production"][..], &at].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("R-1.1 goes to production at 2027-03-26 16:00:00Z"), "{said}");
    let (_, listed) = run(&["schedule", "list", "production", "--state", "pending"]);
    assert!(listed.contains("fair"), "{listed}");
    let number = listed.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(run(&["schedule", "show", "production", &number]).1.contains("goes to production"));
    let (code, said) = run(&["schedule", "cancel", "production", &number, "--reason", "moved"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is cancelled, by administrator: moved"), "{said}");
    assert_eq!(run(&["promote", &build, "production", "--zone", "Europe/Berlin"]).0, Some(2));

    verify_by(&service, json!({})).await;
    run(&["promote", &build, "production"]);
    let (code, said) = run(&["verify", "production", "--wait"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Deployment 1 of production (R-1.1): passed\n  passed   contents: 1 changed"), "{said}");
    let (code, said) = run(&["--json", "verify", "production", "--revision", "1", "--again", "--wait"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["run"], 2);
}
