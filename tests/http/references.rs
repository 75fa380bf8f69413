//! Dependencies over HTTP: what builds lack and how it is added, who uses what, declarations, impact.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{TestService, text};

fn paths(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| text(&item["path"])).collect()
}

async fn asset(service: &TestService, path: &str) -> String {
    text(&service.read(&format!("/projects/site/assets/by-path?path={path}")).await.ok()["id"])
}

#[tokio::test]
async fn what_a_build_lacks_is_offered_and_can_be_added() {
    for service in TestService::on_each_database().await {
        service.put("img/a.svg", "<svg/>").await;
        service.put("img/font.ttf", "font").await;
        service.put("css/site.css", "a { b: url(../img/a.svg) url(../img/gone.svg) }").await;
        let css = asset(&service, "css/site.css").await;
        let needs = json!({ "needs": [{ "kind": "font", "asset": asset(&service, "img/font.ttf").await }] });
        let address = format!("/projects/site/assets/{css}/declared-references");
        service.send(service.request(Method::PUT, &address).json(&needs)).await.ok();
        let release = service.release(vec![json!({ "kind": "asset", "path": "css/site.css" })]).await;
        let builds = format!("/projects/site/releases/{release}/builds");
        service.post(&builds, json!({})).await.ok();

        let missing = service.read(&format!("/projects/site/builds/{release}.1/missing")).await.ok();

        let items = missing["items"].as_array().unwrap();
        assert_eq!(paths(&missing), ["img/a.svg", "img/font.ttf", "img/gone.svg"]);
        assert_eq!(items[0]["reference"], "../img/a.svg");
        assert_eq!(items[0]["available"]["version"], 1);
        assert_eq!((&items[1]["how"], &items[1]["reference"]), (&json!("declared"), &json!("font")));
        assert_eq!((&items[2]["how"], &items[2]["available"]), (&json!("found"), &json!(null)));
        let add: Vec<Value> = items
            .iter()
            .filter_map(|item| item["available"].get("asset"))
            .map(|asset| json!({ "kind": "asset", "asset": asset }))
            .collect();
        service.post(&format!("/projects/site/releases/{release}/changes"), json!({ "add": add })).await.ok();
        service.post(&builds, json!({})).await.ok();
        let missing = service.read(&format!("/projects/site/builds/{release}.2/missing?since=empty")).await.ok();
        assert_eq!(paths(&missing), ["img/gone.svg"]);
        let since = format!("/projects/site/builds/{release}.2/missing?since={release}.1");
        assert_eq!(paths(&service.read(&since).await.ok()), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_missing_comes_in_pages() {
    let service = TestService::start().await;
    let links: String = (0..5).map(|n| format!("@import '{n}.css';")).collect();
    let build = service.build_of([("a.css", links.as_bytes())]).await;
    let address = format!("/projects/site/builds/{build}/missing");
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.read(&format!("{address}?limit=2{cursor}")).await.ok();
        found.extend(paths(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, ["0.css", "1.css", "2.css", "3.css", "4.css"]);
}

#[tokio::test]
async fn an_asset_shows_what_it_uses_and_who_uses_it() {
    for service in TestService::on_each_database().await {
        service.put("logo.svg", "<svg/>").await;
        service.put("a.css", "a { b: url(logo.svg) }").await;
        service.put("b.md", "![logo](logo.svg) ![gone](gone.svg)").await;
        let build =
            service.build_of([("c.css", &b"/* c */ a { b: url(logo.svg) }"[..]), ("logo.svg", b"<svg/>")]).await;
        service.promote("staging", &build).await;

        let address = format!("/projects/site/assets/{}/references", asset(&service, "logo.svg").await);
        let seen = service.read(&address).await.ok();
        assert_eq!(paths(&seen["used_by"]), ["a.css", "b.md", "c.css"]);
        let last = &seen["used_by"]["items"][2];
        assert_eq!((&last["latest"], &last["environments"]), (&json!(true), &json!(["staging"])));
        assert_eq!((&seen["complete"], paths(&seen["uses"]).len()), (&json!(true), 0));

        let first = service.read(&format!("{address}?limit=2")).await.ok();
        let next = text(&first["used_by"]["next_cursor"]);
        let second = service.read(&format!("{address}?limit=2&used_by_cursor={next}")).await.ok();
        assert_eq!(
            [paths(&first["used_by"]), paths(&second["used_by"])],
            [vec!["a.css".to_owned(), "b.md".into()], vec!["c.css".into()]]
        );

        let markdown = format!("/projects/site/assets/{}/references", asset(&service, "b.md").await);
        let uses = service.read(&markdown).await.ok()["uses"].clone();
        assert_eq!(paths(&uses), ["logo.svg", "gone.svg"]);
        assert_eq!((&uses["items"][0]["version"], &uses["items"][1]["asset"]), (&json!(1), &json!(null)));
        service.put("b.md", "no more").await;
        assert!(paths(&service.read(&markdown).await.ok()["uses"]).is_empty());
        assert_eq!(paths(&service.read(&format!("{markdown}?version=1&limit=1")).await.ok()["uses"]), ["logo.svg"]);
    }
}

#[tokio::test]
async fn new_contents_are_read_without_being_asked_for() {
    let service = TestService::start_with(|config| config.jobs.references_every_seconds = 0.05).await;
    service.put("a.css", "@import 'b.css';").await;
    let engine = &service.running.services.engine;
    let project = engine.catalog.project(&"site".parse().unwrap()).await.unwrap().unwrap().number;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while engine.catalog.referring_paths(project, "b.css", "", 10).await.unwrap() != ["a.css"] {
        assert!(tokio::time::Instant::now() < deadline, "nobody has read it");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_declaration_has_a_revision_and_is_repeated_without_harm() {
    for service in TestService::on_each_database().await {
        service.put("a.psd", "a").await;
        let address = format!("/projects/site/assets/{}/declared-references", asset(&service, "a.psd").await);
        let put = |needs: Value| service.request(Method::PUT, &address).json(&json!({ "needs": needs }));
        let font = json!([{ "kind": "font", "path": "a.ttf" }]);
        assert_eq!(service.read(&address).await.header("etag"), "\"0\"");
        let first = service.send(put(font.clone()).header("Idempotency-Key", "k")).await;
        assert_eq!(first.header("etag"), "\"1\"");
        assert_eq!(first.ok()["needs"], json!([{ "kind": "font", "path": "a.ttf", "asset": null }]));
        let before = service.audit_sequence().await;
        assert_eq!(service.send(put(font).header("Idempotency-Key", "k")).await.ok()["revision"], 1);
        service.send(put(json!([])).header("Idempotency-Key", "k")).await.problem(409, "conflict");
        let stale = service.send(put(json!([])).header("If-Match", "\"7\"")).await.problem(412, "stale");
        assert_eq!(stale["current"]["revision"], 1);
        assert_eq!(service.audit_sequence().await, before);
        assert_eq!(service.send(put(json!([])).header("If-Match", "\"1\"")).await.ok()["revision"], 2);
        let entry = service.read("/audit?project=site&limit=1").await.ok()["items"][0].clone();
        assert_eq!((&entry["action"], &entry["subject"]), (&json!("asset.references_declared"), &json!("a.psd")));
    }
}

#[tokio::test]
async fn an_impact_report_names_users_environments_and_releases() {
    let service = TestService::start().await;
    service.put("logo.svg", "<svg><image href='photo.png'/></svg>").await;
    service.put("photo.png", "photo").await;
    let files = [("logo.svg", &b"<svg><image href='photo.png'/></svg>"[..]), ("a.css", b"a { b: url(logo.svg) }")];
    let build = service.build_of(files).await;
    service.promote("production", &build).await;
    let impact = |query: &str| {
        let address = format!("/projects/site/impact?path=logo.svg{query}");
        let service = &service;
        async move { service.read(&address).await }
    };

    let report = impact("&change=move&to=x/logo.svg").await.ok();
    assert_eq!(
        (&report["change"], &report["breaks"], &report["complete"]),
        (&json!("move"), &json!(true), &json!(true))
    );
    assert_eq!(paths(&report["used_by"]), ["a.css"]);
    let environment = &report["environments"][0];
    assert_eq!((&environment["environment"], &environment["build"]), (&json!("production"), &json!(build)));
    assert_eq!(report["lost"], json!([{ "reference": "photo.png", "path": "x/photo.png" }]));
    assert_eq!(impact("&change=replace").await.ok()["breaks"], false);
    let draft = service.release(vec![json!({ "kind": "asset", "path": "a.css" })]).await;
    let lines = impact("").await.ok()["releases"].clone();
    assert!(
        lines.as_array().unwrap().iter().any(|line| line["release"] == json!(draft) && line["path"] == "a.css"),
        "{lines}"
    );

    for (query, field) in [
        ("&change=burn", "change"),
        ("&to=a", "to"),
        ("&change=move&to=../a", "to"),
        ("&limit=0", "limit"),
        ("&x=1", "x"),
    ] {
        assert_eq!(impact(query).await.problem(400, "invalid")["field"], field, "{query}");
    }
    service.read("/projects/site/impact?path=nothing").await.problem(404, "not-found");
    service.read("/projects/site/impact?path=/a").await.problem(400, "invalid");
}

#[tokio::test]
async fn readers_read_and_editors_declare() {
    let service = TestService::start().await;
    let build = service.build_of([("a", &b"a"[..])]).await;
    let id = asset(&service, "a").await;
    let (viewer, editor) = (service.token("viewer", None).await, service.token("editor", None).await);
    let declared = format!("/projects/site/assets/{id}/declared-references");
    for address in [
        declared.clone(),
        format!("/projects/site/assets/{id}/references"),
        format!("/projects/site/builds/{build}/missing"),
        "/projects/site/impact?path=a".to_owned(),
    ] {
        service.send(service.request_as(&viewer, Method::GET, &address)).await.ok();
        service
            .send(service.anonymous(Method::GET, &format!("/api/v1{address}")))
            .await
            .problem(401, "unauthenticated");
        let other = address.replace("/site/", "/other/");
        service.send(service.request_as(&viewer, Method::GET, &other)).await.problem(404, "not-found");
    }
    let put = |token: &str| service.request_as(token, Method::PUT, &declared).json(&json!({ "needs": [] }));
    service.send(put(&viewer)).await.problem(403, "forbidden");
    service.send(put(&editor)).await.ok();
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_said() {
    let service = TestService::start_with(|config| config.limits.declared_references = 2).await;
    let build = service.build_of([("a", &b"a"[..])]).await;
    let id = asset(&service, "a").await;
    let missing = |query: &str| format!("/projects/site/builds/{build}/missing?{query}");
    assert_eq!(service.read(&missing("since=yesterday")).await.problem(400, "invalid")["field"], "since");
    assert_eq!(service.read(&missing("cursor=x")).await.problem(400, "invalid")["field"], "cursor");
    service.read(&missing("since=R-9.9")).await.problem(404, "not-found");
    service.read(&missing("since=environment:nowhere")).await.problem(404, "not-found");
    service.read("/projects/site/builds/R-9.9/missing").await.problem(404, "not-found");
    let references = |query: &str| format!("/projects/site/assets/{id}/references?{query}");
    assert_eq!(service.read(&references("version=0")).await.problem(400, "invalid")["field"], "version");
    service.read(&references("version=2")).await.problem(404, "not-found");
    let stranger = "01890a5d-ac96-774b-bcce-b302099a8057";
    service.read(&format!("/projects/site/assets/{stranger}/references")).await.problem(404, "not-found");

    let declare = |needs: Value| {
        let address = format!("/projects/site/assets/{id}/declared-references");
        service.send(service.request(Method::PUT, &address).json(&json!({ "needs": needs })))
    };
    for needs in [
        json!([{ "kind": "x" }]),
        json!([{ "kind": "x", "path": "b", "asset": stranger }]),
        json!([{ "kind": "", "path": "b" }]),
        json!([{ "kind": "x", "path": "../b" }]),
        json!([{ "kind": "x", "path": "a" }]),
        json!([{ "kind": "x", "path": "b", "why": "y" }]),
    ] {
        declare(needs.clone()).await.problem(400, "invalid");
    }
    declare(json!([{ "kind": "x", "asset": stranger }])).await.problem(404, "not-found");
    let three: Vec<Value> = ["b", "c", "d"].map(|path| json!({ "kind": "x", "path": path })).into();
    declare(json!(three)).await.problem(413, "too-large");
}

#[tokio::test]
async fn an_address_of_the_service_itself_leads_to_its_asset() {
    let service =
        TestService::start_with(|config| config.server.public_url = "https://assets.example.org".to_owned()).await;
    let page = r#"<img src="https://assets.example.org/e/site/production/a.png?w=80"><img src="/r/site/R-1/b.png">
        <img src="https://assets.example.org/e/other/production/c.png"><img src="https://example.org/e/site/production/d.png">"#;
    let build = service.build_of([("x/page.html", page.as_bytes())]).await;
    let missing = service.read(&format!("/projects/site/builds/{build}/missing")).await.ok();
    assert_eq!(paths(&missing), ["a.png", "b.png"]);
}
