//! Assets: what is put stays, moves, goes and comes back.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{TestService, text};

#[tokio::test]
async fn a_put_makes_a_version_and_says_which() {
    for service in TestService::on_each_database().await {
        let put = |bytes: &'static str| {
            let request = service.request(Method::PUT, "/projects/site/files/img/a%20b.svg").body(bytes);
            service.send(request.header("X-Message", "neu: gr%C3%BCn"))
        };
        let first = put("<svg/>").await;
        let second = put("<svg></svg>").await;
        let again = put("<svg></svg>").await;

        assert_eq!((first.status.as_u16(), first.header("etag")), (201, "\"1\""));
        assert_eq!((second.status.as_u16(), second.header("etag")), (200, "\"2\""));
        let (first, second, again) = (first.json(), second.json(), again.json());
        let outcomes = [&first["outcome"], &second["outcome"], &again["outcome"]];
        assert_eq!(outcomes, [&json!("created"), &json!("changed"), &json!("unchanged")]);
        assert_eq!(again["asset"], second["asset"], "nothing was made, so the asset is as it was");
        let asset = service.read("/projects/site/assets/by-path?path=img/a%20b.svg").await.ok();
        assert_eq!(asset, second["asset"]);
        assert_eq!((&asset["message"], &asset["author"]), (&json!("neu: grün"), &json!("administrator")));
        assert_eq!(asset["media_type"], "image/svg+xml");
        assert_eq!(asset["content"], blake3::hash(b"<svg></svg>").to_string());
    }
}

#[tokio::test]
async fn every_old_version_keeps_its_bytes_and_can_come_back() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("a.txt", "one").await["asset"]["id"]);
        service.put("a.txt", "two").await;

        let reverted = service.post(&format!("/projects/site/assets/{id}/revert"), json!({ "version": 1 })).await.ok();

        assert_eq!((&reverted["outcome"], &reverted["asset"]["version"]), (&json!("changed"), &json!(3)));
        let content =
            async |number| service.read(&format!("/projects/site/assets/{id}/versions/{number}/content")).await.bytes;
        assert_eq!([content(1).await, content(2).await, content(3).await], ["one", "two", "one"]);
        let versions = service.read(&format!("/projects/site/assets/{id}/versions")).await.ok();
        let numbers: Vec<&Value> =
            versions["items"].as_array().unwrap().iter().map(|version| &version["number"]).collect();
        assert_eq!(numbers, [&json!(3), &json!(2), &json!(1)]);
        assert_eq!(versions["items"][0]["reverted_from"], 1);
        assert_eq!(service.read("/projects/site/files/a.txt?version=2").await.bytes, "two");
    }
}

#[tokio::test]
async fn metadata_is_part_of_a_version() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("a.txt", "one").await["asset"]["id"]);
        let address = format!("/projects/site/assets/{id}");

        let edited = service.patch(&address, json!({ "metadata": { "title": "Eins", "tags": ["b", "a"] } })).await.ok();

        assert_eq!(edited["version"], 2);
        assert_eq!(edited["metadata"], json!({ "title": "Eins", "tags": ["a", "b"], "fields": {} }));
        let with_header = service.request(Method::PUT, "/projects/site/files/b.txt").body("b");
        let with_header = with_header.header("X-Metadata", r#"{"alt_text":"ein \u00df"}"#);
        assert_eq!(service.send(with_header).await.ok()["asset"]["metadata"]["alt_text"], "ein ß");
    }
}

#[tokio::test]
async fn a_folder_moves_at_once_and_keeps_its_history() {
    for service in TestService::on_each_database().await {
        let before = service.put("img/a.txt", "a").await["asset"]["id"].clone();
        service.put("img/sub/b.txt", "b").await;
        service.put("images.txt", "not in the folder").await;

        let moved = service.post("/projects/site/assets/move", json!({ "from": "img/", "to": "pictures" })).await.ok();

        assert_eq!(moved["moved"], 2);
        let after = service.read("/projects/site/assets/by-path?path=pictures/a.txt").await.ok();
        assert_eq!(after["id"], before);
        let list = service.read("/projects/site/assets").await.ok();
        let paths: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|asset| asset["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["images.txt", "pictures/a.txt", "pictures/sub/b.txt"]);
    }
}

#[tokio::test]
async fn what_was_deleted_is_listed_apart_and_comes_back_with_its_history() {
    for service in TestService::on_each_database().await {
        let id = text(&service.put("a.txt", "a").await["asset"]["id"]);
        let removed = service.delete("/projects/site/files/a.txt").await.ok();
        assert!(removed["asset"]["deleted_at"].is_string());
        service.read("/projects/site/files/a.txt").await.problem(404, "not-found");
        assert_eq!(service.read("/projects/site/assets").await.ok()["items"], json!([]));
        let deleted = service.read("/projects/site/assets?deleted=true&prefix=a.txt").await.ok();
        assert_eq!(deleted["items"][0]["id"], json!(id));
        service.put("a.txt", "another").await;

        let taken = service.post(&format!("/projects/site/assets/{id}/undelete"), json!({})).await;
        taken.problem(409, "conflict");
        let back = service.post(&format!("/projects/site/assets/{id}/undelete"), json!({ "to": "b.txt" })).await.ok();

        assert_eq!((&back["path"], &back["version"], &back["deleted_at"]), (&json!("b.txt"), &json!(1), &Value::Null));
    }
}

#[tokio::test]
async fn the_whole_list_comes_as_lines_with_the_state_that_it_shows() {
    for service in TestService::on_each_database().await {
        for path in ["img/a", "img/b", "c"] {
            service.put(path, path.to_owned()).await;
        }
        let revision = service.asset_revision().await.to_string();
        let lines = async |query: &str| {
            let request = service.request(Method::GET, &format!("/projects/site/assets{query}"));
            let answer = service.send(request.header("Accept", "application/x-ndjson")).await;
            assert_eq!(answer.header("shelfmark-asset-revision"), revision);
            let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        };

        let expected = |path: &str| json!({ "path": path, "version": 1, "content": blake3::hash(path.as_bytes()).to_string(), "size_bytes": path.len() });
        assert_eq!(lines("").await, ["c", "img/a", "img/b"].map(expected));
        assert_eq!(lines("?prefix=im").await, ["img/a", "img/b"].map(expected));
        assert_eq!(lines("?prefix=x").await, Vec::<Value>::new());
    }
}
