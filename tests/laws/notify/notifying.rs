//! Webhooks: what is delivered in which order, what follows from an answer, and what happens when whoever delivers dies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::notify::backoff::Backoff;
use shelfmark_domain::notify::pattern::EventPattern;
use shelfmark_engine::catalog::{DeliveryState, EventRow, WebhookRow};
use shelfmark_engine::operations::notify::{
    Answered, Courier, CourierPolicy, NotifyError, Outgoing, ReplayFrom, WebhookDraft, WebhookPatch, change_webhook,
    create_webhook, replay_delivery, replay_since, rotate_webhook, test_webhook, trim_outbox,
};
use shelfmark_engine::operations::{create_release, retitle_project};

use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, at_once, of, titled};

laws![of rows:
    two_couriers_deliver_each_event_once_and_in_order_while_others_write,
    a_lease_is_taken_over_and_the_id_stays,
    a_failure_is_repeated_later_and_later_until_it_is_a_dead_letter,
    dead_letters_in_a_row_disable_a_webhook,
    a_receiver_that_is_gone_is_left_alone,
    only_the_wanted_kinds_are_delivered,
    a_replay_comes_under_the_same_id,
    a_test_goes_only_to_the_webhook_that_is_tested,
    a_webhook_is_for_administrators_and_changes_as_expected,
    the_outbox_is_trimmed_behind_who_needs_it,
];

pub const HOUR_MS: i64 = 3_600_000;
const POLICY: CourierPolicy = CourierPolicy {
    backoff: Backoff { tries_max: 3, first_ms: 10_000, most_ms: HOUR_MS },
    dead_in_row_max: 2,
    lease_ms: 60_000,
};

pub fn courier(site: &Site) -> Courier {
    Courier::new(site.engine.clone(), POLICY)
}

pub fn answered(status: u16) -> Answered {
    Answered { status: Some(status), duration_ms: 3, said: format!("status {status}") }
}

pub async fn webhook(site: &Site, kinds: &[&str]) -> WebhookRow {
    let kinds = kinds.iter().map(|kind| of::<EventPattern>(*kind)).collect();
    let draft = WebhookDraft { url: "https://example.org/hook".into(), kinds, description: String::new() };
    create_webhook(&site.engine, &site.caller(), &site.name, draft).await.expect("a webhook can be made")
}

/// Something happens.
pub async fn happen(site: &Site, title: &str) {
    create_release(&site.engine, &site.caller(), &site.name, titled(title)).await.expect("a release can be made");
}

/// The sequence at the end of a message's id.
fn sequence(message: &Outgoing) -> i64 {
    message.id.rsplit('_').next().unwrap().parse().unwrap()
}

/// Delivers all that is due; gives what was sent.
async fn deliver(courier: &Courier, mut answer: impl FnMut(&Outgoing) -> u16) -> Vec<i64> {
    let mut sent = Vec::new();
    loop {
        let leases = courier.lease_due(10).await.unwrap();
        if leases.is_empty() {
            return sent;
        }
        for lease in leases {
            while let Some(message) = courier.next(&lease).await.unwrap() {
                sent.push(sequence(&message));
                let status = answer(&message);
                if !courier.note(&lease, message, answered(status)).await.unwrap() {
                    break;
                }
            }
            courier.release(lease).await.unwrap();
        }
    }
}

async fn events(site: &Site, after: i64) -> Vec<EventRow> {
    site.engine.catalog.events_after(site.name.as_str(), after, 1_000).await.unwrap()
}

/// The events that happen after a webhook was made.
async fn since(site: &Site, webhook: &WebhookRow) -> Vec<i64> {
    let all = events(site, 0).await;
    let made = all.iter().find(|event| event.subject == webhook.id).unwrap().sequence;
    all.iter().map(|event| event.sequence).filter(|sequence| *sequence > made).collect()
}

async fn present(site: &Site, webhook: &WebhookRow) -> WebhookRow {
    site.engine.catalog.webhook(&webhook.id).await.unwrap().unwrap()
}

