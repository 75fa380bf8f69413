//! From files to what an environment serves, and back.

use serde_json::{Value, json};

use crate::service::{TestService, text};

#[tokio::test]
async fn a_release_goes_from_files_through_every_environment_and_back() {
    for service in TestService::on_each_database().await {
        let spring = service.build_of([("hero.png", &b"spring"[..]), ("a.txt", b"same")]).await;
        let summer = service.build_of([("hero.png", &b"summer"[..]), ("a.txt", b"same")]).await;
        for environment in ["development", "staging", "production"] {
            service.promote(environment, &spring).await;
        }
        let promoted = service.promote("production", &summer).await;

        let back = service.roll_back("production").await;

        assert_eq!((&promoted["outcome"], &promoted["replaced"]), (&json!("promoted"), &json!(spring)));
        assert_eq!((&back["outcome"], &back["build"]), (&json!("rolled_back"), &json!(spring)));
        let history = service.deployments("production").await;
        let builds: Vec<&Value> = history.iter().map(|deployment| &deployment["build"]).collect();
        assert_eq!(builds, [&json!(spring), &json!(summer), &json!(spring)], "a rollback is a new deployment");
        assert_eq!(history[0]["actor"], "administrator");
        let project = service.read("/projects/site").await.ok();
        assert_eq!(project["environments"][2]["build"], json!(spring));
        assert_eq!(project["environments"][2]["revision"], 3);
    }
}

#[tokio::test]
async fn promoting_what_is_served_succeeds_and_adds_no_history() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"a"[..])]).await;
        let first = service.promote("staging", &build).await;

        let again = service.promote("staging", &build).await;

        assert_eq!(again["outcome"], "already_served");
        assert_eq!(again["revision"], first["revision"]);
        assert_eq!(service.deployments("staging").await.len(), 1);
    }
}

#[tokio::test]
async fn a_dry_run_says_what_a_rollback_would_do_and_does_nothing() {
    for service in TestService::on_each_database().await {
        let one = service.build_of([("a", &b"1"[..])]).await;
        let two = service.build_of([("a", &b"2"[..])]).await;
        service.promote("production", &one).await;
        service.promote("production", &two).await;

        let address = "/projects/site/environments/production/rollback";
        let plan = service.post(address, json!({ "dry_run": true })).await.ok();

        let expected = json!({ "outcome": "dry_run", "environment": "production", "build": one, "replaced": two,
            "revision": 2, "changes": 1, "missing": [] });
        assert_eq!(plan, expected);
        assert_eq!(service.deployments("production").await.len(), 2);
    }
}

#[tokio::test]
async fn what_was_served_at_an_instant_can_be_asked() {
    for service in TestService::on_each_database().await {
        let one = service.build_of([("a", &b"1"[..])]).await;
        let two = service.build_of([("a", &b"2"[..])]).await;
        let first = service.promote("production", &one).await;
        let second = service.promote("production", &two).await;

        let served = async |at: &str| {
            let address = format!("/projects/site/environments/production/served?at={at}");
            service.read(&address).await
        };
        assert_eq!(served(first["at"].as_str().unwrap()).await.ok()["build"], json!(one));
        assert_eq!(served(second["at"].as_str().unwrap()).await.ok()["build"], json!(two));
        served("2001-01-01T00:00:00Z").await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_comparison_names_every_difference_with_its_kind() {
    for service in TestService::on_each_database().await {
        service.put("moved.txt", "m").await;
        let from = service.build_of([("changed.txt", &b"1"[..]), ("removed.txt", b"22")]).await;
        let release = service.release(vec![json!({ "kind": "asset", "path": "moved.txt" })]).await;
        let address = format!("/projects/site/releases/{release}/builds");
        let from = text(&service.post(&address, json!({ "base": from })).await.ok()["name"]);
        service.put("changed.txt", "333").await;
        service.put("added.txt", "4444").await;
        service.delete("/projects/site/files/removed.txt").await.ok();
        let move_body = json!({ "from": "moved.txt", "to": "place/moved.txt" });
        service.post("/projects/site/assets/move", move_body).await.ok();

        let compared = service.read(&format!("/projects/site/compare?from={from}&to=latest")).await.ok();

        let items: Vec<(&str, &str)> = compared["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["key"].as_str().unwrap(), item["change"].as_str().unwrap()))
            .collect();
        let expected = [
            ("added.txt", "added"),
            ("changed.txt", "changed"),
            ("place/moved.txt", "moved"),
            ("removed.txt", "removed"),
        ];
        assert_eq!(items, expected);
        assert_eq!(compared["items"][2]["from_path"], "moved.txt");
        let totals = json!({ "added": 1, "changed": 1, "removed": 1, "moved": 1, "bytes_before": 4, "bytes_after": 8, "parameters": 0, "access_rules": 0 });
        assert_eq!(compared["totals"], totals);
    }
}

#[tokio::test]
async fn parameters_and_access_rules_are_lines_of_a_release_too() {
    for service in TestService::on_each_database().await {
        let release = service.release(vec![
            json!({ "kind": "parameter", "name": "colour", "value": "blue", "by_environment": { "staging": "red" } }),
            json!({ "kind": "access", "prefix": "internal/", "visibility": "private" }),
        ]).await;
        let address = format!("/projects/site/releases/{release}");

        let lines = service.read(&format!("{address}/changes")).await.ok();

        let [access, parameter] = lines["items"].as_array().unwrap().as_slice() else { panic!("{lines}") };
        assert_eq!(
            (&access["kind"], &access["prefix"], &access["visibility"]),
            (&json!("access"), &json!("internal/"), &json!("private"))
        );
        assert_eq!((&parameter["value"], &parameter["by_environment"]["staging"]), (&json!("blue"), &json!("red")));
        let removed = service
            .send(
                service
                    .request(reqwest::Method::DELETE, &format!("{address}/changes"))
                    .json(&json!({ "keys": [access["key"], "nothing"] })),
            )
            .await
            .ok();
        assert_eq!(removed, json!({ "removed": 1, "changes": 1, "revision": 3 }));
        assert_eq!(service.read(&address).await.ok()["changes"], 1);
    }
}

#[tokio::test]
async fn everything_that_changed_stands_in_an_audit_trail_that_verifies() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", &b"1"[..])]).await;
        service.promote("production", &build).await;

        let list = service.read("/audit?project=site").await.ok();
        let verified = service.read("/audit/verify").await.ok();

        let actions: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        let expected = [
            "environment.promoted",
            "release.built",
            "release.changes_added",
            "release.created",
            "asset.put",
            "project.created",
        ];
        assert_eq!(actions, expected);
        assert_eq!(list["items"][0]["details"]["build"], json!(build));
        assert_eq!((&verified["intact"], &verified["head"]), (&json!(true), &list["items"][0]["hash"]));
    }
}
