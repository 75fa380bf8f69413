//! Planning: dates, the calendar, saved searches, and releases made of others.

use std::collections::BTreeSet;

use shelfmark_domain::access::{Grant, Principal, Role};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::filter::AssetFilter;
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::release::ReleaseState;
use shelfmark_engine::catalog::{DateRow, Selection};
use shelfmark_engine::operations::{
    AddedChange as Add, DateDraft, PlanError, agree_to_date, cancel_release, change_search, clone_release,
    create_calendar_key, create_search, opens_calendar, propose_date, remove_search, repin, revoke_calendar_key,
    split_release,
};

use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    a_date_is_agreed_by_another_and_opened_again_by_a_new_one,
    who_is_asked_twice_proposes_once,
    the_calendar_lists_dates_in_their_order,
    a_calendar_opens_with_its_present_key_only,
    a_saved_search_finds_what_it_says,
    what_a_search_has_found_is_fixed_when_it_is_added,
    lines_are_pinned_anew_as_far_as_they_are_selected,
    a_split_hands_lines_on,
    a_clone_has_the_lines_of_a_release_whatever_became_of_it,
    only_a_draft_is_cancelled,
];

fn someone(name: &str, role: Role) -> Principal {
    let grants = vec![Grant { role, project: None, environment: None }];
    Principal { id: format!("@{name}"), name: name.into(), user: Some(of(name)), grants }
}

async fn propose(site: &Site, release: ReleaseNumber, date: &str) -> Result<DateRow, PlanError> {
    let zone = Some("Europe/Berlin".parse().unwrap());
    let draft = DateDraft { date: date.into(), zone, remark: "so".into(), expected: None };
    propose_date(&site.engine, &site.caller(), &site.name, release, draft).await
}

async fn agree(site: &Site, release: ReleaseNumber, number: i64) -> Result<DateRow, PlanError> {
    agree_to_date(&site.engine, &site.caller(), &site.name, release, number, (String::new(), None)).await
}

fn kind<T>(outcome: Result<T, impl Failure>) -> Option<FailureKind> {
    outcome.err().map(|error| error.kind())
}

async fn lines(site: &Site, release: ReleaseNumber) -> Vec<String> {
    let project = site.row().await.number;
    let page = site.engine.catalog.changes(project, release, "", 1_000).await.unwrap();
    let line = |value: &shelfmark_engine::catalog::ChangeValue| match value {
        shelfmark_engine::catalog::ChangeValue::Pin { version, .. } => format!("@{version}"),
        _ => String::new(),
    };
    page.items.iter().map(|listed| format!("{}{}", listed.change.key, line(&listed.change.value))).collect()
}

async fn a_date_is_agreed_by_another_and_opened_again_by_a_new_one(ground: &Ground) {
    let manager = ground.asked_by(someone("mia", Role::ReleaseManager));
    let client = ground.asked_by(someone("carl", Role::Viewer));
    let other_client = ground.asked_by(someone("cleo", Role::Viewer));
    let release = ground.release(Vec::new()).await;
    let project = ground.row().await.number;
    let agreed =
        async || ground.engine.catalog.snapshot().await.unwrap().reading().agreed_date(project, release).await.unwrap();

    let first = propose(&client, release, "2999-03-27T17:00").await.unwrap();
    assert_eq!(first.proposal.date.to_string(), "2999-03-27T17:00:00+01:00[Europe/Berlin]");
    assert_eq!(kind(agree(&client, release, 1).await), Some(FailureKind::Forbidden), "one's own");
    assert_eq!(kind(agree(&other_client, release, 1).await), Some(FailureKind::Forbidden), "neither plans");
    let second = propose(&manager, release, "2999-03-30T17:00").await.unwrap();
    assert_eq!((second.proposal.number, second.reopens, agreed().await), (2, false, None));
    assert_eq!(kind(agree(&manager, release, 1).await), Some(FailureKind::Conflict), "not the newest");

    agree(&client, release, 2).await.unwrap();

    assert_eq!(agreed().await, Some(second.proposal.date));
    assert_eq!(kind(agree(&other_client, release, 2).await), Some(FailureKind::Conflict));
    assert_eq!(kind(propose(&client, release, "2999-04-01T09:00").await), Some(FailureKind::Forbidden));
    let third = propose(&manager, release, "2999-04-01T09:00").await.unwrap();
    assert_eq!((third.reopens, agreed().await), (true, None));
    let history = ground.engine.catalog.dates(project, release, None, 10).await.unwrap().items;
    let told: Vec<_> =
        history.iter().map(|row| (row.proposal.number, row.is_newest, row.agreement.is_some())).collect();
    assert_eq!(told, [(3, true, false), (2, false, true), (1, false, false)]);
    assert_eq!(history[1].agreement.as_ref().map(|agreement| agreement.by.as_str()), Some("carl"));

    for text in ["2999-03-31T02:30", "2000-01-01T00:00", "soon"] {
        assert_eq!(kind(propose(&manager, release, text).await), Some(FailureKind::Invalid), "{text}");
    }
    cancel_release(&ground.engine, &ground.caller(), &ground.name, release, ("".into(), None)).await.unwrap();
    assert_eq!(kind(propose(&manager, release, "2999-05-01T09:00").await), Some(FailureKind::Conflict));
    let stranger = Principal { grants: Vec::new(), ..someone("eve", Role::Viewer) };
    assert_eq!(
        kind(propose(&ground.asked_by(stranger), release, "2999-06-01T09:00").await),
        Some(FailureKind::NotFound)
    );
}

