//! Who may schedule what, and with whose rights it is carried out.

use shelfmark_domain::access::{Grant, Role};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::schedule::ScheduleState;
use shelfmark_engine::operations::{
    Caller, NotDue, Promotion, ScheduleDraft, UserPatch, Way, authenticate, cancel_schedule, change_user, create_token,
    promote, revoke_token, schedule_promotion, set_member,
};

use super::schedules::{MINUTE_MS, draft, events, look, new_build, person, run, schedule};
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of, token_for};

laws![of rows:
    a_schedule_acts_with_the_rights_that_its_maker_has_when_it_is_due,
    a_schedule_does_no_more_than_its_maker_could_do_when_making_it,
    a_cancelled_schedule_promotes_nothing,
    nobody_promotes_by_a_schedule_that_is_not_theirs_to_use,
    what_cannot_be_scheduled_is_refused,
];

async fn a_schedule_acts_with_the_rights_that_its_maker_has_when_it_is_due(ground: &Ground) {
    let later = |site: &Site| site.engine.clock.now().plus_ms(MINUTE_MS);
    let role = async |role| {
        let set = set_member(&ground.engine, &ground.caller(), Some(&ground.name), &of("anna"), role).await;
        set.expect("a role is given");
    };
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    for lost in [Some(Role::Editor), None] {
        let due = schedule(&anna, new_build(ground).await, later(ground)).await;
        role(lost).await;
        run(ground, due.at).await;
        let failed = look(ground, due.number).await;
        assert_eq!(failed.state, ScheduleState::Failed, "with {lost:?}");
        assert!(failed.ended.is_some_and(|(_, _, why)| why.len() > 10), "it says why");
        role(Some(Role::ReleaseManager)).await;
    }
    let due = schedule(&anna, new_build(ground).await, later(ground)).await;
    let patch = UserPatch { is_disabled: Some(true), ..UserPatch::default() };
    change_user(&ground.engine, &ground.caller(), &of("anna"), patch).await.unwrap();
    run(ground, due.at).await;
    assert!(look(ground, due.number).await.ended.unwrap().2.contains("may not act any more"));

    let grant = Grant { role: Role::ReleaseManager, project: Some(ground.name.clone()), environment: None };
    let (token, secret) = create_token(&ground.engine, &ground.caller(), token_for("ci", grant, None)).await.unwrap();
    let machine = ground.asked_by(authenticate(&ground.engine, &secret).await.unwrap().unwrap().0);
    let (good, bad) = (new_build(ground).await, new_build(ground).await);
    let good = schedule(&machine, good, later(ground)).await;
    let bad = schedule(&machine, bad, later(ground).plus_ms(MINUTE_MS)).await;
    run(ground, good.at).await;
    assert_eq!(look(ground, good.number).await.state, ScheduleState::Done);
    revoke_token(&ground.engine, &ground.caller(), &token.id).await.unwrap();
    run(ground, bad.at).await;
    assert_eq!(look(ground, bad.number).await.state, ScheduleState::Failed);
    assert_eq!(events(ground, "schedule.failed").await.len(), 4);
    assert_eq!(ground.serves("production"), Some(good.build));
}

async fn a_schedule_does_no_more_than_its_maker_could_do_when_making_it(ground: &Ground) {
    let mut anna = person(ground, "anna", Role::Administrator).await;
    let limit = Grant { role: Role::ReleaseManager, project: None, environment: Some(of("staging")) };
    anna.who.grants = anna.who.grants.iter().filter_map(|grant| grant.within(&limit)).collect();
    let at = anna.engine.clock.now().plus_ms(MINUTE_MS);
    let build = new_build(ground).await;
    let refused = schedule_promotion(&anna.engine, &anna.caller(), &anna.name, draft(build, at)).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Forbidden);

    let staging = ScheduleDraft { environment: of("staging"), ..draft(build, at) };
    let due = schedule_promotion(&anna.engine, &anna.caller(), &anna.name, staging).await.unwrap();
    run(ground, at).await;
    assert_eq!(look(ground, due.number).await.state, ScheduleState::Done);
}

