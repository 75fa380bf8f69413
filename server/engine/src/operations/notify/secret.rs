//! Secrets of webhooks, and signatures after Standard Webhooks.

use shelfmark_domain::time::Timestamp;
use standardwebhooks::Webhook;

use crate::catalog::WebhookRow;

/// What every secret starts with, so that people and scanners recognise one.
pub const SECRET_PREFIX: &str = "whsec_";
const SIGNATURE_PREFIX: &str = "v1,";

/// A new secret: 256 bits that follow from 244 random ones of the operating system.
pub(super) fn new_secret() -> String {
    let chance = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    // A signature under a random key is as random as the key, and has the form that a secret has.
    let random = sign(&Webhook::from_bytes(chance), "secret", 0, b"");
    format!("{SECRET_PREFIX}{}", random.strip_prefix(SIGNATURE_PREFIX).unwrap_or(&random))
}

/// The signatures of a message under all secrets that are good now, the present one first.
pub(super) fn signatures(webhook: &WebhookRow, id: &str, now: Timestamp, body: &str) -> String {
    let old = webhook.old_secret.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
    let secrets = [Some(&webhook.secret), old].into_iter().flatten();
    let signed = secrets.map(|secret| sign(&Webhook::new(secret), id, now.as_seconds(), body.as_bytes()));
    signed.collect::<Vec<_>>().join(" ")
}

fn sign(key: &Result<Webhook, standardwebhooks::WebhookError>, id: &str, seconds: i64, body: &[u8]) -> String {
    let key = key.as_ref().expect("secrets are made here, in base64");
    key.sign(id, seconds, body).expect("bodies are JSON, and so UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_of_standard_webhooks_and_never_comes_twice() {
        let (one, other) = (new_secret(), new_secret());
        assert!(one != other && one.starts_with(SECRET_PREFIX) && one.len() == SECRET_PREFIX.len() + 44, "{one}");
        assert!(Webhook::new(&one).is_ok());
    }
}