async fn who_is_asked_twice_proposes_once(ground: &Ground) {
    let release = ground.release(Vec::new()).await;
    let caller = ground.caller_with_key("once", "propose");
    let mut made = Vec::new();
    for _ in 0..2 {
        let zone = Some("UTC".parse().unwrap());
        let draft = DateDraft { date: "2999-01-01T00:00".into(), zone, remark: String::new(), expected: None };
        made.push(propose_date(&ground.engine, &caller, &ground.name, release, draft).await.unwrap());
    }
    assert_eq!(made[0], made[1]);
    assert_eq!(kind(propose(ground, release, "2999-01-01T01:00").await), None, "in Berlin it is another date");
}

async fn the_calendar_lists_dates_in_their_order(ground: &Ground) {
    const RELEASES: i64 = 1_000;
    let project = ground.row().await.number;
    let first = ground.release(Vec::new()).await;
    let template = propose(ground, first, "2999-01-01T00:00").await.unwrap();
    let catalog = &ground.engine.catalog;
    let release = catalog.release(project, first).await.unwrap().unwrap();
    let mut write = catalog.write().await.unwrap();
    for number in 2..=RELEASES {
        let number = write
            .next_release(project)
            .await
            .map(|next| assert_eq!(next.get(), number))
            .map(|()| ReleaseNumber::new(number))
            .unwrap();
        write
            .insert_release(project, &shelfmark_engine::catalog::ReleaseRow { number, ..release.clone() })
            .await
            .unwrap();
        let mut date = DateRow { release: number, ..template.clone() };
        date.proposal.date.at = template.proposal.date.at.plus_ms((number.get() * 7_919 % 100) * 86_400_000);
        write.insert_date(project, &date).await.unwrap();
    }
    let draft = shelfmark_engine::catalog::AuditDraft {
        action: "release.created",
        project: "site".into(),
        subject: "R-2".into(),
        message: String::new(),
        details: serde_json::json!({}),
    };
    write.record(&ground.who, ground.engine.clock.now(), draft);
    write.commit().await.unwrap();

    let (from, to) = (template.proposal.date.at, template.proposal.date.at.plus_ms(50 * 86_400_000));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = catalog.calendar(project, (from, to), after, 77).await.unwrap();
        listed.extend(page.items.iter().map(|row| (row.date.proposal.date.at, row.date.release)));
        after = listed.last().map(|(at, release)| (at.as_micros(), release.get()));
        if page.next.is_none() {
            break;
        }
    }

    assert!(listed.is_sorted() && listed.iter().all(|(at, _)| (from..to).contains(at)));
    let expected = (2..=RELEASES).filter(|n| n * 7_919 % 100 < 50).count() + 1;
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), expected);
    let numbers: Vec<ReleaseNumber> = (1..=RELEASES).map(ReleaseNumber::new).collect();
    assert_eq!(catalog.newest_dates(project, &numbers).await.unwrap().len(), numbers.len());
}

