//! Delivering to webhooks. One that hangs holds up only itself.

use std::time::Instant;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use shelfmark_domain::notify::backoff::Backoff;
use shelfmark_engine::operations::notify::{Answered, Courier, CourierPolicy, Lease, NotifyError, Outgoing};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{LOOK_EVERY, wait_for_work};
use crate::Services;
use crate::config::WebhooksConfig;
use crate::web::outbound::{Outbound, OutboundError, Reply};

/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Messages to one webhook before the others have their turn.
const IN_ONE_TURN: usize = 100;
/// What a lease lasts beyond the longest request, in milliseconds.
const LEASE_MARGIN_MS: i64 = 30_000;

/// Delivers to webhooks. Cheap to clone.
#[derive(Clone)]
pub struct WebhookSender {
    courier: Courier,
    outbound: Outbound,
    at_once: usize,
}

/// How deliveries are repeated, as the settings say.
fn policy(settings: &WebhooksConfig, request_seconds: f64) -> CourierPolicy {
    let ms = |seconds: f64| (seconds * 1_000.0) as i64;
    CourierPolicy {
        backoff: Backoff {
            tries_max: settings.tries,
            first_ms: ms(settings.first_wait_seconds),
            most_ms: ms(settings.longest_wait_hours * 3_600.0),
        },
        dead_in_row_max: settings.dead_in_row,
        lease_ms: ms(request_seconds) + LEASE_MARGIN_MS,
    }
}

impl WebhookSender {
    /// A sender of this service.
    pub fn new(services: &Services) -> Self {
        let settings = &services.config.webhooks;
        let courier = Courier::new(services.engine.clone(), policy(settings, services.config.outbound.request_seconds));
        Self { courier, outbound: services.outbound.clone(), at_once: settings.at_once }
    }

    /// Delivers what is due now and waits until that is done; returns how many messages were sent.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn run_once(&self) -> Result<usize, NotifyError> {
        let mut sent = 0;
        loop {
            let leases = self.courier.lease_due(u32::try_from(self.at_once.max(1)).unwrap_or(u32::MAX)).await?;
            let mut turns: JoinSet<_> = leases.into_iter().map(|lease| self.clone().turn(lease)).collect();
            let mut in_this = 0;
            while let Some(turn) = turns.join_next().await {
                in_this += turn.unwrap_or_default();
            }
            sent += in_this;
            if in_this == 0 {
                return Ok(sent);
            }
        }
    }

    /// Delivers until the end of the runtime.
    pub async fn run(self, mut heard: watch::Receiver<i64>) {
        if self.at_once == 0 {
            return;
        }
        let mut turns = JoinSet::new();
        loop {
            while turns.try_join_next().is_some() {}
            let free = self.at_once.saturating_sub(turns.len());
            match self.courier.lease_due(u32::try_from(free).unwrap_or(u32::MAX)).await {
                Ok(leases) => leases.into_iter().for_each(|lease| drop(turns.spawn(self.clone().turn(lease)))),
                Err(error) => {
                    tracing::warn!(%error, "webhooks could not be looked at; looking again");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            tokio::select! {
                () = wait_for_work(&mut heard) => {}
                Some(_) = turns.join_next(), if !turns.is_empty() => {} // it may have more, and its place is free
            }
        }
    }

    /// Delivers for one webhook until nothing is due, or others should have their turn; returns how many were sent.
    async fn turn(self, lease: Lease) -> usize {
        let mut sent = 0;
        while sent < IN_ONE_TURN {
            match self.one(&lease).await {
                Ok(None) => break,
                Ok(Some(goes_on)) => {
                    sent += 1;
                    if !goes_on {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, webhook = %lease.webhook, "a webhook's queue could not be moved; trying again");
                    break;
                }
            }
        }
        if let Err(error) = self.courier.release(lease).await {
            tracing::warn!(%error, "a webhook's lease could not be given back; it ends by itself");
        }
        sent
    }

    /// Sends the next message; `None` without one, else whether the queue goes on.
    async fn one(&self, lease: &Lease) -> Result<Option<bool>, NotifyError> {
        let Some(message) = self.courier.next(lease).await? else { return Ok(None) };
        let started = Instant::now();
        let (status, said) = match self.send(&message).await {
            Ok(reply) => (Some(reply.status), String::from_utf8_lossy(&reply.body).into_owned()),
            Err(error) => (None, error.to_string()),
        };
        let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let goes_on = self.courier.note(lease, message, Answered { status, duration_ms, said }).await?;
        Ok(Some(goes_on))
    }

    async fn send(&self, message: &Outgoing) -> Result<Reply, OutboundError> {
        let request = self
            .outbound
            .request(Method::POST, &message.url)?
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", message.timestamp_seconds)
            .header("webhook-signature", &message.signature)
            .body(message.body.clone());
        self.outbound.send(request, ANSWER_BYTES_MAX).await
    }
}
