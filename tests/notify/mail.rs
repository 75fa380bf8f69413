//! Mail to a real server: what it says, and that it comes although things break.

use reqwest::Method;
use serde_json::{Value, json};
use shelfmark::config::MailTls;
use shelfmark_engine::catalog::LetterState;

use super::eventually;
use super::smtp::MailServer;
use crate::service::{TestService, text};

/// A service that sends its mail to this server, with Anna, whose token is the second value.
async fn services(server: &MailServer) -> Vec<(TestService, String)> {
    let services = TestService::on_each_database_with(|config| {
        config.mail.host = "127.0.0.1".into();
        config.mail.port = server.port;
        config.mail.tls = MailTls::None;
        config.mail.seconds = 5.0;
        config.mail.from = "Shelfmark <shelfmark@example.org>".into();
        config.server.public_url = "https://shelf.example.org".into();
    });
    let mut with_anna = Vec::new();
    for service in services.await {
        let token = anna(&service).await;
        with_anna.push((service, token));
    }
    with_anna
}

async fn anna(service: &TestService) -> String {
    let person = json!({ "name": "anna", "title": "Anna\u{e4} Weber", "email": "anna@example.org" });
    service.post("/users", person).await.ok();
    let role = service.request(Method::PUT, "/projects/site/members/anna").json(&json!({ "role": "viewer" }));
    assert_eq!(service.send(role).await.status, 204);
    let token = json!({ "name": "laptop", "user": "anna", "role": "viewer" });
    text(&service.post("/tokens", token).await.ok()["token"])
}

async fn subscribe(service: &TestService, token: &str, body: Value) -> Value {
    service.send(service.request_as(token, Method::POST, "/projects/site/subscriptions").json(&body)).await.ok()
}

async fn happen(service: &TestService, title: &str) {
    service.post("/projects/site/releases", json!({ "title": title })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_told_by_mail_and_leaves_with_one_click() {
    let server = MailServer::start().await;
    for (n, (service, token)) in services(&server).await.into_iter().enumerate() {
        let made = subscribe(&service, &token, json!({ "kinds": ["release.*"] })).await;
        assert_eq!((&made["mail_is_on"], &made["when"]), (&json!(true), &json!("at_once")));
        happen(&service, "Spring\r\nBcc: evil@example.org\r\n.\r\nQUIT").await;
        eventually("a mail", || async { server.taken().len() == n + 1 }).await;

        let mail = server.taken().pop().unwrap();
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("shelfmark@example.org", &["anna@example.org".to_owned()][..])
        );
        assert_eq!(mail.field("Subject"), "[site] release created: R-1 by administrator");
        assert_eq!(mail.field("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        assert!(mail.field("Message-ID").ends_with(".shelfmark@example.org>"), "{}", mail.text);
        assert!(!mail.head().iter().any(|line| line.starts_with("Bcc")), "{}", mail.text);
        let unsubscribe = mail.field("List-Unsubscribe");
        let key = unsubscribe.strip_prefix("<https://shelf.example.org").unwrap().strip_suffix('>').unwrap();
        let click = || service.anonymous(Method::POST, key).body("List-Unsubscribe=One-Click");
        let page = service.send(service.anonymous(Method::GET, key)).await;
        assert!(page.status.is_success() && page.header("content-type").starts_with("text/html"));
        assert_eq!(service.send(click()).await.ok()["removed"], 1, "looking at the link has removed nothing");
        assert_eq!(service.send(click()).await.ok()["removed"], 0);
        let left = service.send(service.request_as(&token, Method::GET, "/me/subscriptions")).await.ok();
        assert_eq!(left["items"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_not_taken_for_certain_comes_again_under_the_same_id() {
    let server = MailServer::start().await;
    let mut before = 0;
    for (service, token) in services(&server).await {
        subscribe(&service, &token, json!({ "kinds": ["release.created"] })).await;
        server.refuse("451 later");
        happen(&service, "one").await;
        let clock = service.running.services.engine.clock.clone();
        let is_waiting = || async {
            service.running.services.engine.catalog.count_letters(LetterState::Waiting).await.unwrap() == 1
        };
        eventually("the letter", is_waiting).await;
        server.break_off();
        let taken = || async {
            clock.jump_ms(60_000); // the waits between tries pass
            server.taken().len() >= before + 2
        };
        eventually("two of the same", taken).await;
        let ids: Vec<String> = server.taken()[before..].iter().map(|mail| mail.field("Message-ID")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        before = server.taken().len();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_never_taken_is_given_up_and_one_whose_sender_is_not_known_waits() {
    let server = MailServer::start().await;
    for (service, token) in services(&server).await {
        subscribe(&service, &token, json!({ "kinds": ["release.created"] })).await;
        let count = |state| service.running.services.engine.catalog.count_letters(state);
        server.refuse("535 who are you");
        happen(&service, "one").await;
        eventually("a refusal", || async { server.has_refused() }).await; // it waits from the start, so that tells nothing
        assert_eq!(count(LetterState::Waiting).await.unwrap(), 1);
        server.refuse("550 nobody here");
        happen(&service, "two").await;
        eventually("a letter that is given up", || async { count(LetterState::Dead).await.unwrap() == 1 }).await;
        assert_eq!(count(LetterState::Waiting).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_one_mail() {
    let server = MailServer::start().await;
    for (n, (service, token)) in services(&server).await.into_iter().enumerate() {
        let daily = json!({ "kinds": ["release.*"], "when": "daily", "time": "07:30", "zone": "Europe/Berlin" });
        let made = subscribe(&service, &token, daily).await;
        assert_eq!((&made["time"], &made["zone"]), (&json!("07:30"), &json!("Europe/Berlin")));
        for title in ["one", "two", "three"] {
            happen(&service, title).await;
        }
        service.running.services.engine.clock.jump_ms(25 * 3_600_000);
        eventually("the digest", || async { server.taken().len() == n + 1 }).await;
        let mail = server.taken().pop().unwrap();
        assert_eq!(mail.field("Subject"), "3 events in site");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_the_persons_own_and_say_when_mail_is_off() {
    for service in TestService::on_each_database().await {
        let token = anna(&service).await;
        let made = subscribe(&service, &token, json!({ "kinds": ["mentions", "assigned"], "when": "hourly" })).await;
        assert_eq!(made["mail_is_on"], false);
        let post = |body: Value| service.request_as(&token, Method::POST, "/projects/site/subscriptions").json(&body);
        for (body, field) in [
            (json!({ "kinds": [] }), "kinds"),
            (json!({ "kinds": ["mention"] }), "kinds[0]"),
            (json!({ "kinds": ["*"], "when": "daily", "time": "25:00" }), "time"),
            (json!({ "kinds": ["*"], "when": "daily", "zone": "Mars" }), "time"),
            (json!({ "kinds": ["*"], "zone": "UTC" }), "when"),
        ] {
            assert_eq!(service.send(post(body.clone())).await.problem(400, "invalid")["field"], field, "{body}");
        }
        service.post("/projects/site/subscriptions", json!({ "kinds": ["*"] })).await.problem(409, "conflict");
        let address = format!("/me/subscriptions/{}", text(&made["id"]));
        assert_eq!(service.send(service.request_as(&token, Method::DELETE, &address)).await.status, 204);
        service.send(service.request_as(&token, Method::DELETE, &address)).await.problem(404, "not-found");
        let keyed = || post(json!({ "kinds": ["*"] })).header("Idempotency-Key", "k");
        let (one, two) = (service.send(keyed()).await.ok(), service.send(keyed()).await.ok());
        assert_eq!(one["id"], two["id"]);
    }
}
