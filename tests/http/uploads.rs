//! Uploads that break off, and batches.

use reqwest::Method;
use serde_json::json;

use super::tar::{Entry, tar};
use crate::service::TestService;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_makes_no_version() {
    for service in TestService::on_each_database().await {
        let before = service.audit_sequence().await;
        let large = vec![7; 600 << 10];
        for (head, body) in [
            ("Content-Length: 100\r\n", &b"only some"[..]),
            ("Content-Length: 1000000\r\n", &large[..]),
            ("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"),
            ("Transfer-Encoding: chunked\r\n", b"5\r\nhel"),
            ("Transfer-Encoding: chunked\r\n", b"zz\r\nhello\r\n0\r\n\r\n"),
        ] {
            let said = service.raw("PUT", "/api/v1/projects/site/files/cut.bin", head, body);
            assert!(!said.starts_with("HTTP/1.1 2"), "{head}: {said}");
        }
        assert_eq!(service.audit_sequence().await, before);
        service.read("/projects/site/assets/by-path?path=cut.bin").await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_chunked_body_that_ends_rightly_is_a_version() {
    for service in TestService::on_each_database().await {
        let pieces = (0..100_u8).map(|n| Ok::<_, std::io::Error>(vec![n; 10_000]));
        let put = service.put("chunked.bin", reqwest::Body::wrap_stream(futures::stream::iter(pieces))).await;
        assert_eq!(put["asset"]["size_bytes"], 1_000_000);
    }
}

#[tokio::test]
async fn an_upload_that_is_not_what_it_announces_is_refused() {
    for service in TestService::on_each_database().await {
        let before = service.audit_sequence().await;
        let put = service.request(Method::PUT, "/projects/site/files/a").body("bytes");
        let put = put.header("X-Content-Blake3", blake3::hash(b"others").to_string());
        service.send(put).await.problem(400, "invalid");
        let put =
            service.request(Method::PUT, "/projects/site/files/a").body("bytes").header("X-Content-Blake3", "ABC");
        assert_eq!(service.send(put).await.problem(400, "invalid")["field"], "X-Content-Blake3");
        assert_eq!(service.audit_sequence().await, before);
    }
}

#[tokio::test]
async fn a_batch_takes_effect_as_one() {
    for service in TestService::on_each_database().await {
        service.put("old.txt", "old").await;
        service.put("same.txt", "same").await;
        service.put("IMG/New.txt", "alike").await;
        let previous = service.asset_revision().await;
        let known = blake3::hash(b"old").to_string();
        let body = tar(&[
            Entry::file("img/new.txt", b"new"),
            Entry::file("same.txt", b"same"),
            Entry::file("copy.txt", b"").with("SHELFMARK.content", &known).with("SHELFMARK.known", "1"),
            Entry::file("old.txt", b"").with("SHELFMARK.remove", "1"),
            Entry::file("never.txt", b"").with("SHELFMARK.remove", "1"),
            Entry::file("titled.txt", b"t").with("SHELFMARK.metadata", r#"{"title":"T"}"#),
        ]);
        let lookup = json!({ "contents": [known, blake3::hash(b"new").to_string()] });
        let lookup = service.post("/projects/site/contents/lookup", lookup).await.ok();
        assert_eq!(lookup, json!({ "known": [known] }));

        let request =
            service.request(Method::POST, "/projects/site/batch").body(body).header("X-Message", "all%20at%20once");
        let done = service.send(request).await.ok();

        let expected = json!({ "files": 4, "created": 3, "changed": 0, "unchanged": 1, "removed": 1,
            "absent": 1, "bytes": 11, "previous_asset_revision": previous,
            "asset_revision": service.asset_revision().await,
            "case_collisions": [["IMG/New.txt", "img/new.txt"]] });
        assert_eq!(done, expected);
        assert_eq!(service.read("/projects/site/files/copy.txt").await.bytes, "old");
        let asset = service.read("/projects/site/assets/by-path?path=titled.txt").await.ok();
        assert_eq!((&asset["message"], &asset["metadata"]["title"]), (&json!("all at once"), &json!("T")));
    }
}

#[tokio::test]
async fn an_upload_without_permission_is_told_so_whatever_its_size() {
    let service = TestService::start().await;
    let viewer = service.token("viewer", None).await;
    let large = vec![0_u8; 8 << 20];
    let put = service.request_as(&viewer, Method::PUT, "/projects/site/files/a").body(large);
    service.send(put).await.problem(403, "forbidden");
}
