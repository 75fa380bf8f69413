//! `manifest.json` and `parameters.json`.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::Metadata;
use shelfmark_domain::pin::{Parameter, Visibility};
use shelfmark_engine::operations::{AddedChange, Upload};

use super::shelf::{Shelf, answer};
use crate::laws::ground::site::of;

const MANIFEST: &str = "/e/site/production/-/manifest.json";

fn paths(list: &Value) -> Vec<&str> {
    list.as_array().expect("it is a list").iter().map(|entry| entry["path"].as_str().expect("it has one")).collect()
}

async fn shelf_with_rules() -> Shelf {
    let shelf = Shelf::start().await;
    let metadata = Metadata { title: Some("Über uns".into()), ..Metadata::default() };
    let upload = Upload { metadata: Some(metadata), ..Upload::default() };
    shelf.upload("img/ä b.svg", upload, "<svg width=\"3\" height=\"4\"/>").await.expect("it is stored");
    for path in ["!first.txt", "internal/a.txt", "z.txt"] {
        shelf.put(path, path.to_owned()).await;
    }
    let rule = AddedChange::Access(of("internal"), Visibility::Private);
    let build = shelf.build_of(vec![AddedChange::Latest, rule]).await.name;
    shelf.promote("production", build).await;
    shelf
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_lists_what_the_reader_may_fetch() {
    let shelf = shelf_with_rules().await;
    let viewer = shelf.viewer("site", None).await;

    let public = shelf.fetch(MANIFEST).await;
    let all = shelf.fetch_as(&viewer, MANIFEST).await;

    let document = public.json();
    assert_eq!((&document["project"], &document["environment"]), (&json!("site"), &json!("production")));
    let revision = json!(2); // the first one was that it became public
    assert_eq!((&document["build"], &document["revision"]), (&json!("R-1.1"), &revision));
    assert_eq!(paths(&document["entries"]), ["!first.txt", "img/ä b.svg", "z.txt"]);
    assert_eq!(paths(&all.json()["entries"]), ["!first.txt", "img/ä b.svg", "internal/a.txt", "z.txt"]);
    assert!(public.header("cache-control").starts_with("public, max-age=10"));
    assert_eq!(all.header("cache-control"), "private, no-cache");
    assert_eq!(public.header("vary"), "Accept, Authorization");
    let entry = &document["entries"][1];
    let content = ContentId::of(b"<svg width=\"3\" height=\"4\"/>");
    assert_eq!(entry["address"], format!("/c/site/{content}/%C3%A4%20b.svg"));
    assert_eq!((&entry["content"], &entry["size_bytes"]), (&json!(content.to_string()), &json!(27)));
    assert_eq!((&entry["media_type"], &entry["metadata"]), (&json!("image/svg+xml"), &json!({"title": "Über uns"})));
    for entry in document["entries"].as_array().expect("it is a list") {
        let address = entry["address"].as_str().expect("it has one");
        assert_eq!(shelf.bytes_at(address).await.len() as u64, entry["size_bytes"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_the_client_has_is_not_sent_again() {
    let shelf = shelf_with_rules().await;
    let viewer = shelf.viewer("site", None).await;
    let tag = shelf.fetch(MANIFEST).await.header("etag").to_owned();
    let again = || shelf.get(MANIFEST).header("if-none-match", &tag);
    assert_eq!(answer(again()).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(answer(again().bearer_auth(&viewer)).await.status, StatusCode::OK, "that one says more");
    assert_eq!(answer(again().header("accept", "application/x-ndjson")).await.status, StatusCode::OK);

    shelf.publish([("z.txt", Bytes::from_static(b"new"))]).await;

    assert_eq!(answer(again()).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_manifest_is_complete_in_both_forms() {
    let shelf = Shelf::start().await;
    let files: BTreeMap<String, Bytes> =
        (0..1_500).map(|at| (format!("icons/{at}.txt"), at.to_string().into())).collect();
    for (path, bytes) in &files {
        shelf.put(path, bytes.clone()).await;
    }
    shelf.publish([]).await;

    let document = shelf.fetch(MANIFEST).await.json();
    let lines = answer(shelf.get(MANIFEST).header("accept", "application/x-ndjson")).await;

    assert!(paths(&document["entries"]).into_iter().eq(files.keys()));
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let text = String::from_utf8(lines.body.to_vec()).expect("it is text");
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(Value::Array(entries), document["entries"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_difference_to_an_earlier_build_is_what_changed_for_the_reader() {
    let shelf = shelf_with_rules().await;
    let viewer = shelf.viewer("site", None).await;
    shelf.put("z.txt", "changed").await;
    shelf.put("internal/a.txt", "changed too").await;
    shelf.put("press/new.txt", "new").await;
    let changes = vec![
        AddedChange::Latest,
        AddedChange::RemovePath(of("!first.txt")),
        AddedChange::Access(of("img"), Visibility::Private),
    ];
    let build = shelf.build_of(changes).await.name;
    shelf.promote("production", build).await;
    let address = format!("{MANIFEST}?since=R-1.1");

    let public = shelf.fetch(&address).await.json();
    let all = shelf.fetch_as(&viewer, &address).await.json();

    assert_eq!((&public["since"], &public["build"]), (&json!("R-1.1"), &json!("R-2.1")));
    assert_eq!(paths(&public["changed"]), ["press/new.txt", "z.txt"]);
    assert_eq!(public["removed"], json!(["!first.txt", "img/ä b.svg"]), "what became private is gone");
    assert_eq!(paths(&all["changed"]), ["internal/a.txt", "press/new.txt", "z.txt"]);
    assert_eq!(all["removed"], json!(["!first.txt"]));
    shelf.roll_back("production").await;
    let back = shelf.fetch(&format!("{MANIFEST}?since=R-2.1")).await.json();
    assert_eq!(paths(&back["changed"]), ["!first.txt", "img/ä b.svg", "z.txt"]);
    assert_eq!(back["removed"], json!(["press/new.txt"]));
    let same = shelf.fetch(&address).await.json();
    assert_eq!((&same["changed"], &same["removed"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_tells_nothing_of_builds_that_were_never_public() {
    let shelf = shelf_with_rules().await;
    let viewer = shelf.viewer("site", None).await;
    shelf.put("secret.txt", "secret").await;
    let hidden = shelf.build_latest().await.name;
    let statuses = async |since: &str| {
        let address = format!("{MANIFEST}?since={since}");
        [shelf.fetch(&address).await.status.as_u16(), shelf.fetch_as(&viewer, &address).await.status.as_u16()]
    };
    assert_eq!(statuses(&hidden.to_string()).await, [401, 200]);
    assert_eq!(statuses("R-9.9").await, [401, 404]);
    assert_eq!(statuses("R-1").await, [400, 400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_have_the_values_of_their_environment() {
    let shelf = Shelf::start().await;
    let by_environment = BTreeMap::from([(of("staging"), "test".to_owned())]);
    let parameter = |value: &str, by_environment| Parameter { value: value.into(), by_environment };
    let build = shelf
        .build_of(vec![
            AddedChange::Parameter(of("payment.key"), parameter("live", by_environment)),
            AddedChange::Parameter(of("theme"), parameter("grün \"1\"", BTreeMap::new())),
        ])
        .await;
    for environment in ["development", "staging", "production"] {
        shelf.promote(environment, build.name).await;
    }
    let address = |environment: &str| format!("/e/site/{environment}/-/parameters.json");

    let staging = shelf.fetch(&address("staging")).await;
    let production = shelf.fetch(&address("production")).await;

    assert_eq!(staging.json(), json!({"payment.key": "test", "theme": "grün \"1\""}));
    assert_eq!(production.json(), json!({"payment.key": "live", "theme": "grün \"1\""}));
    assert_eq!(shelf.fetch(&address("development")).await.status, StatusCode::UNAUTHORIZED);
    let tag = staging.header("etag");
    let again = answer(shelf.get(&address("staging")).header("if-none-match", tag)).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}
