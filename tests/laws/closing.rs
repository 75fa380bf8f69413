//! The end of releases: items are closed, staging opens, and what went wrong is asked for ever after.

mod incidents;
mod notes;
mod pack;

use shelfmark_domain::access::{Grant, Principal, Role};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::{BuildName, ReleaseNumber, WorkItemNumber};
use shelfmark_domain::release::ReleaseState;
use shelfmark_domain::work_item::{Transition, WorkStatus};
use shelfmark_engine::catalog::{ChecklistAnswer, ChecklistSelector, WorkItemSaid};
use shelfmark_engine::operations::closing::{
    CloseDraft, Closed, ClosingError, LessonDraft, close_release, rework_release,
};
use shelfmark_engine::operations::work::{
    VersionRef, WorkItemDraft, add_items, attach, create_work_item, release_items, take_step,
};
use shelfmark_engine::operations::{
    AddedChange as Add, Base, ChecklistDraft, DeployError, FreezeDraft, Promotion, Way, add_changes, add_point,
    answer_point, freeze, promote, release_checklist, review,
};

use super::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    closing_closes_items_and_opens_staging,
    only_what_was_released_or_rolled_back_is_closed,
    after_a_rollback_closing_takes_a_lesson_that_the_next_release_has_to_answer,
    closing_waits_for_the_checklist,
    closing_waits_for_the_review_of_a_broken_glass,
    a_lesson_that_cannot_be_kept_changes_nothing,
    a_closing_is_repeated_once_and_refused_when_it_is_stale,
    only_release_managers_close_and_rework,
    what_was_rolled_back_can_be_reworked,
];

/// A work item that is authorised with the present version at a path.
pub async fn authorised_item(site: &Site, said: WorkItemSaid, path: &str) -> WorkItemNumber {
    let (engine, caller) = (&site.engine, site.caller());
    let draft = WorkItemDraft { said, requester: None };
    let number = create_work_item(engine, &caller, &site.name, draft).await.unwrap().number;
    let version = VersionRef::At { path: of(path), version: None };
    attach(engine, &caller, &site.name, number, &[version], None).await.unwrap();
    for step in [Transition::Resolve, Transition::Authorise] {
        take_step(engine, &caller, &site.name, number, step, "done", None).await.unwrap();
    }
    number
}

pub fn titled_item(title: &str) -> WorkItemSaid {
    WorkItemSaid { title: title.to_owned(), ..WorkItemSaid::default() }
}

/// A new release about these items with these further changes, and its build.
pub async fn planned(site: &Site, items: &[WorkItemNumber], changes: Vec<Add>) -> BuildName {
    let release = site.release(changes).await;
    if !items.is_empty() {
        add_items(&site.engine, &site.caller(), &site.name, release, items, false, None).await.unwrap();
    }
    site.try_build(release, Base::FinalEnvironment).await.unwrap().name
}

/// Takes a build to production over staging, where its release is frozen.
pub async fn released(site: &Site, build: BuildName) {
    site.promote("staging", build).await;
    let draft = FreezeDraft { reason: "tested".into(), ..FreezeDraft::default() };
    freeze(&site.engine, &site.caller(), &site.name, build.release, draft).await.unwrap();
    site.promote("production", build).await;
    let (project, caller) = (site.row().await, site.caller());
    let mut write = site.engine.catalog.write().await.unwrap();
    release_items(&mut write, &caller, &project, build.release, &of("production"), build).await.unwrap();
    write.commit().await.unwrap();
}

pub fn lesson(text: &str, step: &str, paths: &[&str]) -> LessonDraft {
    let paths = paths.iter().map(of).collect();
    LessonDraft { text: text.into(), step: step.into(), selector: ChecklistSelector { kinds: Vec::new(), paths } }
}

pub async fn close(
    site: &Site,
    release: ReleaseNumber,
    review: &str,
    lessons: Vec<LessonDraft>,
) -> Result<Closed, ClosingError> {
    let draft = CloseDraft { review: review.into(), lessons, expected: None };
    close_release(&site.engine, &site.caller(), &site.name, release, draft).await
}

/// The site, asked by a person with a role in it.
pub fn asked_by(site: &Site, name: &str, role: Role) -> Site {
    let grants = vec![Grant { role, project: Some(site.name.clone()), environment: None }];
    site.asked_by(Principal { id: format!("@{name}"), name: name.into(), user: Some(of(name)), grants })
}

async fn state(site: &Site, release: ReleaseNumber) -> ReleaseState {
    let project = site.row().await.number;
    site.engine.catalog.release(project, release).await.unwrap().unwrap().state
}

async fn points(site: &Site, release: ReleaseNumber) -> Vec<String> {
    let asked = release_checklist(&site.engine, &site.caller(), &site.name, release).await.unwrap();
    asked.into_iter().map(|one| one.point.text).collect()
}

