//! The export: all that is wanted, in a form that spreadsheets read and do not run.

use reqwest::Method;
use serde_json::json;

use super::ITEMS;
use crate::service::TestService;

const CSV: &str = "/projects/site/work-items.csv";

async fn records(service: &TestService, query: &str) -> Vec<csv::StringRecord> {
    let answer = service.read(&format!("{CSV}{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert!(answer.header("content-disposition").contains("work-items.csv"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&answer.bytes[..]);
    reader.records().map(|record| record.unwrap()).collect()
}

#[tokio::test]
async fn an_export_has_all_that_is_wanted_and_no_formula() {
    for service in TestService::on_each_database().await {
        for n in 0..3 {
            service.post(ITEMS, json!({ "title": format!("item {n}") })).await.ok();
        }
        let hostile = json!({ "title": "=HYPERLINK(\"x\")", "description": "two\nlines, \"quoted\"", "impact": "-1",
            "release_note": "@SUM(1)", "labels": ["+a", "b"] });
        service.post(ITEMS, hostile).await.ok();

        let all = records(&service, "").await;

        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|record| record.len() == 16));
        assert_eq!(&all[0][0], "number");
        let place = |name: &str| all[0].iter().position(|cell| cell == name).unwrap();
        let cell = |name: &str| &all[1][place(name)];
        assert_eq!((cell("number"), cell("title")), ("W-4", "'=HYPERLINK(\"x\")"));
        assert_eq!((cell("impact"), cell("release_note"), cell("labels")), ("'-1", "'@SUM(1)", "'+a, b"));
        assert_eq!(cell("description"), "two\nlines, \"quoted\"");
        assert_eq!(&all[4][0], "W-1");
        assert_eq!(records(&service, "?q=item%201").await.len(), 2);
        assert_eq!(records(&service, "?status=closed").await.len(), 1, "the heading only");
        for query in ["limit=3", "cursor=131", "order=board"] {
            service.read(&format!("{CSV}?{query}")).await.problem(400, "invalid");
        }
        let stranger = service.send(service.anonymous(Method::GET, &format!("/api/v1{CSV}"))).await;
        stranger.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn an_export_goes_on_beyond_one_reading() {
    let service = TestService::start().await;
    let posts = (0..1_050).map(|n| service.post(ITEMS, json!({ "title": format!("item {n}") })));
    for post in posts {
        post.await.ok();
    }
    let all = records(&service, "").await;
    let numbers: Vec<String> = all[1..].iter().map(|record| record[0].to_owned()).collect();
    let wanted: Vec<String> = (1..=1_050).rev().map(|n| format!("W-{n}")).collect();
    assert_eq!(numbers, wanted);
}
