//! Settings of webhooks, streams of events and mail.

use serde::Deserialize;

use super::Config;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    pub per_project: usize,
    pub at_once: usize,
    pub tries: u32,
    pub first_wait_seconds: f64,
    pub longest_wait_hours: f64,
    pub dead_in_row: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    pub keep_days: f64,
    pub streams_max: usize,
    pub heartbeat_seconds: f64,
    pub stalled_seconds: f64,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    None,
    Starttls,
    Tls,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub user: String,
    pub password: String,
    pub from: String,
    pub seconds: f64,
    pub per_person: usize,
}

// What holds a credential shows none of it, wherever it is logged.
impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig").field("is_on", &!self.host.is_empty()).finish_non_exhaustive()
    }
}

impl Config {
    /// The first of these settings that can't be used, and what would be right.
    pub(super) fn fault_of_notifications(&self) -> Option<(&'static str, &'static str)> {
        let Self { webhooks, events, mail, .. } = self;
        let spans = [
            ("webhooks.first_wait_seconds", webhooks.first_wait_seconds),
            ("webhooks.longest_wait_hours", webhooks.longest_wait_hours),
            ("events.heartbeat_seconds", events.heartbeat_seconds),
            ("events.stalled_seconds", events.stalled_seconds),
            ("mail.seconds", mail.seconds),
        ];
        if let Some((key, _)) = spans.iter().find(|(_, value)| !(0.001..=1e6).contains(value)) {
            return Some((key, "give a number of 0.001 to 1000000"));
        }
        if webhooks.tries == 0 {
            return Some(("webhooks.tries", "give at least 1"));
        }
        if webhooks.dead_in_row == 0 {
            return Some(("webhooks.dead_in_row", "give at least 1"));
        }
        None
    }
}