async fn two_couriers_deliver_each_event_once_and_in_order_while_others_write(ground: &Ground) {
    const WRITERS: usize = 4;
    const EACH: usize = 6;
    let other = ground.another().await;
    let hook = webhook(ground, &["*"]).await;
    let sent = Arc::new(Mutex::new(Vec::new()));

    let sites = [ground.site.clone(), other.clone(), ground.site.clone(), other.clone()];
    let writers = sites.map(|site| async move {
        for n in 0..EACH {
            happen(&site, &format!("release {n}")).await;
        }
    });
    let couriers = [courier(ground), courier(&other)].map(|courier| {
        let sent = sent.clone();
        async move {
            while sent.lock().unwrap().len() < WRITERS * EACH {
                deliver(&courier, |message| {
                    sent.lock().unwrap().push(sequence(message));
                    200
                })
                .await;
                tokio::task::yield_now().await;
            }
        }
    });
    let writing = tokio::spawn(at_once(writers));
    tokio::time::timeout(std::time::Duration::from_secs(120), at_once(couriers)).await.expect("all is delivered");
    writing.await.unwrap();

    let all = since(ground, &hook).await;
    assert_eq!(*sent.lock().unwrap(), all, "each once, in the order of the trail");
    let log = ground.engine.catalog.deliveries(&hook.id, None, None, 1_000).await.unwrap().items;
    assert!(log.iter().all(|delivery| (delivery.tries, delivery.state) == (1, DeliveryState::Delivered)));
    assert_eq!(log.len(), WRITERS * EACH);
}

async fn a_lease_is_taken_over_and_the_id_stays(ground: &Ground) {
    let other = ground.another().await;
    let hook = webhook(ground, &["*"]).await;
    happen(ground, "one").await;
    let (dying, heir) = (courier(ground), courier(&other));
    let lease = dying.lease_due(10).await.unwrap().pop().unwrap();
    let lost = dying.next(&lease).await.unwrap().unwrap();

    assert_eq!(deliver(&heir, |_| 200).await, [0_i64; 0], "somebody delivers already");
    other.engine.clock.jump_ms(POLICY.lease_ms + 1_000);
    let mut ids = Vec::new();
    deliver(&heir, |message| {
        ids.push(message.id.clone());
        200
    })
    .await;

    assert_eq!(ids, std::slice::from_ref(&lost.id));
    assert!(!dying.note(&lease, lost, answered(500)).await.unwrap(), "who lost the lease records nothing");
    let delivery = ground.engine.catalog.deliveries(&hook.id, None, None, 10).await.unwrap().items.remove(0);
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::Delivered, 1));
    dying.release(lease).await.unwrap();
    happen(ground, "two").await;
    assert_eq!(deliver(&heir, |_| 200).await.len(), 1);
}

async fn a_failure_is_repeated_later_and_later_until_it_is_a_dead_letter(ground: &Ground) {
    let hook = webhook(ground, &["release.created"]).await;
    happen(ground, "one").await;
    happen(ground, "two").await;
    let [first, second] = since(ground, &hook).await[..] else { panic!() };
    let (courier, clock) = (courier(ground), ground.engine.clock.clone());
    let fail_first = |message: &Outgoing| if sequence(message) == first { 503 } else { 204 };

    assert_eq!(deliver(&courier, fail_first).await, [first]);
    assert_eq!(deliver(&courier, fail_first).await, [0_i64; 0], "it is not due yet, and nothing overtakes it");
    clock.jump_ms(12_001);
    assert_eq!(deliver(&courier, fail_first).await, [first]);
    clock.jump_ms(23_000);
    assert_eq!(deliver(&courier, fail_first).await, [0_i64; 0], "the second wait is longer");
    clock.jump_ms(13_001);
    assert_eq!(deliver(&courier, fail_first).await, [first, second], "given up, the next one goes on");

    let log = &ground.engine.catalog;
    let delivery = log.delivery(&hook.id, first).await.unwrap().unwrap();
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::Dead, 3));
    let attempts = log.attempts(&hook.id, first, 10).await.unwrap();
    assert_eq!(
        attempts.iter().map(|attempt| (attempt.number, attempt.status)).collect::<Vec<_>>(),
        [(1, Some(503)), (2, Some(503)), (3, Some(503))]
    );
    let dead = log.deliveries(&hook.id, Some(DeliveryState::Dead), None, 10).await.unwrap().items;
    assert_eq!(dead.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>(), [first]);
    assert!(present(ground, &hook).await.is_enabled, "a success in between begins the count anew");
}

