//! Delivering to webhooks: what is sent next, and what follows from the answer. Each webhook has a queue of its own:
//! the project's events after its cursor, in the order of their sequences. Since events appear in that order, nothing
//! is passed over. The cursor moves after the answer: a crash in between sends the event again, under the same id.

use shelfmark_domain::access::Principal;
use shelfmark_domain::notify::backoff::Backoff;
use shelfmark_domain::time::Timestamp;

use super::document::event_document;
use super::error::NotifyError;
use super::replay::TESTED;
use super::secret::signatures;
use super::webhooks::disable;
use crate::Engine;
use crate::catalog::{Attempt, CatalogError, DeliveryState, EventRow, QueueState, QueuedDelivery, WebhookRow};
use crate::operations::people::caller::Caller;

/// Events that are looked at together when most are not for a webhook.
const LOOKED_AT_ONCE: u32 = 200;
/// Most bytes of an answer that the log keeps.
const ANSWER_BYTES_MAX: usize = 1_024;
const GONE: u16 = 410;

/// How deliveries are repeated and given up.
#[derive(Clone, Copy, Debug)]
pub struct CourierPolicy {
    pub backoff: Backoff,
    /// After so many events in a row that were given up, the webhook is disabled.
    pub dead_in_row_max: u32,
    /// How long a lease lasts, in milliseconds: longer than the longest request.
    pub lease_ms: i64,
}

/// Delivers for webhooks. Any number of them may work on one database.
#[derive(Clone, Debug)]
pub struct Courier {
    engine: Engine,
    policy: CourierPolicy,
}

/// The right to deliver for one webhook for a time.
#[derive(Debug)]
pub struct Lease {
    pub webhook: String,
    owner: String,
}

/// A message that is to be sent now.
#[derive(Debug)]
pub struct Outgoing {
    /// The same at every try: receivers tell repetitions by it.
    pub id: String,
    pub url: String,
    pub timestamp_seconds: i64,
    /// `webhook-signature`.
    pub signature: String,
    pub body: String,
    webhook: WebhookRow,
    sequence: i64,
    kind: String,
    queue: QueueState,
    queued: Option<QueuedDelivery>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// `None` without an answer.
    pub status: Option<u16>,
    pub duration_ms: i64,
    /// The start of the answer, or why there is none.
    pub said: String,
}

impl Courier {
    /// A courier of this engine.
    pub fn new(engine: Engine, policy: CourierPolicy) -> Self {
        Self { engine, policy }
    }

    /// Takes the leases of up to `limit` webhooks that have something to deliver now.
    ///
    /// # Errors
    /// When the database doesn't answer; leases that were taken by then end by themselves.
    pub async fn lease_due(&self, limit: u32) -> Result<Vec<Lease>, CatalogError> {
        let mut leases = Vec::new();
        for webhook in self.engine.catalog.due_webhooks(self.engine.clock.now(), limit).await? {
            let lease = Lease { webhook, owner: uuid::Uuid::new_v4().to_string() };
            if self.renew(&lease).await?.is_some() {
                leases.push(lease);
            }
        }
        Ok(leases)
    }

    async fn renew(&self, lease: &Lease) -> Result<Option<QueueState>, CatalogError> {
        let now = self.engine.clock.now();
        let until = now.plus_ms(self.policy.lease_ms);
        self.engine.catalog.lease_queue(&lease.webhook, &lease.owner, now, until).await
    }

    /// Gives a lease back, so that others need not wait for its end.
    ///
    /// # Errors
    /// When the database doesn't answer; the lease ends by itself.
    pub async fn release(&self, lease: Lease) -> Result<(), CatalogError> {
        self.engine.catalog.release_queue(&lease.webhook, &lease.owner).await
    }

