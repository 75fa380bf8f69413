//! Lists come in pages that leave nothing out and give nothing twice.

use serde_json::{Value, json};

use crate::service::TestService;

/// Walks a list with pages of this size.
pub async fn walk(service: &TestService, address: &str, limit: usize) -> Vec<Value> {
    let joint = if address.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = service.read(&format!("{address}{joint}limit={limit}{cursor}")).await.ok();
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.clone());
        match page["next_cursor"].as_str() {
            None => return items,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
}

#[tokio::test]
async fn walking_a_list_in_small_pages_gives_what_one_page_gives() {
    for service in TestService::on_each_database().await {
        for n in 0..5 {
            service.put(&format!("dir/{n}.txt"), format!("{n}")).await;
            service.put("many.txt", format!("{n}")).await;
            service.post("/projects", json!({ "name": format!("p{n}") })).await.ok();
            service.post("/tokens", json!({ "name": format!("t{n}"), "role": "viewer" })).await.ok();
        }
        for n in 0..3 {
            let build = service.build_of([("a", format!("{n}").as_bytes()), ("b", b"b")]).await;
            service.promote("staging", &build).await;
            service.delete(&format!("/projects/site/files/dir/{n}.txt")).await.ok();
        }
        let many = service.read("/projects/site/assets/by-path?path=many.txt").await.ok();
        let versions = format!("/projects/site/assets/{}/versions", many["id"].as_str().unwrap());
        for address in [
            "/projects",
            "/tokens",
            "/audit",
            "/audit?project=site",
            "/projects/site/assets",
            "/projects/site/assets?prefix=dir/",
            "/projects/site/assets?deleted=true",
            &versions,
            "/projects/site/releases",
            "/projects/site/releases/R-1/changes",
            "/projects/site/releases/R-1/builds",
            "/projects/site/environments",
            "/projects/site/environments/staging/deployments",
            "/projects/site/compare?from=empty&to=latest",
        ] {
            let whole = walk(&service, address, 1_000).await;
            assert!(!whole.is_empty(), "{address}");
            assert_eq!(walk(&service, address, 2).await, whole, "{address}");
        }
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    for service in TestService::on_each_database().await {
        for limit in ["0", "1001", "-1", "many", "99999999999999999999"] {
            let problem = service.read(&format!("/projects/site/releases?limit={limit}")).await.problem(400, "invalid");
            assert_eq!(problem["field"], "limit");
        }
        assert_eq!(service.read("/projects/site/assets?limit=10000").await.status.as_u16(), 200);
        for address in ["/projects", "/projects/site/releases", "/projects/site/assets?deleted=true", "/audit"] {
            for cursor in ["x", "1", "1zz", "16162", "1C3", "16100"] {
                let joint = if address.contains('?') { '&' } else { '?' };
                let problem = service.read(&format!("{address}{joint}cursor={cursor}")).await;
                if cursor == "1" && address.contains("deleted") {
                    continue; // the start of a list that is sorted by text
                }
                assert_eq!(problem.problem(400, "invalid")["field"], "cursor", "{address} {cursor}");
            }
        }
    }
}
