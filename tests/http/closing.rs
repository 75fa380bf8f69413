//! Closing, incidents and evidence packs over HTTP and by command line.

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::command_line::run;
use crate::service::{TestService, text};

const RELEASE: &str = "/projects/site/releases/R-1";

/// The project's first release, in production.
async fn released(service: &TestService) {
    let build = service.build_of([("img/a.png", &b"a"[..])]).await;
    service.promote("staging", &build).await;
    service.promote("production", &build).await;
}

#[tokio::test]
async fn a_release_is_closed_with_a_review_and_lessons() {
    for service in TestService::on_each_database().await {
        released(&service).await;
        service.read(&format!("{RELEASE}/closing")).await.problem(404, "not-found");
        let lesson = json!({ "text": "Seen it?", "step": "production", "selector": { "paths": ["img"] } });
        let body = json!({ "review": "on time", "lessons": [lesson] });
        let revision = service.read(RELEASE).await.header("etag").to_owned();
        let close = |tag: &str, key: &str, body: &Value| {
            let request = service.request(Method::POST, &format!("{RELEASE}/close")).json(body);
            service.send(request.header("If-Match", tag).header("Idempotency-Key", key))
        };
        close("\"1\"", "a", &body).await.problem(412, "stale");
        let empty = close(&revision, "b", &json!({ "review": "" })).await.problem(400, "invalid");
        assert_eq!(empty["field"], "review");
        let wrong = json!({ "review": "x", "lessons": [{ "text": "t", "step": "nowhere" }] });
        let wrong = close(&revision, "c", &wrong).await.problem(400, "invalid");
        assert_eq!(wrong["field"], "lessons");
        close(&revision, "d", &json!({ "review": "x", "score": 1 })).await.problem(400, "invalid");

        let closed = close(&revision, "e", &body).await.ok();

        assert_eq!(closed["state"], "closed");
        assert_eq!(close(&revision, "e", &body).await.ok(), closed, "the repetition gets what came of it");
        close("*", "f", &body).await.problem(409, "conflict");
        let kept = service.read(&format!("{RELEASE}/closing")).await.ok();
        assert_eq!((&kept["from"], &kept["review"]), (&json!("released"), &json!("on time")));
        assert_eq!(kept["lessons"][0]["text"], "Seen it?");
        assert_eq!(kept["lessons"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_rollback_and_an_incident_ask_for_a_lesson() {
    for service in TestService::on_each_database().await {
        released(&service).await;
        let second = service.build_of([("img/a.png", &b"b"[..])]).await;
        service.promote("production", &second).await;
        let said = json!({ "title": "the logo is gone", "kind": "incident" });
        service.post("/projects/site/work-items", said).await.ok();
        let cause = "/projects/site/work-items/W-1/cause";
        service.read(cause).await.problem(404, "not-found");
        let put = |body: Value| service.send(service.request(Method::PUT, cause).json(&body));
        put(json!({ "environment": "production", "deployment": 9 })).await.problem(404, "not-found");
        let named = put(json!({ "environment": "production", "deployment": 2 })).await;
        assert_eq!(named.header("etag"), "\"1\"");
        assert_eq!(named.ok()["build"], second);
        service.roll_back("production").await;
        let address = "/projects/site/releases/R-2";

        let refused =
            service.post(&format!("{address}/close"), json!({ "review": "bad" })).await.problem(409, "conflict");

        let detail = text(&refused["detail"]);
        assert!(detail.contains("R-2 was rolled back in production, and W-1 is an incident of R-2; "), "{detail}");
        let listed = service.read(&format!("{address}/incidents")).await.ok();
        assert_eq!((&listed["items"][0]["item"], &listed["items"][0]["of_release"]), (&json!("W-1"), &json!(false)));
        assert_eq!(listed["items"][0]["cause"]["deployment"], 2);
        let delete = service.request(Method::DELETE, cause).header("If-Match", "\"7\"");
        service.send(delete).await.problem(412, "stale");
        assert_eq!(service.delete(cause).await.status, 204);
        let reworked = service.post(&format!("{address}/rework"), json!({ "reason": "mend it" })).await.ok();
        assert_eq!(reworked["state"], "draft");
        service.post(&format!("{address}/rework"), json!({ "reason": "again" })).await.problem(409, "conflict");
    }
}

#[tokio::test]
async fn roles_decide_who_closes_and_who_exports() {
    for service in TestService::on_each_database().await {
        released(&service).await;
        for role in ["viewer", "editor"] {
            let token = service.token(role, None).await;
            for (step, body) in [("close", json!({ "review": "x" })), ("rework", json!({ "reason": "x" }))] {
                let request = service.request_as(&token, Method::POST, &format!("{RELEASE}/{step}")).json(&body);
                service.send(request).await.problem(403, "forbidden");
            }
            let export = service.request_as(&token, Method::GET, &format!("{RELEASE}/evidence-pack"));
            let pack = service.send(export).await;
            assert_eq!((pack.status.as_u16(), pack.header("content-type")), (200, "application/zip"));
            assert_eq!(pack.header("shelfmark-seal").len(), 64);
            assert_eq!(pack.header("content-disposition"), "attachment; filename=\"site-R-1-evidence.zip\"");
            assert_eq!(pack.bytes.len().to_string(), pack.header("content-length"));
        }
        let stranger = service.anonymous(Method::GET, &format!("/api/v1{RELEASE}/evidence-pack"));
        service.send(stranger).await.problem(401, "unauthenticated");
        service.read("/projects/site/releases/R-9/evidence-pack").await.problem(404, "not-found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_ends_by_command_line() {
    for service in TestService::on_each_database().await {
        released(&service).await;
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let step = |arguments: &[&str]| {
            let (code, said) = run(&service, arguments);
            assert_eq!(code, Some(0), "{arguments:?}: {said}");
            said
        };
        assert!(step(&["release", "notes", "R-1"]).starts_with("# Release notes for editors: R-1 test"));
        assert!(step(&["release", "notes", "R-1", "--format", "html"]).contains("<h1>"));
        assert!(step(&["release", "notes", "R-1", "--format", "json"]).contains("\"generated\""));
        std::fs::write(file("mine.md"), "# Mine\n").unwrap();
        let edited = step(&["release", "notes", "R-1", "--audience", "users", "--edit", &file("mine.md")]);
        assert!(edited.contains("revision 1"), "{edited}");
        assert_eq!(step(&["release", "notes", "R-1", "--audience", "users"]).trim(), "# Mine");
        assert!(step(&["release", "notes", "R-1", "--publish"]).contains("revision 1"));
        step(&["release", "notes", "R-1", "--audience", "users", "--generated"]);
        let published = step(&["release", "notes", "R-1", "--audience", "users", "--which", "published"]);
        assert_eq!(published.trim(), "# Mine");
        assert!(step(&["notes", "production", "--from", "2020-01-01T00:00:00Z"]).contains("Releases: R-1."));
        step(&["work", "new", "--title", "it broke", "--kind", "incident"]);
        assert!(step(&["release", "cause", "W-1", "production", "1"]).contains("R-1.1"));
        assert!(step(&["release", "incidents", "R-1"]).contains("it broke"));
        let (code, said) = run(&service, &["release", "close", "R-1", "--review", "fine"]);
        assert!(code == Some(1) && said.contains("W-1 is an incident of R-1"), "{said}");
        let lesson = ["--lesson", "Seen it?", "--lesson", "Told them?", "--step", "production", "--step", "close"];
        let closed = step(&[&["release", "close", "R-1", "--review", "fine"][..], &lesson[..]].concat());
        assert_eq!(closed.trim(), "R-1 is closed, with 2 lessons for the checklist.");
        let (code, said) = run(&service, &["release", "rework", "R-1", "--reason", "more"]);
        assert!(code == Some(1) && said.contains("rolled back"), "{said}");
        let (code, _) = run(&service, &["release", "close", "R-1", "--review", "x", "--lesson", "no step"]);
        assert_eq!(code, Some(2));

        let exported = step(&["export", "R-1", "--output", &file("pack.zip")]);

        assert!(exported.contains("seal "), "{exported}");
        assert!(
            step(&["audit", "verify", "--pack", &file("pack.zip")]).contains("The evidence of R-1 (site) is whole")
        );
        assert!(step(&["--json", "audit", "verify", "--pack", &file("pack.zip")]).contains("\"intact\": true"));
        let mut bytes = std::fs::read(file("pack.zip")).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(file("broken.zip"), bytes).unwrap();
        let (code, said) = run(&service, &["audit", "verify", "--pack", &file("broken.zip")]);
        assert!(code == Some(1) && said.contains("does not hold"), "{said}");
    }
}
