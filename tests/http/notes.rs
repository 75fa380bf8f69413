//! Notes over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Answer, TestService, text};

const NOTES: &str = "/projects/site/releases/R-1/notes";

/// A release with an item whose texts would like to be more than text.
async fn planned(service: &TestService) {
    service.put("img/a.png", "a").await;
    let said = json!({ "title": "<script>alert(1)</script>", "impact": "It <b>shines</b>." });
    service.post("/projects/site/work-items", said).await.ok();
    let versions = json!({ "versions": [{ "path": "img/a.png" }] });
    service.post("/projects/site/work-items/W-1/versions", versions).await.ok();
    service.post("/projects/site/work-items/W-1/transitions", json!({ "transition": "resolve" })).await.ok();
    service.release(vec![]).await;
    let items = json!({ "items": ["W-1"], "unauthorised": true });
    service.post("/projects/site/releases/R-1/items", items).await.ok();
    service.post("/projects/site/releases/R-1/builds", json!({ "base": "empty" })).await.ok();
}

async fn edit(service: &TestService, audience: &str, tag: &str, body: Value) -> Answer {
    let request = service.request(Method::PUT, &format!("{NOTES}/{audience}")).json(&body);
    service.send(request.header("If-Match", tag)).await
}

#[tokio::test]
async fn notes_come_as_json_markdown_and_a_safe_page() {
    for service in TestService::on_each_database().await {
        planned(&service).await;
        let whole = service.read(&format!("{NOTES}?audience=users")).await;
        assert_eq!(whole.header("etag"), "\"0\"");
        let whole = whole.ok();
        assert_eq!((&whole["edited"], &whole["published"]), (&Value::Null, &Value::Null));
        assert_eq!(whole["generated"]["document"]["sections"][0]["impacts"][0]["text"], "It <b>shines</b>.");
        let markdown = service.read(&format!("{NOTES}?audience=users&format=md")).await;
        assert_eq!(markdown.header("content-type"), "text/markdown; charset=utf-8");
        assert!(String::from_utf8_lossy(&markdown.bytes).contains("- It \\<b\\>shines\\</b\\>."));

        let page = service.read(&format!("{NOTES}?audience=editors&format=html")).await;

        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        let page = String::from_utf8_lossy(&page.bytes).into_owned();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        for (query, field) in [
            ("audience=all", "audience"),
            ("format=pdf", "format"),
            ("format=md&which=mine", "which"),
            ("which=generated", "which"),
            ("against=No", "against"),
        ] {
            assert_eq!(service.read(&format!("{NOTES}?{query}")).await.problem(400, "invalid")["field"], field);
        }
        service.read(&format!("{NOTES}?against=nowhere")).await.problem(404, "not-found");
        service.read(&format!("{NOTES}?format=md&which=published")).await.problem(404, "not-found");
        service.read("/projects/site/releases/R-9/notes").await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn notes_are_edited_published_and_returned() {
    for service in TestService::on_each_database().await {
        planned(&service).await;
        edit(&service, "users", "\"1\"", json!({ "text": "x" })).await.problem(412, "stale");
        let edited = edit(&service, "users", "\"0\"", json!({ "text": "# Mine <i>" })).await;
        assert_eq!(edited.header("etag"), "\"1\"");
        let edited = edited.ok();
        assert_eq!((&edited["text"], &edited["edited"]["outdated"]), (&json!("# Mine <i>"), &json!(false)));
        assert!(text(&edited["generated"]["text"]).starts_with("# What is new"));
        edit(&service, "everyone", "*", json!({ "text": "x" })).await.problem(400, "invalid");
        edit(&service, "users", "*", json!({ "text": "" })).await.problem(400, "invalid");
        edit(&service, "users", "*", json!({ "text": "x", "html": "y" })).await.problem(400, "invalid");

        let published = service.post(&format!("{NOTES}/publish"), json!({ "message": "Monday" })).await;

        assert_eq!(published.header("etag"), "\"1\"");
        assert_eq!(published.ok()["items"].as_array().unwrap().len(), 3);
        let returned = service.send(service.request(Method::DELETE, &format!("{NOTES}/users"))).await;
        assert_eq!((returned.header("etag"), &returned.json()["edited"]), ("\"2\"", &Value::Null));
        service.delete(&format!("{NOTES}/users")).await.problem(404, "not-found");
        let stays = service.read(&format!("{NOTES}?audience=users&format=html&which=published")).await;
        assert!(String::from_utf8_lossy(&stays.bytes).contains("<h1>Mine &lt;i&gt;</h1>"));
        service.post(&format!("{NOTES}/publish"), json!({ "audiences": ["users"] })).await.ok();
        let first = service.read(&format!("{NOTES}/published?audience=users&limit=1")).await.ok();
        assert_eq!((&first["items"][0]["revision"], &first["items"][0]["edited"]), (&json!(2), &json!(false)));
        let cursor = text(&first["next_cursor"]);
        let rest = service.read(&format!("{NOTES}/published?audience=users&limit=1&cursor={cursor}")).await.ok();
        assert_eq!((&rest["items"][0]["text"], &rest["next_cursor"]), (&json!("# Mine <i>"), &Value::Null));
        service.post(&format!("{NOTES}/publish"), json!({ "audiences": [] })).await.problem(400, "invalid");
    }
}

#[tokio::test]
async fn an_environment_has_notes_between_two_instants() {
    for service in TestService::on_each_database().await {
        planned(&service).await;
        service.promote("production", "R-1.1").await;
        let address = "/projects/site/environments/production/notes";
        let whole = service.read(&format!("{address}?from=2020-01-01T00:00:00Z&audience=users")).await.ok();
        assert_eq!(whole["generated"]["document"]["subject"]["releases"], json!(["R-1"]));
        let markdown = service.read(&format!("{address}?from=2020-01-01T00:00:00Z&format=md")).await;
        assert!(String::from_utf8_lossy(&markdown.bytes).contains("R-1.1 compared with nothing: 1 added"));
        let span = "from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z";
        for (query, field) in [("", "from"), ("from=yesterday", "from"), (span, "to")] {
            assert_eq!(service.read(&format!("{address}?{query}")).await.problem(400, "invalid")["field"], field);
        }
    }
}

#[tokio::test]
async fn the_template_is_the_administrators() {
    for service in TestService::on_each_database().await {
        planned(&service).await;
        let address = "/projects/site/notes-template";
        let default = service.read(address).await;
        assert_eq!(default.header("etag"), "\"0\"");
        let mut template = default.ok()["template"].clone();
        template["users"]["heading"] = json!("Neu");
        let set = |token: String, tag: &str, template: &Value| {
            let request = service.request_as(&token, Method::PUT, address).header("If-Match", tag);
            service.send(request.json(&json!({ "template": template, "message": "in German" })))
        };
        let manager = service.token("release_manager", None).await;
        set(manager, "\"0\"", &template).await.problem(403, "forbidden");
        let administrator = service.token("administrator", None).await;
        set(administrator.clone(), "\"4\"", &template).await.problem(412, "stale");

        assert_eq!(set(administrator.clone(), "\"0\"", &template).await.header("etag"), "\"1\"");

        let notes = service.read(&format!("{NOTES}?audience=users&format=md")).await;
        assert!(String::from_utf8_lossy(&notes.bytes).starts_with("# Neu: test"));
        template["users"]["sections"] = json!([]);
        set(administrator.clone(), "*", &template).await.problem(400, "invalid");
        template["users"]["sections"] = json!([{ "section": "weather", "heading": "x" }]);
        set(administrator, "*", &template).await.problem(400, "invalid");
        let revisions = service.read(&format!("{address}/revisions")).await.ok();
        assert_eq!(revisions["items"][0]["message"], "in German");
    }
}
