//! Mail: who gets which letters, when, and what happens when two write or send at the same time.

use serde_json::json;
use shelfmark_domain::access::{Principal, Role};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::UserName;
use shelfmark_domain::notify::backoff::Backoff;
use shelfmark_domain::notify::timing::Timing;
use shelfmark_engine::catalog::{AuditDraft, LetterState, SubscriptionRow};
use shelfmark_engine::operations::notify::{
    NotifyError, Postman, Sent, Subscribing, compose_letters, letter_text, subscribe, trim_outbox, unsubscribe,
    unsubscribe_by_letter,
};
use shelfmark_engine::operations::{UserPatch, change_user, create_release, create_user, set_member};

use super::notifying::HOUR_MS;
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, at_once, of, titled};

laws![of rows:
    each_event_gets_into_one_letter_whoever_writes,
    a_letter_that_was_not_noted_is_sent_again_under_the_same_id,
    a_digest_gathers_by_project_until_its_time,
    who_is_mentioned_or_assigned_is_told,
    who_has_lost_access_gets_nothing,
    without_a_mail_server_nothing_piles_up,
    people_subscribe_for_themselves,
    the_key_in_a_letter_unsubscribes,
];

const BACKOFF: Backoff = Backoff { tries_max: 2, first_ms: 10_000, most_ms: HOUR_MS };
const LEASE_MS: i64 = 60_000;

fn postman(site: &Site) -> Postman {
    Postman::new(site.engine.clone(), BACKOFF, LEASE_MS)
}

/// The site as a person sees it who may read it.
async fn reader(ground: &Site, name: &str) -> Site {
    let user: UserName = of(name);
    let email = format!("{name}@example.org");
    create_user(&ground.engine, &ground.caller(), &user, "", Some(&email)).await.unwrap();
    set_member(&ground.engine, &ground.caller(), Some(&ground.name), &user, Some(Role::Viewer)).await.unwrap();
    let grants = ground.engine.catalog.grants_of(&user).await.unwrap();
    ground.asked_by(Principal { id: format!("@{name}"), name: name.into(), user: Some(user), grants })
}

async fn try_subscribe(site: &Site, interests: &[&str], timing: Timing) -> Result<SubscriptionRow, NotifyError> {
    let interests = interests.iter().map(|text| of(*text)).collect();
    subscribe(&site.engine, &site.caller(), &site.name, Subscribing { interests, timing }).await
}

async fn happen(site: &Site, title: &str) {
    create_release(&site.engine, &site.caller(), &site.name, titled(title)).await.expect("a release can be made");
}

/// Writes and sends what is due; gives whom, the id and how many events.
async fn send(site: &Site, outcome: &Sent) -> Vec<(String, String, usize)> {
    compose_letters(&site.engine, true).await.unwrap();
    let (postman, mut sent) = (postman(site), Vec::new());
    while let Some(addressed) = postman.next().await.unwrap() {
        let letter = &addressed.letter;
        sent.push((addressed.address.clone(), letter.id.clone(), letter.events.len()));
        postman.note(&addressed, outcome.clone()).await.unwrap();
    }
    sent
}

async fn each_event_gets_into_one_letter_whoever_writes(ground: &Ground) {
    let anna = reader(ground, "anna").await;
    try_subscribe(&anna, &["release.created"], Timing::AtOnce).await.unwrap();
    try_subscribe(&anna, &["release.*"], Timing::AtOnce).await.unwrap();
    let other = ground.another().await;
    for n in 0..5 {
        happen(ground, &format!("release {n}")).await;
    }
    let writers = [ground.engine.clone(), other.engine.clone(), ground.engine.clone()];
    at_once(writers.map(|engine| async move { compose_letters(&engine, true).await.unwrap() })).await;
    assert_eq!(ground.engine.catalog.count_letters(LetterState::Waiting).await.unwrap(), 5);

    let sites = [ground.site.clone(), other];
    let sent = at_once(sites.map(|site| async move { send(&site, &Sent::Accepted).await })).await.concat();
    assert_eq!(sent.len(), 5, "two who send do not send the same");
    assert_eq!(ground.engine.catalog.count_letters(LetterState::Sent).await.unwrap(), 5);
    assert!(sent.iter().all(|(address, ..)| address == "anna@example.org"));
}

