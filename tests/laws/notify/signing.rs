//! Signatures of webhooks after Standard Webhooks, checked by the standard's own verifier, and their secrets.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_engine::operations::notify::{Outgoing, remove_webhook, rotate_webhook};
use standardwebhooks::Webhook;

use super::notifying::{HOUR_MS, courier, happen, webhook};
use crate::laws::ground::Ground;
use crate::laws::ground::site::Site;

laws![of rows: a_signature_is_good_for_its_message_only, both_secrets_sign_while_they_are_rotated, no_secret_is_in_the_trail,];

/// The next message of the only webhook.
async fn message(site: &Site) -> Outgoing {
    let courier = courier(site);
    let lease = courier.lease_due(10).await.unwrap().pop().unwrap();
    let message = courier.next(&lease).await.unwrap().unwrap();
    courier.release(lease).await.unwrap();
    message
}

fn headers(message: &Outgoing) -> reqwest::header::HeaderMap {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("webhook-id", message.id.parse().unwrap());
    headers.insert("webhook-timestamp", message.timestamp_seconds.into());
    headers.insert("webhook-signature", message.signature.parse().unwrap());
    headers
}

async fn a_signature_is_good_for_its_message_only(ground: &Ground) {
    let hook = webhook(ground, &["*"]).await;
    happen(ground, "one").await;
    let key = Webhook::new(&hook.secret).unwrap();
    let message = message(ground).await;
    let (good, body) = (headers(&message), message.body.as_bytes());

    key.verify(body, &good).expect("it is ours");
    let altered = message.body.replace("one", "two");
    assert_ne!(altered, message.body);
    assert!(key.verify(altered.as_bytes(), &good).is_err());
    let with = |name: &'static str, value: String| {
        let mut headers = good.clone();
        headers.insert(name, value.parse().unwrap());
        headers
    };
    assert!(key.verify(body, &with("webhook-id", format!("{}0", message.id))).is_err());
    assert!(key.verify(body, &with("webhook-timestamp", (message.timestamp_seconds + 1).to_string())).is_err());
    assert!(Webhook::new("whsec_AAAA").unwrap().verify(body, &good).is_err());

    ground.engine.clock.jump_ms(-10 * 60_000);
    let old = crate::laws::notify::signing::message(ground).await;
    let refused = key.verify(old.body.as_bytes(), &headers(&old)).unwrap_err();
    assert!(matches!(refused, standardwebhooks::WebhookError::TimestampTooOldError), "{refused}");
}

async fn both_secrets_sign_while_they_are_rotated(ground: &Ground) {
    let hook = webhook(ground, &["*"]).await;
    let rotated = rotate_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id, 1.0).await.unwrap();
    assert_ne!(rotated.secret, hook.secret);
    let (old, new) = (Webhook::new(&hook.secret).unwrap(), Webhook::new(&rotated.secret).unwrap());
    let verified = |message: &Outgoing| {
        // The verifier reads the machine's clock; the signature is what is asked for here.
        let signed = |key: &Webhook| key.sign(&message.id, message.timestamp_seconds, message.body.as_bytes()).unwrap();
        [&old, &new].map(|key| message.signature.split(' ').any(|signature| signature == signed(key)))
    };
    let during = message(ground).await;
    assert_eq!(verified(&during), [true, true]);
    old.verify(during.body.as_bytes(), &headers(&during)).expect("who has not changed yet is served");
    ground.engine.clock.jump_ms(HOUR_MS + 1);
    assert_eq!(verified(&message(ground).await), [false, true]);
    let wrong = rotate_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id, f64::NAN).await;
    assert_eq!(wrong.unwrap_err().kind(), FailureKind::Invalid);
}

async fn no_secret_is_in_the_trail(ground: &Ground) {
    let hook = webhook(ground, &["*"]).await;
    let rotated = rotate_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id, 1.0).await.unwrap();
    remove_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id, None).await.unwrap();
    let entries = ground.engine.catalog.audit_entries(None, None, 100).await.unwrap().items;
    let said = format!("{entries:?} {hook:?} {rotated:?}");
    assert!(entries.iter().any(|entry| entry.action == "webhook.rotated"));
    for secret in [&hook.secret["whsec_".len()..], &rotated.secret["whsec_".len()..], "example.org"] {
        assert!(!said.contains(secret), "{said}");
    }
}