async fn dead_letters_in_a_row_disable_a_webhook(ground: &Ground) {
    let hook = webhook(ground, &["release.*"]).await;
    for title in ["one", "two", "three"] {
        happen(ground, title).await;
    }
    let third = since(ground, &hook).await[2];
    let courier = courier(ground);
    let mut tries = BTreeMap::new();
    for _ in 0..10 {
        deliver(&courier, |message| {
            *tries.entry(sequence(message)).or_insert(0) += 1;
            500
        })
        .await;
        ground.engine.clock.jump_ms(2 * HOUR_MS);
    }

    assert_eq!(tries.into_values().collect::<Vec<_>>(), [3, 3], "the third event was not tried any more");
    let disabled = present(ground, &hook).await;
    assert!(!disabled.is_enabled && disabled.disabled_reason.contains("2 events in a row"), "{disabled:?}");
    let last = events(ground, 0).await.pop().unwrap();
    assert_eq!((last.kind.as_str(), last.subject.as_str()), ("webhook.disabled", hook.id.as_str()));

    let enable = WebhookPatch { is_enabled: Some(true), ..WebhookPatch::default() };
    change_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id, enable).await.unwrap();
    assert_eq!(deliver(&courier, |_| 200).await, [third], "it goes on where it had stopped");
}

async fn a_receiver_that_is_gone_is_left_alone(ground: &Ground) {
    let hook = webhook(ground, &["release.*"]).await;
    happen(ground, "one").await;
    let first = since(ground, &hook).await[0];
    assert_eq!(deliver(&courier(ground), |_| 410).await, [first]);
    assert!(!present(ground, &hook).await.is_enabled);
    happen(ground, "two").await;
    assert_eq!(deliver(&courier(ground), |_| 200).await, [0_i64; 0]);

    let enable = WebhookPatch { is_enabled: Some(true), ..WebhookPatch::default() };
    change_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id, enable).await.unwrap();
    assert_eq!(deliver(&courier(ground), |_| 200).await.len(), 2, "nothing was lost meanwhile");
}

async fn only_the_wanted_kinds_are_delivered(ground: &Ground) {
    let elsewhere = ground.another_project("other").await;
    let hook = webhook(ground, &["project.retitled", "environment.*"]).await;
    for title in ["one", "two", "three"] {
        happen(ground, title).await;
        happen(&elsewhere, title).await;
    }
    retitle_project(&ground.engine, &ground.caller(), &ground.name, "New", None).await.unwrap();
    retitle_project(&elsewhere.engine, &elsewhere.caller(), &elsewhere.name, "New", None).await.unwrap();
    happen(ground, "four").await;

    let all = since(ground, &hook).await;
    assert_eq!(deliver(&courier(ground), |_| 200).await, [all[3]]);
    let state = ground.engine.catalog.queue_state(&hook.id).await.unwrap().unwrap();
    assert_eq!(state.cursor, all[4], "what isn't wanted is passed over");
}

async fn a_replay_comes_under_the_same_id(ground: &Ground) {
    let hook = webhook(ground, &["release.*"]).await;
    for title in ["one", "two", "three"] {
        happen(ground, title).await;
    }
    let (engine, caller, name, id) = (&ground.engine, ground.caller(), &ground.name, hook.id.as_str());
    let courier = courier(ground);
    let mut first_ids = Vec::new();
    let all = deliver(&courier, |message| {
        first_ids.push(message.id.clone());
        200
    })
    .await;

    replay_delivery(engine, &caller, name, id, all[1]).await.unwrap();
    let mut ids = Vec::new();
    let mut statuses = [500, 200].into_iter();
    let mut answer = |message: &Outgoing| {
        ids.push(message.id.clone());
        statuses.next().unwrap()
    };
    assert_eq!(deliver(&courier, &mut answer).await, [all[1]]);
    ground.engine.clock.jump_ms(12_001);
    assert_eq!(deliver(&courier, &mut answer).await, [all[1]], "a replay that fails is repeated");
    assert_eq!(ids, [first_ids[1].clone(), first_ids[1].clone()]);
    let attempts = engine.catalog.attempts(id, all[1], 10).await.unwrap();
    assert_eq!(attempts.len(), 3);

    assert_eq!(replay_since(engine, &caller, name, id, ReplayFrom::Sequence(all[1])).await.unwrap(), all[1]);
    assert_eq!(deliver(&courier, |_| 200).await, all[1..]);
    let at = events(ground, all[1]).await[0].at;
    replay_since(engine, &caller, name, id, ReplayFrom::Instant(at)).await.unwrap();
    assert_eq!(deliver(&courier, |_| 200).await, all[2..]);
    let unknown = replay_delivery(engine, &caller, name, id, 1_000_000).await.unwrap_err();
    assert!(matches!(unknown, NotifyError::NoEvent(1_000_000)));
}

