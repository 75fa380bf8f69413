//! Delivering to receivers that are well, down, slow, talkative or silent.

use serde_json::{Value, json};
use shelfmark::jobs::notify::WebhookSender;
use standardwebhooks::Webhook;

use super::receiver::{Mode, Receiver};
use super::{eventually, happen};
use crate::service::{TestService, text};

/// Services that may call this machine, whose requests take little time.
async fn services() -> Vec<TestService> {
    TestService::on_each_database_with(|config| {
        config.outbound.allow_hosts = vec!["127.0.0.1".into()];
        config.outbound.ports = Vec::new();
        config.outbound.request_seconds = 1.0;
    })
    .await
}

async fn webhook(service: &TestService, url: &str, kinds: &[&str]) -> Value {
    service.post("/projects/site/webhooks", json!({ "url": url, "kinds": kinds })).await.ok()
}

async fn delivery(service: &TestService, webhook: &Value, sequence: i64) -> Value {
    let id = text(&webhook["id"]);
    service.read(&format!("/projects/site/webhooks/{id}/deliveries/{sequence}")).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_reaches_a_receiver_signed_and_described() {
    for service in services().await {
        let receiver = Receiver::start(Mode::Status(204)).await;
        let hook = webhook(&service, &receiver.url(), &["release.*"]).await;
        happen(&service).await;
        eventually("a delivery", || async { receiver.received().len() == 1 }).await;

        let received = receiver.received().remove(0);
        Webhook::new(&text(&hook["secret"])).unwrap().verify(&received.body, &received.headers).expect("it is signed");
        assert_eq!(received.headers["content-type"], "application/json");
        let event = received.json();
        assert_eq!((&event["type"], &event["data"]["subject"]), (&json!("release.created"), &json!("R-1")));
        assert_eq!(event["data"]["project"], "site");
        assert_eq!(event["data"]["details"]["title"], "test");
        assert_eq!(event["data"]["actor"]["name"], "administrator");
        let sequence = received.sequence();
        eventually("the log", || async { delivery(&service, &hook, sequence).await["state"] == "delivered" }).await;
        let attempt = &delivery(&service, &hook, sequence).await["attempts"][0];
        assert_eq!((&attempt["status"], &attempt["number"]), (&json!(204), &json!(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_gets_everything_in_order_under_stable_ids() {
    for service in services().await {
        let port = {
            let reserved = Receiver::start(Mode::Status(200)).await;
            reserved.port
        };
        let hook = webhook(&service, &format!("http://127.0.0.1:{port}/"), &["release.*"]).await;
        for _ in 0..5 {
            happen(&service).await;
        }
        let list = format!("/projects/site/webhooks/{}/deliveries", text(&hook["id"]));
        eventually("a failure", || async { !service.read(&list).await.json()["items"][0].is_null() }).await;
        let pending = service.read(&list).await.ok()["items"].clone();
        assert_eq!(pending.as_array().unwrap().len(), 1, "the others wait behind the first: {pending}");

        let receiver = Receiver::start_at("127.0.0.1", port, Mode::Status(200)).await;
        service.running.services.engine.clock.jump_ms(3_600_000);
        eventually("all of them", || async { receiver.received().len() >= 5 }).await;
        let received = receiver.received();
        assert!(received.is_sorted_by(|a, b| a.sequence() < b.sequence()), "each once, in order");
        assert_eq!(received.len(), 5);
        assert!(received.iter().all(|one| one.id().ends_with(&format!("_{}", one.sequence()))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_or_talks_without_end_holds_up_only_itself() {
    for service in services().await {
        let modes = [Mode::Hang, Mode::Huge, Mode::Slow, Mode::Redirect, Mode::Status(200)];
        let mut hooks = Vec::new();
        for mode in modes {
            let receiver = Receiver::start(mode).await;
            let hook = webhook(&service, &receiver.url(), &["release.*"]).await;
            hooks.push((mode, receiver, hook));
        }
        happen(&service).await;
        happen(&service).await;
        let (_, well, _) = hooks.last().unwrap();
        eventually("the receiver that is well", || async { well.received().len() == 2 }).await;

        for (mode, receiver, hook) in &hooks {
            eventually(&format!("{mode:?}"), || async { !receiver.received().is_empty() }).await;
            let sequence = receiver.received()[0].sequence();
            let tried = || async { delivery(&service, hook, sequence).await["attempts"][0].is_object() };
            eventually(&format!("the log of {mode:?}"), tried).await;
            let log = delivery(&service, hook, sequence).await;
            let is_taken = matches!(mode, Mode::Huge | Mode::Slow | Mode::Status(_)); // the status has come
            assert_eq!(log["state"] == "delivered", is_taken, "{mode:?}: {log}");
            let answer = text(&log["attempts"][0]["answer"]);
            assert!(answer.len() <= 1_024, "the log keeps only the start");
            if *mode == Mode::Hang {
                assert_eq!(answer, "no answer in time");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_deliver_each_event_once() {
    let services = services().await;
    let Some(first) = services.iter().find(|service| !service.running.services.config.database.url.is_empty()) else {
        return;
    };
    let url = first.running.services.config.database.url.clone();
    let second = TestService::join_with(|config| {
        config.database.url = url;
        config.outbound.allow_hosts = vec!["127.0.0.1".into()];
        config.outbound.ports = Vec::new();
    })
    .await;
    let receiver = Receiver::start(Mode::Status(200)).await;
    webhook(first, &receiver.url(), &["release.*"]).await;
    for n in 0..20 {
        happen(if n % 2 == 0 { first } else { &second }).await;
    }
    eventually("all of them", || async { receiver.received().len() >= 20 }).await;
    let sequences: Vec<i64> = receiver.received().iter().map(super::receiver::Received::sequence).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    assert_eq!(sequences.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_delivers_for_nobody_leaves_it_to_who_is_asked() {
    let service = TestService::start_with(|config| {
        config.webhooks.at_once = 0;
        config.outbound.allow_private = true;
        config.outbound.ports = Vec::new();
    })
    .await;
    let receiver = Receiver::start(Mode::Status(500)).await;
    webhook(&service, &receiver.url(), &["*"]).await;
    happen(&service).await;
    let sender = WebhookSender::new(&service.running.services);

    assert_eq!(sender.run_once().await.unwrap(), 1);
    assert_eq!(sender.run_once().await.unwrap(), 0, "it is not due");
    receiver.behave(Mode::Status(200));
    service.running.services.engine.clock.jump_ms(12_001);
    assert_eq!(sender.run_once().await.unwrap(), 1);
    let received = receiver.received();
    assert_eq!((received.len(), received[0].id()), (2, received[1].id()));
    assert_eq!(received[0].body, received[1].body);
}
