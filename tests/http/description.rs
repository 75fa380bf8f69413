//! The description of the API, and the page that shows it.

use reqwest::Method;
use serde_json::Value;

use crate::service::TestService;

/// A text that belongs where an address has this name.
fn example(name: &str) -> &'static str {
    match name {
        "project" => "site",
        "path" => "a/b.txt",
        "asset" => "01890a5d-ac96-774b-bcce-b302099a8057",
        "version" => "1",
        "release" => "R-1",
        "build" => "R-1.1",
        "environment" => "staging",
        "schedule" => "1",
        "revision" => "1",
        "token" => "t",
        "user" => "anna",
        "waiver" | "point" | "deployment" => "1",
        "search" => "icons",
        "proposal" => "1",
        "webhook" | "subscription" => "01890a5d-ac96-774b-bcce-b302099a8057",
        "sequence" => "7",
        "key" => "k",
        "audience" => "users",
        "item" => "W-1",
        "comment" => "1",
        other => panic!("{{{other}}} has no example"),
    }
}

/// Whether an address is one of this pattern.
fn is_at(pattern: &str, address: &[String]) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let fits = |(wanted, found): (&&str, &String)| wanted.starts_with('{') || wanted == found;
    let is_long_enough =
        pattern.len() == address.len() || (pattern.last() == Some(&"{path}") && pattern.len() < address.len());
    is_long_enough && pattern.iter().zip(address).all(fits)
}

#[tokio::test]
async fn every_described_operation_has_a_handler_and_no_other_method_has() {
    let service = TestService::start().await;
    let description: Value = serde_json::from_slice(&service.get("/api/v1/openapi.json").await).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = 0;
    for (address, item) in description["paths"].as_object().unwrap() {
        let segment = |text: &str| match text.strip_prefix('{') {
            Some(name) => example(name.trim_end_matches('}')).to_owned(),
            None => text.to_owned(),
        };
        let filled: Vec<String> = address.split('/').map(segment).collect();
        for method in ["get", "head", "put", "post", "patch", "delete"] {
            let request = service.anonymous(method.to_uppercase().parse().unwrap(), &filled.join("/"));
            let status = service.send(request).await.status.as_u16();
            let takes = |(pattern, item): (&String, &Value)| item.get(method).is_some() && is_at(pattern, &filled);
            let is_described = description["paths"].as_object().unwrap().iter().any(takes);
            operations += usize::from(item.get(method).is_some());
            assert_eq!(status != 405, is_described, "{method} {address}: {status}");
            assert!(!is_described || [200, 400, 401].contains(&status), "{method} {address}: {status}");
        }
    }
    assert!(operations > 45, "{operations}");
}

#[tokio::test]
async fn what_the_description_refers_to_is_in_it() {
    let service = TestService::start().await;
    let text = String::from_utf8(service.get("/api/v1/openapi.json").await.to_vec()).unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    let references: Vec<&str> =
        text.split("\"$ref\":\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 50);
    for name in references {
        assert!(description["components"]["schemas"].get(name).is_some(), "{name} is not described");
    }
    let mut names = std::collections::HashSet::new();
    for (address, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {address}: a name twice");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.values().all(|response| response["description"].is_string()), "{method} {address}");
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 3), "{method} {address}");
        }
    }
}

#[tokio::test]
async fn the_page_comes_from_the_program_itself() {
    let service = TestService::start().await;
    let page = service.send(service.anonymous(Method::GET, "/api/docs")).await;
    assert_eq!(page.status.as_u16(), 200, "the redirect is followed");
    let page = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(page.contains("swagger-ui") && !page.contains("https://"), "{page}");
    let start = String::from_utf8(service.get("/api/docs/swagger-initializer.js").await.to_vec()).unwrap();
    assert!(start.contains("/api/v1/openapi.json"), "{start}");
}