async fn closing_closes_items_and_opens_staging(ground: &Ground) {
    ground.put("img/logo.svg", "one").await;
    let item = authorised_item(ground, titled_item("a logo"), "img/logo.svg").await;
    let build = planned(ground, &[item], vec![]).await;
    released(ground, build).await;
    ground.put("docs/a.txt", "a").await;
    let other = planned(ground, &[], vec![Add::Folder(of("docs"))]).await;
    let held = ground.try_promote("staging", other, None).await;
    assert!(matches!(held, Err(DeployError::Refused(_))), "staging is frozen: {held:?}");

    let closed = close(ground, build.release, "on time", vec![]).await.unwrap();

    assert_eq!(closed.release.state, ReleaseState::Closed);
    assert_eq!((closed.closing.state, closed.closing.review.as_str()), (ReleaseState::Released, "on time"));
    let row = ground.row().await;
    let item = ground.engine.catalog.work_item(row.number, item).await.unwrap().unwrap();
    assert_eq!(item.status, WorkStatus::Closed);
    ground.promote("staging", other).await;
    let kept = ground.engine.catalog.closing(row.number, build.release).await.unwrap();
    assert_eq!(kept, Some(closed.closing));
    let trail = ground.engine.catalog.audit_entries(Some("site"), None, 20).await.unwrap().items;
    let entry = trail.iter().find(|entry| entry.action == "release.closed").expect("it is told");
    assert_eq!((entry.subject.as_str(), entry.message.as_str()), ("R-1", "on time"));
    assert_eq!(entry.details, r#"{"from":"released","items":["W-1"],"lessons":[]}"#);
    assert!(trail.iter().any(|entry| entry.action == "release.unfrozen"));
}

async fn only_what_was_released_or_rolled_back_is_closed(ground: &Ground) {
    ground.put("a", "a").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    let refused = async |release, review: &str| close(ground, release, review, vec![]).await.unwrap_err().kind();
    assert_eq!(refused(of("R-9"), "fine").await, FailureKind::NotFound);
    assert_eq!(refused(build.release, "fine").await, FailureKind::Conflict, "a draft");
    ground.promote("staging", build).await;
    freeze(&ground.engine, &ground.caller(), &ground.name, build.release, FreezeDraft::default()).await.unwrap();
    assert_eq!(refused(build.release, "fine").await, FailureKind::Conflict, "frozen");
    ground.promote("production", build).await;
    for review in ["", "  \n", &"x".repeat(ground.engine.limits.text_bytes_max + 1), "a\0b"] {
        assert_eq!(refused(build.release, review).await, FailureKind::Invalid, "{:?}", review.get(..3));
    }

    close(ground, build.release, "fine", vec![]).await.unwrap();

    assert_eq!(refused(build.release, "fine").await, FailureKind::Conflict, "closed already");
}

async fn after_a_rollback_closing_takes_a_lesson_that_the_next_release_has_to_answer(ground: &Ground) {
    ground.put("img/a.png", "1").await;
    let first = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, first).await;
    close(ground, first.release, "fine", vec![]).await.unwrap();
    ground.put("img/a.png", "2").await;
    let second = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, second).await;
    ground.roll_back("production").await;
    assert_eq!(state(ground, second.release).await, ReleaseState::RolledBack);

    let refused = close(ground, second.release, "too blue", vec![]).await.unwrap_err();

    assert_eq!((refused.kind(), refused.field()), (FailureKind::Conflict, Some("lessons")));
    assert!(refused.to_string().starts_with("R-2 was rolled back in production; "), "{refused}");
    assert_eq!(state(ground, second.release).await, ReleaseState::RolledBack);
    let lessons = vec![lesson("Is it blue enough?", "production", &["img"]), lesson("Told everyone?", "close", &[])];
    close(ground, second.release, "too blue", lessons).await.unwrap();
    let project = ground.row().await.number;
    let kept = ground.engine.catalog.lessons(project, second.release).await.unwrap();
    assert!(kept.iter().all(|point| point.origin == Some(second.release)));
    let pictures = ground.release(vec![Add::Asset { path: of("img/a.png"), version: None }]).await;
    assert_eq!(points(ground, pictures).await, ["Is it blue enough?", "Told everyone?"]);
    ground.put("docs/a.txt", "a").await;
    let texts = ground.release(vec![Add::Asset { path: of("docs/a.txt"), version: None }]).await;
    assert_eq!(points(ground, texts).await, ["Told everyone?"], "its selector names pictures");
}

async fn closing_waits_for_the_checklist(ground: &Ground) {
    ground.put("img/a.png", "1").await;
    for (text, paths) in [("Told everyone?", &[][..]), ("Read the texts?", &["docs"]), ("Seen the pictures?", &["img"])]
    {
        let LessonDraft { text, step, selector } = lesson(text, "close", paths);
        let draft = ChecklistDraft { step, text, selector, origin: None };
        add_point(&ground.engine, &ground.caller(), &ground.name, draft).await.unwrap();
    }
    let build = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, build).await;

    let refused = close(ground, build.release, "fine", vec![]).await.unwrap_err();

    assert!(refused.to_string().contains("has not answered point 1, point 3 of"), "{refused}");
    assert_eq!(refused.kind(), FailureKind::Conflict);
    for point in [1, 3] {
        let said = (ChecklistAnswer::Confirmed, "");
        answer_point(&ground.engine, &ground.caller(), &ground.name, (build.release, point), said).await.unwrap();
    }
    close(ground, build.release, "fine", vec![]).await.unwrap();
}