async fn a_calendar_opens_with_its_present_key_only(ground: &Ground) {
    let other = ground.another_project("other").await;
    let opened = async |site: &Site, key: &str| opens_calendar(&site.engine, &site.name, key).await.unwrap().is_some();
    let make = async || create_calendar_key(&ground.engine, &ground.caller(), &ground.name).await.unwrap().1;
    let first = make().await;
    assert!(opened(ground, &first).await && !opened(&other, &first).await && !opened(ground, "smc_x").await);
    let second = make().await;
    assert!(opened(ground, &second).await && !opened(ground, &first).await);
    revoke_calendar_key(&ground.engine, &ground.caller(), &ground.name).await.unwrap();
    assert!(!opened(ground, &second).await);
    let again = revoke_calendar_key(&ground.engine, &ground.caller(), &ground.name).await;
    assert_eq!(kind(again), Some(FailureKind::NotFound));
    let editor = ground.asked_by(someone("ed", Role::Editor));
    let refused = create_calendar_key(&editor.engine, &editor.caller(), &editor.name).await;
    assert_eq!(kind(refused), Some(FailureKind::Forbidden));
}

async fn found(site: &Site, filter: &AssetFilter, limit: u32) -> Vec<String> {
    let (mut paths, mut after) = (Vec::new(), Some(String::new()));
    while let Some(place) = after {
        let page = site.engine.catalog.filtered_assets(site.row().await.number, filter, &place, limit).await.unwrap();
        paths.extend(page.items.into_iter().map(|asset| asset.path));
        after = page.next.map(|next| next.key().to_owned());
    }
    paths
}

async fn a_saved_search_finds_what_it_says(ground: &Ground) {
    let anna = ground.asked_by(someone("anna", Role::Editor));
    ground.put("img/a.svg", "<svg/>").await;
    ground.put("img/deep/B.SVG", "<svg/>").await;
    ground.put("imgs/c.svg", "<svg/>").await;
    let between = ground.engine.clock.now();
    anna.put("img/d.png", "png").await;
    anna.put("img/a.svg", "<svg><g/></svg>").await;
    let filter = |json: serde_json::Value| serde_json::from_value::<AssetFilter>(json).unwrap();
    let cases = [
        (serde_json::json!({}), &["img/a.svg", "img/d.png", "img/deep/B.SVG", "imgs/c.svg"][..]),
        (serde_json::json!({ "folder": "img/" }), &["img/a.svg", "img/d.png", "img/deep/B.SVG"]),
        (serde_json::json!({ "name": "*.svg" }), &["img/a.svg", "img/deep/B.SVG", "imgs/c.svg"]),
        (serde_json::json!({ "media_type": "image/p*" }), &["img/d.png"]),
        (serde_json::json!({ "changed_since": between }), &["img/a.svg", "img/d.png"]),
        (serde_json::json!({ "made_by": "anna", "name": "a*" }), &["img/a.svg"]),
        (serde_json::json!({ "made_by": "Ada" }), &["img/deep/B.SVG", "imgs/c.svg"]),
        (serde_json::json!({ "tags": ["spring"] }), &[]),
    ];
    for (json, expected) in cases {
        for limit in [1, 2, 100] {
            assert_eq!(found(ground, &filter(json.clone()), limit).await, expected, "{json}");
        }
    }
}