    /// The next message that is due; `None` when there is none, or the lease is lost. What somebody asked for goes
    /// before the queue.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn next(&self, lease: &Lease) -> Result<Option<Outgoing>, CatalogError> {
        let catalog = &self.engine.catalog;
        loop {
            let now = self.engine.clock.now();
            let Some(queue) = self.renew(lease).await? else { return Ok(None) };
            let webhook = catalog.webhook(&lease.webhook).await?.filter(|webhook| webhook.is_enabled);
            let Some(webhook) = webhook else { return Ok(None) };
            if let Some(queued) = catalog.queued_delivery(&webhook.id, now).await? {
                let event = catalog.event(&webhook.project, queued.sequence).await?;
                let Some(event) = event else {
                    self.bury_forgotten(lease, queue, &queued, now).await?;
                    continue;
                };
                return Ok(Some(outgoing(webhook, &event, queue, Some(queued), now)));
            }
            if queue.due_at > now {
                return Ok(None);
            }
            let events = catalog.events_after(&webhook.project, queue.cursor, LOOKED_AT_ONCE).await?;
            if let Some(event) = events.iter().find(|event| is_for(&webhook, event)) {
                return Ok(Some(outgoing(webhook, event, queue, None, now)));
            }
            let Some(last) = events.last() else { return Ok(None) };
            if !catalog.pass_events(&webhook.id, &lease.owner, queue.cursor, last.sequence).await? {
                return Ok(None);
            }
        }
    }

    /// Gives up a delivery that somebody asked for and whose event is kept no more.
    async fn bury_forgotten(
        &self,
        lease: &Lease,
        queue: QueueState,
        queued: &QueuedDelivery,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let attempt = Attempt {
            webhook: lease.webhook.clone(),
            owner: lease.owner.clone(),
            sequence: queued.sequence,
            kind: queued.kind.clone(),
            at,
            status: None,
            duration_ms: 0,
            answer: "the event is kept no more".to_owned(),
            state: DeliveryState::Dead,
            cursor_before: queue.cursor,
            queue,
            queued: None,
        };
        self.engine.catalog.note_attempt(&attempt).await.map(drop)
    }

    /// Records what came back, and says whether the queue can go on now.
    ///
    /// # Errors
    /// When the database doesn't answer: the event is sent again, under the same id.
    pub async fn note(&self, lease: &Lease, sent: Outgoing, answered: Answered) -> Result<bool, NotifyError> {
        let now = self.engine.clock.now();
        let is_done = answered.status.is_some_and(|status| (200..300).contains(&status));
        let is_gone = answered.status == Some(GONE);
        let attempt = self.judge(lease, &sent, answered, (is_done, is_gone), now);
        if !self.engine.catalog.note_attempt(&attempt).await? {
            return Ok(false);
        }
        let webhook = &sent.webhook;
        tracing::info!(webhook = %webhook.id, sequence = sent.sequence, status = attempt.status, state = attempt.state.as_str(), "webhook called");
        let (dead, most) = (attempt.queue.dead_in_row, self.policy.dead_in_row_max);
        let reason = if is_gone {
            Some("the receiver answered 410 Gone".to_owned())
        } else if attempt.state == DeliveryState::Dead && dead >= most && sent.queued.is_none() {
            Some(format!("{dead} events in a row could not be delivered"))
        } else {
            None
        };
        if let Some(reason) = reason {
            disable(&self.engine, &self.who(), webhook, &reason, now).await?;
            return Ok(false);
        }
        Ok(attempt.state != DeliveryState::Pending || sent.queued.is_some())
    }

    fn who(&self) -> Principal {
        Caller::system("webhook delivery", self.engine.clock.now()).principal
    }

    /// What follows from an answer.
    fn judge(
        &self,
        lease: &Lease,
        sent: &Outgoing,
        answered: Answered,
        (is_done, is_gone): (bool, bool),
        now: Timestamp,
    ) -> Attempt {
        let (chance, _) = uuid::Uuid::new_v4().as_u64_pair();
        let wait = |failures| self.policy.backoff.wait_ms(failures, chance).map(|wait| now.plus_ms(wait));
        let mut queue = sent.queue;
        let mut asked_again = None;
        let state = match &sent.queued {
            _ if is_done && sent.queued.is_some() => DeliveryState::Delivered,
            Some(queued) => match wait(queued.failures + 1).filter(|_| !is_gone && sent.kind != TESTED) {
                Some(due_at) => {
                    asked_again = Some((queued.failures + 1, due_at));
                    DeliveryState::Pending
                }
                None => DeliveryState::Dead, // a test is tried once: who waits for it wants to know
            },
            None if is_done => {
                queue = QueueState { cursor: sent.sequence, failures: 0, due_at: now, dead_in_row: 0 };
                DeliveryState::Delivered
            }
            None if is_gone => DeliveryState::Pending, // it is the first again when the webhook is enabled
            None => match wait(queue.failures + 1) {
                Some(due_at) => {
                    queue = QueueState { failures: queue.failures + 1, due_at, ..queue };
                    DeliveryState::Pending
                }
                None => {
                    let dead_in_row = queue.dead_in_row + 1;
                    queue = QueueState { cursor: sent.sequence, failures: 0, due_at: now, dead_in_row };
                    DeliveryState::Dead
                }
            },
        };
        Attempt {
            webhook: lease.webhook.clone(),
            owner: lease.owner.clone(),
            sequence: sent.sequence,
            kind: sent.kind.clone(),
            at: now,
            status: answered.status,
            duration_ms: answered.duration_ms,
            answer: start_of(&answered.said),
            state,
            cursor_before: sent.queue.cursor,
            queue,
            queued: asked_again,
        }
    }
}

/// Whether an event is for a webhook by its queue. A test goes only to the webhook that is tested, beside its queue.
fn is_for(webhook: &WebhookRow, event: &EventRow) -> bool {
    event.kind != TESTED && webhook.kinds.iter().any(|kind| kind.matches(&event.kind))
}

fn outgoing(
    webhook: WebhookRow,
    event: &EventRow,
    queue: QueueState,
    queued: Option<QueuedDelivery>,
    now: Timestamp,
) -> Outgoing {
    let id = format!("evt_{}_{}", webhook.id.replace('-', ""), event.sequence);
    let body = event_document(event).to_string();
    let signature = signatures(&webhook, &id, now, &body);
    let (sequence, kind, url) = (event.sequence, event.kind.clone(), webhook.url.clone());
    Outgoing { id, url, timestamp_seconds: now.as_seconds(), signature, body, webhook, sequence, kind, queue, queued }
}

/// The start of what a receiver said, without NUL, which no database holds.
fn start_of(said: &str) -> String {
    let mut end = said.len().min(ANSWER_BYTES_MAX);
    while !said.is_char_boundary(end) {
        end -= 1;
    }
    said[..end].replace('\0', " ")
}