async fn a_test_goes_only_to_the_webhook_that_is_tested(ground: &Ground) {
    let (hook, all) = (webhook(ground, &["environment.*"]).await, webhook(ground, &["*"]).await);
    deliver(&courier(ground), |_| 200).await;
    let sequence = test_webhook(&ground.engine, &ground.caller(), &ground.name, &hook.id).await.unwrap();
    assert_eq!(deliver(&courier(ground), |_| 500).await, [sequence]);
    let tested = ground.engine.catalog.delivery(&hook.id, sequence).await.unwrap().unwrap();
    assert_eq!((tested.state, tested.tries), (DeliveryState::Dead, 1), "a test is tried once");
    assert!(ground.engine.catalog.delivery(&all.id, sequence).await.unwrap().is_none());
}

async fn a_webhook_is_for_administrators_and_changes_as_expected(ground: &Ground) {
    let hook = webhook(ground, &["*"]).await;
    let manager = Grant { role: Role::ReleaseManager, project: None, environment: None };
    let mut who = ground.who.clone();
    who.grants = vec![manager];
    let manager = ground.asked_by(who);
    let refused = test_webhook(&manager.engine, &manager.caller(), &manager.name, &hook.id).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Forbidden);

    let patch = |expected| WebhookPatch { description: Some("for us".into()), expected, ..WebhookPatch::default() };
    let change = |expected| {
        let (ground, id, patch) = (&ground.site, hook.id.clone(), patch(expected));
        async move { change_webhook(&ground.engine, &ground.caller(), &ground.name, &id, patch).await }
    };
    assert_eq!(change(Some(1)).await.unwrap().revision, 2);
    assert_eq!(change(Some(1)).await.unwrap_err().present_revision(), Some(2));
    let caller = ground.caller_with_key("k", "a test");
    let one = test_webhook(&ground.engine, &caller, &ground.name, &hook.id).await.unwrap();
    assert_eq!(test_webhook(&ground.engine, &caller, &ground.name, &hook.id).await.unwrap(), one);
    let caller = ground.caller_with_key("l", "a rotation");
    rotate_webhook(&ground.engine, &caller, &ground.name, &hook.id, 0.0).await.unwrap();
    let again = rotate_webhook(&ground.engine, &caller, &ground.name, &hook.id, 0.0).await.unwrap_err();
    assert!(matches!(again, NotifyError::ShownOnce(_)), "a secret is shown once");
}

async fn the_outbox_is_trimmed_behind_who_needs_it(ground: &Ground) {
    let engine = &ground.engine;
    let (hook, idle) = (webhook(ground, &["*"]).await, webhook(ground, &["*"]).await);
    happen(ground, "one").await;
    happen(ground, "two").await;
    let later = engine.clock.now().plus_ms(HOUR_MS);
    let (courier, all) = (courier(ground), events(ground, 0).await);
    let disable = WebhookPatch { is_enabled: Some(false), ..WebhookPatch::default() };

    let waiting = since(ground, &hook).await;
    trim_outbox(engine, later).await.unwrap();
    assert_eq!(events(ground, 0).await[0].sequence, waiting[0], "what the webhooks wait for stays");
    change_webhook(engine, &ground.caller(), &ground.name, &idle.id, disable).await.unwrap();
    let sent = deliver(&courier, |_| 200).await;
    happen(ground, "three").await;
    assert_eq!(trim_outbox(engine, all[0].at).await.unwrap().events, 0, "what is young stays");
    assert_eq!(trim_outbox(engine, later).await.unwrap().deliveries, 4, "the log goes with them");

    let left = events(ground, 0).await;
    assert_eq!(left.len(), 1, "only what is not delivered: a disabled webhook keeps nothing");
    let floor = engine.catalog.outbox_floor(ground.name.as_str()).await.unwrap();
    assert_eq!(floor, *sent.last().unwrap());
    let early = replay_since(engine, &ground.caller(), &ground.name, &hook.id, ReplayFrom::Sequence(1)).await;
    assert!(matches!(early, Err(NotifyError::Forgotten(_))));
    assert_eq!(deliver(&courier, |_| 200).await.len(), 1, "the replay that was refused has changed nothing");
    assert_eq!(trim_outbox(engine, later).await.unwrap().deliveries, 1);
}
