//! The gate over HTTP: who may ask for what, what a refusal says, and that what is repeated happens once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{TestService, text};

const PRODUCTION: &str = "/projects/site/environments/production";

async fn set_policy(service: &TestService, environment: &str, policy: Value) -> Value {
    let address = format!("/projects/site/environments/{environment}/policy");
    let body = json!({ "policy": policy, "message": "so it is" });
    service.send(service.request(Method::PUT, &address).json(&body)).await.ok()
}

/// A token of a person with a role in the project.
async fn person(service: &TestService, name: &str, role: &str) -> String {
    service.post("/users", json!({ "name": name })).await.ok();
    let member = service.request(Method::PUT, &format!("/projects/site/members/{name}"));
    assert_eq!(service.send(member.json(&json!({ "role": role }))).await.status, 204);
    text(&service.post("/tokens", json!({ "name": "t", "user": name, "role": "administrator" })).await.ok()["token"])
}

#[tokio::test]
async fn a_refusal_names_each_check_with_its_remedy_and_the_preview_says_the_same() {
    for service in TestService::on_each_database().await {
        let approvals = json!([{ "count": 1, "role": "release_manager", "exclude_builder": true }]);
        let policy = json!({ "order": true, "approvals": approvals, "outside": [{ "name": "ci" }] });
        set_policy(&service, "production", policy.clone()).await;
        let build = service.build_of([("a", b"a")]).await;
        let refused = service.post(&format!("{PRODUCTION}/promote"), json!({ "build": build })).await;
        let refused = refused.problem(409, "conflict");
        let of = |checks: &Value, outcome: &str| -> Vec<String> {
            let checks = checks.as_array().unwrap().iter().filter(|check| check["outcome"] == outcome);
            checks.map(|check| text(&check["name"])).collect()
        };
        assert_eq!(of(&refused["checks"], "fail"), ["order", "approvals", "outside:ci"]);
        let checks = refused["checks"].as_array().unwrap();
        let failing = checks.iter().filter(|check| check["outcome"] == "fail");
        assert!(failing.clone().all(|check| check["remedy"].is_string() && check["reason"].is_string()), "{refused}");
        assert!(
            refused["detail"].as_str().unwrap().contains("0 of 1 approvals by the role release_manager"),
            "{refused}"
        );

        let preview = service.read(&format!("{PRODUCTION}/gate?build={build}")).await.ok();
        assert_eq!((&preview["passes"], of(&preview["checks"], "fail").len()), (&json!(false), 3));
        let rollback = service.read(&format!("{PRODUCTION}/gate?build={build}&class=rollback")).await.ok();
        assert_eq!(rollback["passes"], true);

        let manager = person(&service, "mia", "release_manager").await;
        let release = build.split('.').next().unwrap();
        let approve = json!({ "environment": "production", "decision": "approved", "reason": "looked at it" });
        let address = format!("/projects/site/releases/{release}/approvals");
        let made = service.send(service.request_as(&manager, Method::POST, &address).json(&approve)).await.ok();
        assert_eq!((&made["by"], &made["void"], &made["build"]), (&json!("mia"), &json!(false), &json!(build)));
        let report = json!({ "name": "ci", "state": "passed", "link": "https://ci.example.org/7" });
        service.post(&format!("/projects/site/releases/{release}/checks"), report).await.ok();
        service.promote("staging", &build).await;
        let deployed = service.promote("production", &build).await;
        assert_eq!((&deployed["class"], &deployed["cause"]), (&json!("regular"), &json!("person")));
        assert_eq!(of(&deployed["checks"], "fail"), Vec::<String>::new());
        let shown = service.read(&format!("{PRODUCTION}/policy")).await;
        assert_eq!((shown.header("etag"), &shown.json()["policy"]), ("\"1\"", &policy));
    }
}