async fn a_letter_that_was_not_noted_is_sent_again_under_the_same_id(ground: &Ground) {
    let anna = reader(ground, "anna").await;
    try_subscribe(&anna, &["release.*"], Timing::AtOnce).await.unwrap();
    happen(ground, "one").await;
    compose_letters(&ground.engine, true).await.unwrap();
    let (postman, clock) = (postman(ground), ground.engine.clock.clone());
    let first = postman.next().await.unwrap().unwrap();
    assert!(postman.next().await.unwrap().is_none(), "it is leased");

    clock.jump_ms(LEASE_MS + 1);
    let again = postman.next().await.unwrap().unwrap();
    assert_eq!(again.letter.id, first.letter.id);
    postman.note(&again, Sent::Failed("busy".into())).await.unwrap();
    assert!(postman.next().await.unwrap().is_none(), "it waits");
    clock.jump_ms(12_001);
    let last = postman.next().await.unwrap().unwrap();
    postman.note(&last, Sent::Failed("busy".into())).await.unwrap();
    assert_eq!(ground.engine.catalog.count_letters(LetterState::Dead).await.unwrap(), 1, "it is given up");
}

async fn a_digest_gathers_by_project_until_its_time(ground: &Ground) {
    let anna = reader(ground, "anna").await;
    let elsewhere = ground.another_project("other").await;
    let user = anna.who.user.clone().unwrap();
    set_member(&ground.engine, &ground.caller(), Some(&elsewhere.name), &user, Some(Role::Viewer)).await.unwrap();
    let grants = ground.engine.catalog.grants_of(&user).await.unwrap();
    let anna_there =
        Site { name: elsewhere.name.clone(), who: Principal { grants, ..anna.who.clone() }, ..anna.clone() };
    // Far from the end of the hour, whenever the law is tried.
    let into_hour = ground.engine.clock.now().as_micros().rem_euclid(HOUR_MS * 1_000) / 1_000;
    ground.engine.clock.jump_ms(2 * HOUR_MS - into_hour + 60_000);
    try_subscribe(&anna, &["release.*"], Timing::Hourly).await.unwrap();
    try_subscribe(&anna_there, &["release.*"], Timing::Hourly).await.unwrap();
    happen(ground, "one").await;
    happen(&elsewhere, "two").await;
    happen(ground, "three").await;

    assert!(send(ground, &Sent::Accepted).await.is_empty(), "it is not time");
    ground.engine.clock.jump_ms(HOUR_MS);
    compose_letters(&ground.engine, true).await.unwrap();
    let addressed = postman(ground).next().await.unwrap().unwrap();
    let (subject, text) = letter_text(&addressed.letter, &addressed.title, "https://example.org");
    assert_eq!(subject, "3 events in other, site");
    assert!(text.find("Project site").unwrap() < text.find("three").unwrap(), "{text}");
    postman(ground).note(&addressed, Sent::Accepted).await.unwrap();
    ground.engine.clock.jump_ms(HOUR_MS);
    assert!(send(ground, &Sent::Accepted).await.is_empty(), "nothing comes twice");
    happen(ground, "four").await;
    assert!(send(ground, &Sent::Accepted).await.is_empty(), "the next digest waits for its own time");
    ground.engine.clock.jump_ms(HOUR_MS);
    assert_eq!(send(ground, &Sent::Accepted).await.len(), 1);
}

async fn who_is_mentioned_or_assigned_is_told(ground: &Ground) {
    let (anna, bob) = (reader(ground, "anna").await, reader(ground, "bob").await);
    try_subscribe(&anna, &["mentions", "assigned"], Timing::AtOnce).await.unwrap();
    try_subscribe(&bob, &["mentions"], Timing::AtOnce).await.unwrap();
    for details in [json!({ "mentions": ["anna", "@bob"] }), json!({ "assignee": "anna" }), json!({ "title": "anna" })]
    {
        let mut write = ground.engine.catalog.write().await.unwrap();
        let draft = AuditDraft {
            action: "comment.added",
            project: ground.name.to_string(),
            subject: "W-1".into(),
            message: String::new(),
            details,
        };
        write.record(&ground.who, ground.engine.clock.now(), draft);
        write.commit().await.unwrap();
    }
    let mut told: Vec<String> = send(ground, &Sent::Accepted).await.into_iter().map(|(address, ..)| address).collect();
    told.sort();
    assert_eq!(told, ["anna@example.org", "anna@example.org", "bob@example.org"]);
}