async fn closing_waits_for_the_review_of_a_broken_glass(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    let promotion = Promotion {
        environment: of("production"),
        build,
        reason: "the site is down".into(),
        way: Way::BreakGlass,
        expected: None,
    };
    promote(&ground.engine, &ground.caller(), &ground.name, promotion).await.unwrap();

    let refused = close(ground, build.release, "fine", vec![]).await.unwrap_err();

    assert!(refused.to_string().contains("deployment 1 of production"), "{refused}");
    assert_eq!(refused.kind(), FailureKind::Conflict);
    let other = asked_by(ground, "ben", Role::ReleaseManager);
    review(&other.engine, &other.caller(), &other.name, (&of("production"), 1), "it was right").await.unwrap();
    close(ground, build.release, "fine", vec![]).await.unwrap();
}

async fn a_lesson_that_cannot_be_kept_changes_nothing(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, build).await;
    let (head, _) = ground.engine.catalog.audit_head().await.unwrap();

    let lessons = vec![lesson("Good?", "close", &[]), lesson("Seen?", "nowhere", &[])];
    let refused = close(ground, build.release, "fine", lessons).await.unwrap_err();

    assert_eq!((refused.kind(), refused.field()), (FailureKind::Invalid, Some("lessons")));
    assert!(refused.to_string().contains("lesson 2: \"nowhere\""), "{refused}");
    let empty = close(ground, build.release, "fine", vec![lesson(" ", "close", &[])]).await.unwrap_err();
    assert_eq!(empty.kind(), FailureKind::Invalid);
    let many = close(ground, build.release, "fine", vec![lesson("x", "close", &[]); 51]).await.unwrap_err();
    assert_eq!(many.kind(), FailureKind::TooLarge);
    assert_eq!(state(ground, build.release).await, ReleaseState::Released);
    assert_eq!(ground.engine.catalog.audit_head().await.unwrap().0, head);
}

async fn a_closing_is_repeated_once_and_refused_when_it_is_stale(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, build).await;
    let draft = |expected| CloseDraft { review: "fine".into(), lessons: vec![lesson("Good?", "close", &[])], expected };
    let stale = close_release(&ground.engine, &ground.caller(), &ground.name, build.release, draft(Some(1))).await;
    assert!(matches!(stale, Err(ClosingError::Stale(_))), "{stale:?}");
    let caller = ground.caller_with_key("k", "close");
    let once = close_release(&ground.engine, &caller, &ground.name, build.release, draft(None)).await.unwrap();

    let again = close_release(&ground.engine, &caller, &ground.name, build.release, draft(None)).await.unwrap();

    assert_eq!(again.release, once.release);
    let project = ground.row().await.number;
    assert_eq!(ground.engine.catalog.lessons(project, build.release).await.unwrap().len(), 1);
}

async fn only_release_managers_close_and_rework(ground: &Ground) {
    ground.put("a", "1").await;
    let build = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, build).await;
    for role in [Role::Viewer, Role::Editor] {
        let site = asked_by(ground, "eve", role);
        assert_eq!(close(&site, build.release, "fine", vec![]).await.unwrap_err().kind(), FailureKind::Forbidden);
        let rework = rework_release(&site.engine, &site.caller(), &site.name, build.release, "why", None).await;
        assert_eq!(rework.unwrap_err().kind(), FailureKind::Forbidden);
    }
    close(&asked_by(ground, "mia", Role::ReleaseManager), build.release, "fine", vec![]).await.unwrap();
}

async fn what_was_rolled_back_can_be_reworked(ground: &Ground) {
    ground.put("a", "1").await;
    let first = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, first).await;
    close(ground, first.release, "fine", vec![]).await.unwrap();
    ground.put("a", "2").await;
    let second = planned(ground, &[], vec![Add::Latest]).await;
    released(ground, second).await;
    let rework = async |reason: &str| {
        rework_release(&ground.engine, &ground.caller(), &ground.name, second.release, reason, None).await
    };
    assert_eq!(rework("why").await.unwrap_err().kind(), FailureKind::Conflict, "it is released");
    ground.roll_back("production").await;
    assert_eq!(rework(" ").await.unwrap_err().kind(), FailureKind::Invalid);

    let again = rework("a better blue").await.unwrap();

    assert_eq!(again.state, ReleaseState::Draft);
    let change = vec![Add::Asset { path: of("a"), version: Some(1) }];
    add_changes(&ground.engine, &ground.caller(), &ground.name, second.release, change, None).await.unwrap();
    let trail = ground.engine.catalog.audit_entries(Some("site"), None, 5).await.unwrap().items;
    assert!(trail.iter().any(|entry| entry.action == "release.reworked" && entry.message == "a better blue"));
}