#[tokio::test]
async fn each_verb_of_the_gate_needs_its_role() {
    let service = TestService::start().await;
    let build = service.build_of([("a", b"a")]).await;
    service.promote("staging", &build).await;
    for (rank, role) in ["viewer", "editor", "release_manager", "administrator"].into_iter().enumerate() {
        let token = service.token(role, None).await;
        let post = |address: &str, body: Value| (Method::POST, address.to_owned(), body);
        let reason = || json!({ "reason": "because" });
        let soon = service.running.services.engine.clock.now().plus_ms(60_000).to_string();
        let waiver = json!({ "environment": "production", "check": "soak", "reason": "r", "ends_at": soon });
        let cases = vec![
            (0, (Method::GET, "/policy".into(), json!({}))),
            (0, (Method::GET, format!("/environments/staging/gate?build={build}"), json!({}))),
            (0, (Method::GET, "/environments/staging/locks".into(), json!({}))),
            (0, (Method::GET, "/releases/R-1/checklist".into(), json!({}))),
            (1, post("/releases/R-1/approvals", json!({ "environment": "staging", "decision": "approved" }))),
            (1, post("/releases/R-1/checks", json!({ "name": "ci", "state": "running" }))),
            (2, post("/checklist", json!({ "step": "production", "text": "look" }))),
            (2, post("/environments/staging/stop", reason())),
            (2, post("/environments/staging/reopen", reason())),
            (2, post("/releases/R-1/freeze", json!({ "reason": "test" }))),
            (2, post("/releases/R-1/unfreeze", reason())),
            (3, (Method::PUT, "/policy".into(), json!({ "policy": { "soak_minutes": rank } }))),
            (3, (Method::PUT, "/environments/production/policy".into(), json!({ "policy": { "soak_minutes": rank } }))),
            (3, post("/waivers", waiver)),
        ];
        for (needed, (method, address, body)) in cases {
            let shown = format!("{role}: {method} {address}");
            let request = service.request_as(&token, method, &format!("/projects/site{address}")).json(&body);
            let answer = service.send(request).await;
            if rank >= needed {
                assert!(answer.status.is_success(), "{shown}: {answer:?}");
            } else {
                println!("{shown}");
                answer.problem(403, "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_the_field_at_fault() {
    let service = TestService::start().await;
    let build = service.build_of([("a", b"a")]).await;
    let head = service.audit_sequence().await;
    let put = async |policy: Value| {
        let request = service.request(Method::PUT, &format!("{PRODUCTION}/policy")).json(&json!({ "policy": policy }));
        service.send(request).await.problem(400, "invalid")
    };
    for (policy, said) in [
        (json!({ "soak": 5 }), "soak"),
        (json!({ "approvals": [{ "count": 1, "role": "boss" }] }), "boss"),
        (json!({ "approvals": [{ "count": 0, "role": "editor" }] }), "nobody"),
        (
            json!({ "windows": [{ "name": "w", "kind": "freeze", "starts": "2026-01-01T00:00:00", "lasts": "PT1H", "zone": "Mars" }] }),
            "Mars",
        ),
    ] {
        let problem = put(policy).await;
        assert!(problem.to_string().contains(said), "{said}: {problem}");
    }
    for (address, status) in [
        (format!("{PRODUCTION}/gate"), 400),
        (format!("{PRODUCTION}/gate?build=R-1"), 400),
        (format!("{PRODUCTION}/gate?build={build}&class=urgent"), 400),
        (format!("{PRODUCTION}/gate?build={build}&at=friday"), 400),
        (format!("{PRODUCTION}/gate?build=R-9.1"), 404),
        (format!("/projects/site/environments/nowhere/gate?build={build}"), 404),
        ("/projects/site/environments/nowhere/policy".into(), 404),
        ("/projects/site/reviews?owed=maybe".into(), 400),
    ] {
        assert_eq!(service.read(&address).await.status.as_u16(), status, "{address}");
    }
    let other = json!({ "environment": "production", "decision": "approved", "build": "R-2.1" });
    service.post("/projects/site/releases/R-1/approvals", other).await.problem(400, "invalid");
    let silent = json!({ "environment": "production", "decision": "rejected" });
    service.post("/projects/site/releases/R-1/approvals", silent).await.problem(400, "invalid");
    let link = json!({ "name": "ci", "state": "passed", "link": "javascript:alert(1)" });
    let wrong = service.post("/projects/site/releases/R-1/checks", link).await.problem(400, "invalid");
    assert_eq!(wrong["field"], "link");
    service
        .post(&format!("{PRODUCTION}/promote"), json!({ "build": build, "break_glass": true }))
        .await
        .problem(400, "invalid");
    assert_eq!(service.audit_sequence().await, head, "nothing has changed");
}

#[tokio::test]
async fn a_repeated_request_of_the_gate_has_one_effect() {
    for service in TestService::on_each_database().await {
        let build = service.build_of([("a", b"a")]).await;
        service.promote("staging", &build).await;
        let soon = service.running.services.engine.clock.now().plus_ms(60_000).to_string();
        let waiver = json!({ "environment": "production", "check": "soak", "reason": "r", "ends_at": soon });
        let cases = [
            (Method::PUT, "/policy", json!({ "policy": { "order": true } })),
            (Method::POST, "/releases/R-1/approvals", json!({ "environment": "staging", "decision": "approved" })),
            (Method::POST, "/releases/R-1/checks", json!({ "name": "ci", "state": "passed" })),
            (Method::POST, "/checklist", json!({ "step": "close", "text": "look" })),
            (Method::POST, "/waivers", waiver),
            (Method::POST, "/environments/staging/stop", json!({ "reason": "r" })),
            (Method::POST, "/environments/staging/reopen", json!({ "reason": "r" })),
            (Method::POST, "/releases/R-1/freeze", json!({})),
            (Method::POST, "/releases/R-1/unfreeze", json!({ "reason": "r" })),
        ];
        for (n, (method, address, body)) in cases.into_iter().enumerate() {
            let send = || {
                let request = service.request(method.clone(), &format!("/projects/site{address}")).json(&body);
                service.send(request.header("Idempotency-Key", format!("k{n}")))
            };
            let before = service.audit_sequence().await;
            let (first, again) = (send().await, send().await);
            assert!(first.status.is_success(), "{address}: {first:?}");
            assert_eq!((first.status, &first.bytes), (again.status, &again.bytes), "{address}");
            assert_eq!(service.audit_sequence().await, before + 1, "{address}");
        }
        let policy = service.request(Method::PUT, "/projects/site/policy").header("If-Match", "\"0\"");
        service.send(policy.json(&json!({ "policy": {} }))).await.problem(412, "stale");
    }
}