async fn who_has_lost_access_gets_nothing(ground: &Ground) {
    let (anna, bob, carl) = (reader(ground, "anna").await, reader(ground, "bob").await, reader(ground, "carl").await);
    for site in [&anna, &bob, &carl] {
        try_subscribe(site, &["release.*"], Timing::AtOnce).await.unwrap();
    }
    let name = |site: &Site| site.who.user.clone().unwrap();
    happen(ground, "one").await;
    compose_letters(&ground.engine, true).await.unwrap();
    // After the letters were written, and before they are sent.
    set_member(&ground.engine, &ground.caller(), Some(&ground.name), &name(&anna), None).await.unwrap();
    let disable = UserPatch { is_disabled: Some(true), ..UserPatch::default() };
    change_user(&ground.engine, &ground.caller(), &name(&bob), disable).await.unwrap();
    happen(ground, "two").await;

    let told: Vec<String> = send(ground, &Sent::Accepted).await.into_iter().map(|(address, ..)| address).collect();
    assert_eq!(told, ["carl@example.org", "carl@example.org"]);
    assert_eq!(ground.engine.catalog.count_letters(LetterState::Dropped).await.unwrap(), 2);
}

async fn without_a_mail_server_nothing_piles_up(ground: &Ground) {
    let anna = reader(ground, "anna").await;
    try_subscribe(&anna, &["release.*"], Timing::AtOnce).await.unwrap();
    happen(ground, "one").await;
    let later = ground.engine.clock.now().plus_ms(HOUR_MS);
    let head = ground.engine.catalog.audit_head().await.unwrap().0;
    trim_outbox(&ground.engine, later).await.unwrap();
    assert!(ground.engine.catalog.event(ground.name.as_str(), head).await.unwrap().is_some(), "a letter needs it");

    assert_eq!(compose_letters(&ground.engine, false).await.unwrap(), 0);
    trim_outbox(&ground.engine, later).await.unwrap();
    assert!(ground.engine.catalog.event(ground.name.as_str(), head).await.unwrap().is_none());
    assert!(send(ground, &Sent::Accepted).await.is_empty());
}

async fn people_subscribe_for_themselves(ground: &Ground) {
    let (anna, bob) = (reader(ground, "anna").await, reader(ground, "bob").await);
    let machine = try_subscribe(ground, &["*"], Timing::AtOnce).await.unwrap_err();
    assert!(matches!(machine, NotifyError::NoPerson));
    let made = try_subscribe(&anna, &["*"], Timing::AtOnce).await.unwrap();
    let foreign = unsubscribe(&bob.engine, &bob.caller(), &made.id).await.unwrap_err();
    assert_eq!(foreign.kind(), FailureKind::NotFound);
    let kept = ground.engine.catalog.subscriptions(&made.user, "", 10).await.unwrap().items;
    assert_eq!(kept, std::slice::from_ref(&made), "what isn't one's own stays");
    unsubscribe(&anna.engine, &anna.caller(), &made.id).await.unwrap();
    assert_eq!(unsubscribe(&anna.engine, &anna.caller(), &made.id).await.unwrap_err().kind(), FailureKind::NotFound);
    let stranger = Site { who: Principal { grants: Vec::new(), ..anna.who.clone() }, ..anna };
    assert_eq!(try_subscribe(&stranger, &["*"], Timing::AtOnce).await.unwrap_err().kind(), FailureKind::NotFound);
}

async fn the_key_in_a_letter_unsubscribes(ground: &Ground) {
    let anna = reader(ground, "anna").await;
    try_subscribe(&anna, &["release.*"], Timing::AtOnce).await.unwrap();
    happen(ground, "one").await;
    compose_letters(&ground.engine, true).await.unwrap();
    let addressed = postman(ground).next().await.unwrap().unwrap();
    let (engine, key, now) = (&ground.engine, &addressed.letter.unsubscribe, ground.engine.clock.now());
    assert_eq!(unsubscribe_by_letter(engine, "another", now).await.unwrap(), 0);
    assert_eq!(unsubscribe_by_letter(engine, key, now).await.unwrap(), 1);
    assert_eq!(unsubscribe_by_letter(engine, key, now).await.unwrap(), 0);
    happen(ground, "two").await;
    assert_eq!(compose_letters(engine, true).await.unwrap(), 0);
}
