//! What monitoring asks.

use reqwest::Method;
use serde_json::json;

use crate::service::TestService;

#[tokio::test]
async fn a_service_that_works_is_alive_and_ready() {
    for service in TestService::on_each_database().await {
        for address in ["/healthz", "/readyz"] {
            let answer = service.send(service.anonymous(Method::GET, address)).await.ok();
            assert_eq!(answer, json!({ "status": "ok" }));
        }
    }
}

#[tokio::test]
async fn a_service_without_its_store_is_alive_but_not_ready_and_says_why() {
    let service = TestService::start().await;
    std::fs::remove_dir_all(service.running.services.config.data.folder.join("store")).unwrap();
    let problem = service.send(service.anonymous(Method::GET, "/readyz")).await.problem(503, "busy");
    assert!(problem["detail"].as_str().unwrap().contains("the store is not ready"), "{problem}");
    service.send(service.anonymous(Method::GET, "/healthz")).await.ok();
}

#[tokio::test]
async fn figures_tell_what_is_stored() {
    for service in TestService::on_each_database().await {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        service.put("a.bin", bytes.clone()).await;
        service.put("b.bin", bytes).await;

        let store = service.read("/store").await.ok();
        let metrics = String::from_utf8(service.get("/metrics").await.to_vec()).unwrap();

        assert_eq!(
            (&store["assets"], &store["versions"], &store["logical_bytes"]),
            (&json!(2), &json!(2), &json!(800_000))
        );
        assert!(store["dedup_ratio"].as_f64().unwrap() > 1.9, "{store}");
        for line in [
            "shelfmark_versions 2",
            "shelfmark_logical_bytes 800000",
            "shelfmark_environments 3",
            "shelfmark_store_puts_total ",
            "shelfmark_dedup_ratio ",
            "shelfmark_build_info{version=",
        ] {
            assert!(metrics.lines().any(|found| found.starts_with(line)), "{line} is not in {metrics}");
        }
    }
}

#[tokio::test]
async fn the_store_is_checked_line_by_line_and_damage_is_named() {
    for service in TestService::on_each_database().await {
        service.put("a.bin", vec![1; 1_000]).await;
        let check = async || {
            let answer = service.post("/store/fsck", json!({})).await;
            let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
            serde_json::from_str::<serde_json::Value>(text.lines().last().unwrap()).unwrap()
        };
        let whole = check().await;
        assert_eq!((&whole["event"], &whole["damaged"]), (&json!("done"), &json!([])));

        for pack in service.packs() {
            let length = std::fs::metadata(&pack).unwrap().len();
            std::fs::write(pack, vec![7; length as usize]).unwrap();
        }
        let damaged = check().await;

        assert_eq!(damaged["damaged"][0]["versions"], json!([{ "project": "site", "path": "a.bin", "version": 1 }]));
        service.post("/store/fsck", json!({ "sample_percent": 0 })).await.problem(400, "invalid");
    }
}

#[tokio::test]
async fn garbage_collection_can_be_asked_what_it_would_do() {
    for service in TestService::on_each_database().await {
        let plan = service.post("/store/gc", json!({ "dry_run": true })).await.ok();
        let nothing = json!({ "dry_run": true, "chunks": 0, "packs": 0, "objects": 0, "bytes": 0, "names": [],
            "compacted": [], "copied_bytes": 0 });
        assert_eq!(plan, nothing);
        service.post("/store/gc", json!({})).await.ok();
    }
}