async fn a_cancelled_schedule_promotes_nothing(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let due = schedule(&anna, new_build(ground).await, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    let production = of("production");
    let cancel = async |expected| {
        let which = (&production, due.number);
        cancel_schedule(&ground.engine, &ground.caller(), &ground.name, which, "not now", expected).await
    };
    assert_eq!(cancel(Some(7)).await.unwrap_err().kind(), FailureKind::Stale);
    let cancelled = cancel(Some(1)).await.unwrap();
    assert_eq!((cancelled.state, cancelled.revision), (ScheduleState::Cancelled, 2));
    assert_eq!(cancel(None).await.unwrap(), cancelled, "a second time adds nothing");
    assert_eq!(events(ground, "schedule.cancelled").await.len(), 1);

    assert_eq!(run(ground, due.at).await, 0);
    assert_eq!(ground.serves("production"), None);
}

async fn nobody_promotes_by_a_schedule_that_is_not_theirs_to_use(ground: &Ground) {
    let anna = person(ground, "anna", Role::ReleaseManager).await;
    let (build, other) = (new_build(ground).await, new_build(ground).await);
    let due = schedule(&anna, build, anna.engine.clock.now().plus_ms(MINUTE_MS)).await;
    let use_it = async |environment: &str, build, now| {
        let (environment, way) = (of(environment), Way::Schedule(due.number));
        let promotion = Promotion { environment, build, reason: String::new(), way, expected: None };
        promote(&ground.engine, &Caller::new(ground.who.clone(), now), &ground.name, promotion).await
    };
    for (environment, build, now) in
        [("staging", build, due.at), ("production", other, due.at), ("production", build, due.at.plus_ms(-1))]
    {
        let refused = use_it(environment, build, now).await.unwrap_err();
        assert_eq!(refused.to_string(), NotDue::Schedule(due.number).to_string());
    }
    use_it("production", build, due.at).await.unwrap();
    ground.promote("production", new_build(ground).await).await;
    let refused = use_it("production", build, due.at).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Conflict, "once and never again");
}

async fn what_cannot_be_scheduled_is_refused(ground: &Ground) {
    let (build, now) = (new_build(ground).await, ground.engine.clock.now());
    let good = draft(build, now.plus_ms(MINUTE_MS));
    let far = now.plus_ms(500 * 86_400_000);
    let cases = [
        (ScheduleDraft { at: now.plus_ms(-1), ..good.clone() }, FailureKind::Invalid, Some("at")),
        (ScheduleDraft { at: far, ..good.clone() }, FailureKind::Invalid, Some("at")),
        (ScheduleDraft { deadline: Some(good.at), ..good.clone() }, FailureKind::Invalid, Some("deadline")),
        (ScheduleDraft { deadline: Some(far), ..good.clone() }, FailureKind::Invalid, Some("at")),
        (ScheduleDraft { environment: of("nowhere"), ..good.clone() }, FailureKind::NotFound, None),
        (ScheduleDraft { build: of("R-9.9"), ..good.clone() }, FailureKind::NotFound, None),
        (ScheduleDraft { reason: "x".repeat(20_000), ..good.clone() }, FailureKind::Invalid, Some("reason")),
    ];
    for (draft, kind, field) in cases {
        let refused = schedule_promotion(&ground.engine, &ground.caller(), &ground.name, draft).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (kind, field), "{refused}");
    }
    let editor = person(ground, "ben", Role::Editor).await;
    let refused = schedule_promotion(&editor.engine, &editor.caller(), &editor.name, good.clone()).await;
    assert_eq!(refused.unwrap_err().kind(), FailureKind::Forbidden);

    let caller = ground.caller_with_key("key", "schedule");
    let first = schedule_promotion(&ground.engine, &caller, &ground.name, good.clone()).await.unwrap();
    let again = schedule_promotion(&ground.engine, &caller, &ground.name, good).await.unwrap();
    assert_eq!(first, again, "a repetition makes no second schedule");
}