async fn what_a_search_has_found_is_fixed_when_it_is_added(ground: &Ground) {
    ground.put("icons/a.svg", "<svg/>").await;
    ground.put("icons/b.txt", "b").await;
    let (engine, caller, name) = (&ground.engine, ground.caller(), &ground.name);
    let svg = AssetFilter { name: Some("*.svg".parse().unwrap()), ..AssetFilter::default() };
    let saved = create_search(engine, &caller, name, of("icons"), svg.clone()).await.unwrap();
    assert_eq!(kind(create_search(engine, &caller, name, of("icons"), svg.clone()).await), Some(FailureKind::Conflict));

    let release = ground.release(vec![Add::SavedSearch(of("icons"))]).await;
    ground.put("icons/a.svg", "<svg><g/></svg>").await;
    ground.put("icons/c.svg", "<svg/>").await;

    assert_eq!(lines(ground, release).await, ["icons/a.svg@1"]);
    let again = ground.release(vec![Add::SavedSearch(of("icons"))]).await;
    assert_eq!(lines(ground, again).await, ["icons/a.svg@2", "icons/c.svg@1"]);
    let text = AssetFilter { name: Some("*.txt".parse().unwrap()), ..AssetFilter::default() };
    let stale = change_search(engine, &caller, name, &of("icons"), text.clone(), Some(7)).await;
    assert_eq!(kind(stale), Some(FailureKind::Stale));
    let changed = change_search(engine, &caller, name, &of("icons"), text, Some(saved.revision)).await.unwrap();
    assert_eq!(changed.revision, 2);
    let viewer = ground.asked_by(someone("vi", Role::Viewer));
    let refused = create_search(engine, &viewer.caller(), name, of("mine"), svg).await;
    assert_eq!(kind(refused), Some(FailureKind::Forbidden));
    remove_search(engine, &caller, name, &of("icons"), None).await.unwrap();
    assert_eq!(kind(remove_search(engine, &caller, name, &of("icons"), None).await), Some(FailureKind::NotFound));
    let limits = shelfmark_engine::limits::Limits { searches_max: 1, ..crate::laws::ground::limits() };
    let small = ground.with_limits(limits).await;
    create_search(&small.engine, &caller, name, of("one"), AssetFilter::default()).await.unwrap();
    let full = create_search(&small.engine, &caller, name, of("two"), AssetFilter::default()).await;
    assert_eq!(kind(full), Some(FailureKind::Conflict));
}

async fn lines_are_pinned_anew_as_far_as_they_are_selected(ground: &Ground) {
    for path in ["a", "b", "img/c", "img/d", "gone"] {
        ground.put(path, "1").await;
    }
    let release = ground.release(vec![Add::Latest]).await;
    for path in ["a", "b", "img/c", "gone"] {
        ground.put(path, "2").await;
    }
    let expect = shelfmark_engine::operations::Expect::Anything;
    shelfmark_engine::operations::remove(&ground.engine, ground.caller(), &ground.name, of("gone"), expect, "".into())
        .await
        .unwrap();
    let (engine, caller, name, project) = (&ground.engine, ground.caller(), &ground.name, ground.row().await.number);
    let outdated = async |after: &str, limit| {
        engine.catalog.outdated_lines(project, release, &FolderPath::root(), after, limit).await.unwrap()
    };
    let all: Vec<_> = outdated("", 10).await.items.into_iter().map(|l| (l.key, l.pinned, l.newest)).collect();
    assert_eq!(all, [("a".to_owned(), 1, 2), ("b".to_owned(), 1, 2), ("img/c".to_owned(), 1, 2)]);
    assert_eq!(outdated("a", 1).await.items[0].key, "b");

    let keys = Selection::Keys(vec!["a".into(), "img/d".into(), "nothing".into()]);
    let done = repin(engine, &caller, name, release, &keys, None).await.unwrap();
    assert_eq!(done.lines, 1);
    assert_eq!(lines(ground, release).await, ["a@2", "b@1", "gone@1", "img/c@1", "img/d@1"]);
    let folder = Selection::Folder(of("img"));
    assert_eq!(kind(repin(engine, &caller, name, release, &folder, Some(1)).await), Some(FailureKind::Stale));
    let again = repin(engine, &caller, name, release, &folder, Some(done.revision)).await.unwrap();
    assert_eq!((again.lines, again.revision), (1, done.revision + 1));
    assert_eq!(repin(engine, &caller, name, release, &Selection::All, None).await.unwrap().lines, 1);
    let nothing = repin(engine, &caller, name, release, &Selection::All, None).await.unwrap();
    assert_eq!((nothing.lines, nothing.revision), (0, again.revision + 1));
    assert_eq!(lines(ground, release).await, ["a@2", "b@2", "gone@1", "img/c@2", "img/d@1"]);
}

