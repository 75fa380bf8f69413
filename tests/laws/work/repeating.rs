//! What is sent twice with one key has its effect once.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::work_item::{TestOutcome, Transition, WorkStatus};
use shelfmark_engine::operations::work::{
    EvidenceDraft, Place, WorkItemPatch, add_items, attach, change_work_item, comment, create_work_item, detach,
    edit_comment, file_evidence, place, remove_item, take_step,
};

use super::{at, draft, enter, status};
use crate::laws::ground::Ground;
use crate::laws::ground::site::of;

laws![of rows: every_change_of_the_register_happens_once_for_one_key];

async fn every_change_of_the_register_happens_once_for_one_key(ground: &Ground) {
    ground.put("a", "a").await;
    let release = ground.release(Vec::new()).await;
    let (engine, name) = (&ground.engine, &ground.name);
    let happened = async || ground.engine.catalog.audit_head().await.unwrap().0;
    /// Does it twice with one key, which changes something once and says the same both times.
    macro_rules! twice {
        ($key:literal, $caller:ident => $call:expr) => {{
            let before = happened().await;
            let $caller = ground.caller_with_key($key, $key);
            let first = $call.await.unwrap();
            let after = happened().await;
            assert!(after > before, $key);
            let $caller = ground.caller_with_key($key, $key);
            assert_eq!($call.await.unwrap(), first, $key);
            assert_eq!(happened().await, after, $key);
            let $caller = ground.caller_with_key($key, "something else");
            assert_eq!($call.await.unwrap_err().kind(), FailureKind::Conflict, $key);
            first
        }};
    }
    let number = twice!("create", caller => create_work_item(engine, &caller, name, draft("one"))).number;
    let other = enter(ground, "two").await;
    let patch = || WorkItemPatch { impact: Some("none".into()), ..WorkItemPatch::default() };
    twice!("change", caller => change_work_item(engine, &caller, name, number, patch()));
    twice!("place", caller => place(engine, &caller, name, number, Place::After(other)));
    twice!("comment", caller => comment(engine, &caller, name, number, "yes"));
    twice!("edit", caller => edit_comment(engine, &caller, name, number, 1, "no", None));
    let versions = [at("a", 1)];
    twice!("attach", caller => attach(engine, &caller, name, number, &versions, None));
    twice!("detach", caller => detach(engine, &caller, name, number, &versions, None));
    let evidence = || EvidenceDraft {
        test_case: "phone".into(),
        expected: String::new(),
        actual: String::new(),
        outcome: TestOutcome::Pass,
        build: None,
        files: Vec::new(),
    };
    twice!("test", caller => file_evidence(engine, &caller, name, number, evidence()));
    twice!("resolve", caller => take_step(engine, &caller, name, number, Transition::Resolve, "", None));
    twice!("authorise", caller => take_step(engine, &caller, name, number, Transition::Authorise, "", None));
    twice!("add", caller => add_items(engine, &caller, name, release, &[number], false, None));
    twice!("remove", caller => remove_item(engine, &caller, name, release, number, None));
    assert_eq!(status(ground, number).await, WorkStatus::Authorised);
    assert_eq!(enter(ground, "three").await, of("W-3"));
}