async fn a_split_hands_lines_on(ground: &Ground) {
    for path in ["a", "b", "img/c", "img/d"] {
        ground.put(path, "1").await;
    }
    let rule = Add::Access(FolderPath::root(), shelfmark_domain::pin::Visibility::Public);
    let release = ground.release(vec![Add::Latest, rule]).await;
    let (engine, name) = (&ground.engine, &ground.name);
    let caller = ground.caller_with_key("once", "split");

    let mut parts = Vec::new();
    for _ in 0..2 {
        let folder = Selection::Folder(of("img"));
        parts.push(split_release(engine, &caller, name, release, (folder, "part".into()), None).await.unwrap());
    }

    assert_eq!(parts[0].number, parts[1].number);
    assert_eq!((parts[0].state, parts[0].title.as_str()), (ReleaseState::Draft, "part"));
    assert_eq!(lines(ground, release).await, ["-/access/", "a@1", "b@1"]);
    assert_eq!(lines(ground, parts[0].number).await, ["img/c@1", "img/d@1"]);
    let none = Selection::Keys(vec!["img/c".into()]);
    let refused = split_release(engine, &ground.caller(), name, release, (none, "x".into()), None).await;
    assert_eq!(kind(refused), Some(FailureKind::Conflict));
    assert_eq!(ground.release(Vec::new()).await.get(), parts[0].number.get() + 1, "a refused split takes no number");
    let editor = ground.asked_by(someone("ed", Role::Editor));
    let what = (Selection::All, "x".to_owned());
    let refused = split_release(engine, &editor.caller(), name, release, what, None).await;
    assert_eq!(kind(refused), Some(FailureKind::Forbidden));
}

async fn a_clone_has_the_lines_of_a_release_whatever_became_of_it(ground: &Ground) {
    ground.put("a", "1").await;
    let live = ground.build_of(vec![Add::Asset { path: of("a"), version: None }]).await;
    ground.promote("production", live.name).await;
    ground.put("a", "2").await;
    let (engine, caller, name) = (&ground.engine, ground.caller(), &ground.name);

    let copy = clone_release(engine, &caller, name, live.name.release, Some("again".into())).await.unwrap();

    assert_eq!((copy.state, copy.title.as_str(), copy.last_build), (ReleaseState::Draft, "again", 0));
    assert_eq!(lines(ground, copy.number).await, ["a@1"]);
    cancel_release(engine, &caller, name, copy.number, ("no".into(), None)).await.unwrap();
    let of_cancelled = clone_release(engine, &caller, name, copy.number, None).await.unwrap();
    assert_eq!((of_cancelled.state, of_cancelled.title.as_str()), (ReleaseState::Draft, "again"));
    assert_eq!(kind(clone_release(engine, &caller, name, of("R-99"), None).await), Some(FailureKind::NotFound));
}

async fn only_a_draft_is_cancelled(ground: &Ground) {
    ground.put("a", "1").await;
    let live = ground.build_latest().await;
    ground.promote("production", live.name).await;
    let (engine, caller, name) = (&ground.engine, ground.caller(), &ground.name);
    let released = cancel_release(engine, &caller, name, live.name.release, ("".into(), None)).await;
    assert_eq!(kind(released), Some(FailureKind::Conflict));
    let draft = ground.release(vec![Add::Asset { path: of("a"), version: None }]).await;
    let stale = cancel_release(engine, &caller, name, draft, ("".into(), Some(9))).await;
    assert_eq!(kind(stale), Some(FailureKind::Stale));
    let cancelled = cancel_release(engine, &caller, name, draft, ("not wanted".into(), None)).await.unwrap();
    assert_eq!(cancelled.state, ReleaseState::Cancelled);
    assert_eq!(
        kind(cancel_release(engine, &caller, name, draft, ("".into(), None)).await),
        Some(FailureKind::Conflict)
    );
    let built = ground.try_build(draft, shelfmark_engine::operations::Base::FinalEnvironment).await;
    assert_eq!(kind(built), Some(FailureKind::Conflict));
}
