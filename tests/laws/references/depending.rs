//! Dependencies: what is found in contents and declared of assets, what builds lack, and who uses what.

use std::collections::BTreeSet;

use shelfmark_domain::hash::{ContentId, ManifestId};
use shelfmark_domain::references::Format;
use shelfmark_engine::catalog::{ExaminedContent, Findings, NewPlace};
use shelfmark_engine::operations::references::{
    MissingReference, UsedAsset, examine_pending, missing, offered, used_by,
};
use shelfmark_engine::operations::{
    AddedChange as Add, Base, Expect, Move, Upload, collect_garbage, move_assets, remove,
};

use crate::laws::assets::tars::tar_of;
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};

laws![
    a_build_lacks_what_it_refers_to_and_does_not_serve,
    what_a_build_no_longer_serves_is_missed_by_those_who_stay,
    a_check_of_what_differs_finds_what_a_whole_one_does,
    a_check_costs_what_differs,
    equal_contents_are_read_once,
    the_collector_forgets_what_was_found_in_contents_that_are_gone,
];

pub async fn lacks(site: &Site, manifest: ManifestId, since: Option<ManifestId>) -> Vec<MissingReference> {
    missing(&site.engine, &site.row().await, manifest, since).await.unwrap()
}

/// From, as written, to.
pub fn told(missing: &[MissingReference]) -> Vec<(&str, &str, &str)> {
    missing.iter().map(|one| (&*one.from, &*one.reference, &*one.path)).collect()
}

pub async fn users(site: &Site, path: &str) -> Vec<UsedAsset> {
    let asset = site.asset(path).await.map(|asset| asset.id);
    let found = used_by(&site.engine, &site.row().await, path, asset, "", 1_000).await.unwrap();
    assert!(found.is_complete && found.users.next.is_none());
    found.users.items
}

/// Each user with where it is one: latest first, then environments.
pub fn places(users: &[UsedAsset]) -> Vec<(String, Vec<String>)> {
    let place = |user: &UsedAsset| {
        let latest = user.is_latest.then(|| "latest".to_owned());
        (user.path.clone(), latest.into_iter().chain(user.environments.iter().map(ToString::to_string)).collect())
    };
    users.iter().map(place).collect()
}

async fn a_build_lacks_what_it_refers_to_and_does_not_serve(ground: &Ground) {
    ground.put("css/site.css", "@import 'base.css'; a { background: url(../img/a.svg), url(../img/gone.svg) }").await;
    ground.put("index.html", "<link rel=stylesheet href=css/site.css><img src=/e/site/production/img/b.png>").await;
    ground.put("img/a.svg", "<svg><image href='b.png'/><image href='https://example.org/x.png'/></svg>").await;
    ground.put("guide.md", "![b](img/b.png) [index](index.html#top) [elsewhere](about)").await;
    ground.put("app.json", r#"{"icon":"img/nothing.png"}"#).await;
    ground.put("css/base.css", "").await;
    let changes = ["css/site.css", "index.html", "img/a.svg", "guide.md", "app.json"];
    let changes = changes.map(|path| Add::Asset { path: of(path), version: None }).to_vec();
    let build = ground.build_of(changes).await;

    let missing = lacks(ground, build.manifest, None).await;

    let expected = [
        ("css/site.css", "base.css", "css/base.css"),
        ("css/site.css", "../img/gone.svg", "img/gone.svg"),
        ("guide.md", "img/b.png", "img/b.png"),
        ("img/a.svg", "b.png", "img/b.png"),
        ("index.html", "/e/site/production/img/b.png", "img/b.png"),
    ];
    assert_eq!(told(&missing), expected);
    assert_eq!(lacks(ground, build.manifest, Some(build.manifest)).await, []);
    let offered = offered(&ground.engine, &ground.row().await, missing).await.unwrap();
    let there: Vec<_> = offered.iter().map(|one| one.library.as_ref().map(|row| row.path.clone())).collect();
    assert_eq!(there, [Some("css/base.css".to_owned()), None, None, None, None]);
}

async fn what_a_build_no_longer_serves_is_missed_by_those_who_stay(ground: &Ground) {
    ground.put("a.css", "x { y: url(img/1.svg) url(img/2.svg) }").await;
    ground.put("b.css", "x { y: url(img/1.svg) }").await;
    ground.put("c.json", r#"["img/1.svg"]"#).await;
    for path in ["img/1.svg", "img/2.svg"] {
        ground.put(path, "<svg/>").await;
    }
    let first = ground.build_latest().await;
    assert_eq!(lacks(ground, first.manifest, None).await, []);
    ground.promote("production", first.name).await;
    ground.put("b.css", "x { y: none }").await;
    let moved = Move::Asset { from: of("img/2.svg"), to: of("img/3.svg") };
    move_assets(&ground.engine, ground.caller(), &ground.name, moved, String::new()).await.unwrap();
    remove(&ground.engine, ground.caller(), &ground.name, of("img/1.svg"), Expect::Anything, String::new())
        .await
        .unwrap();
    let second = ground.build_latest().await;

    let missing = lacks(ground, second.manifest, Some(first.manifest)).await;

    let expected = [("a.css", "img/1.svg", "img/1.svg"), ("a.css", "img/2.svg", "img/2.svg")];
    assert_eq!(told(&missing), expected);
    assert_eq!(lacks(ground, second.manifest, None).await, missing);
    assert_eq!(lacks(ground, first.manifest, Some(second.manifest)).await, [], "and back nothing is missed");
}

/// A document with links to some of a few paths.
fn linking(chance: &mut Chance) -> (String, String) {
    let name = |chance: &mut Chance| format!("{}{}", ["", "x/"][chance.below(2)], chance.below(6));
    let path = name(chance);
    let links: Vec<String> = (0..chance.below(4)).map(|_| format!("/{}.css", name(chance))).collect();
    let text: String = links.iter().map(|link| format!("@import '{link}';")).collect();
    (format!("{path}.css"), text)
}

async fn a_check_of_what_differs_finds_what_a_whole_one_does(ground: &Ground) {
    let mut chance = Chance::new();
    let mut builds: Vec<(ManifestId, BTreeSet<MissingReference>)> = Vec::new();
    for round in 0..6 {
        for _ in 0..4 {
            let (path, text) = linking(&mut chance);
            ground.put(&path, text).await;
        }
        for path in ground.paths().await {
            if chance.below(5) == 0 {
                let caller = ground.caller();
                remove(&ground.engine, caller, &ground.name, of(path), Expect::Anything, String::new()).await.unwrap();
            }
        }
        ground.put("round.txt", format!("{round}")).await;
        let build = ground.build_latest().await;
        ground.promote("production", build.name).await;
        // Whether this one is looked at whole first or last must not matter.
        let early = (chance.below(2) == 0).then_some(());
        let mut whole = BTreeSet::new();
        if early.is_some() {
            whole.extend(lacks(ground, build.manifest, None).await);
        }
        let mut differing = Vec::new();
        for (before, lacked) in &builds {
            let found: BTreeSet<_> = lacks(ground, build.manifest, Some(*before)).await.into_iter().collect();
            differing.push((found, lacked));
        }
        if early.is_none() {
            whole.extend(lacks(ground, build.manifest, None).await);
        }
        for (found, lacked_before) in differing {
            assert!(found.is_subset(&whole), "{found:?} {whole:?}");
            let unseen: Vec<_> = whole.difference(&found).collect();
            assert!(unseen.iter().all(|one| lacked_before.contains(one)), "{unseen:?} was not lacking before");
        }
        builds.push((build.manifest, whole));
    }
}

async fn a_check_costs_what_differs(ground: &Ground) {
    const ALL: usize = 3_000;
    const CHANGED: usize = 100;
    let drawing = |n: usize, colour: &str| {
        let text = format!("<svg><rect fill='{colour}'/><image href='{:05}.svg'/></svg>", n + 1);
        (format!("{n:05}.svg"), text)
    };
    let put = async |colour: &str, count: usize| {
        let files: Vec<(String, String)> = (0..count).map(|n| drawing(n, colour)).collect();
        ground.batch(tar_of(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))).await.unwrap();
        ground.build_latest().await
    };
    // Each check is made by someone who has nothing in memory.
    let check = async |manifest: ManifestId, since: Option<ManifestId>| {
        let fresh = ground.another().await;
        let before = fresh.engine.store.counters();
        let missing = lacks(&fresh, manifest, since).await;
        let after = fresh.engine.store.counters();
        (missing, after.gets - before.gets, after.bytes_read - before.bytes_read)
    };
    let first = put("red", ALL).await;
    ground.promote("production", first.name).await;
    let (missing, gets_whole, read_whole) = check(first.manifest, None).await;
    assert_eq!(told(&missing), [("02999.svg", "03000.svg", "03000.svg")]);
    let second = put("blue", CHANGED).await;

    let (missing, gets, read) = check(second.manifest, Some(first.manifest)).await;

    println!("{gets} reads of {read} bytes for {CHANGED} changes, {gets_whole} of {read_whole} for all {ALL}");
    assert_eq!(missing, []);
    assert!(gets <= CHANGED as u64 + 32 && gets * 5 < gets_whole, "{gets} {gets_whole}");
    assert!(read * 2 < read_whole, "{read} {read_whole}");
    let (_, gets_again, _) = check(second.manifest, Some(first.manifest)).await;
    assert!(gets_again <= 32, "what was examined is not read again: {gets_again}");
}

async fn equal_contents_are_read_once(ground: &Ground) {
    let text = "@import 'a.css';".repeat(1_000);
    for folder in ["x", "y", "z"] {
        ground.put(&format!("{folder}/site.css"), text.clone()).await;
        ground.put(&format!("{folder}/a.css"), "").await;
    }
    ground.put("photo.png", "no text").await;
    let examined = examine_pending(&ground.engine).await.unwrap();
    assert_eq!((examined.assets, examined.failed), (6, 0));
    assert_eq!(places(&users(ground, "y/a.css").await), [("y/site.css".into(), vec!["latest".into()])]);

    let fresh = ground.another().await;
    fresh.upload("w/site.css", Upload::default(), text).await.unwrap();
    fresh.put("w/a.css", "").await;
    let before = fresh.engine.store.counters();
    assert_eq!(examine_pending(&fresh.engine).await.unwrap().assets, 2);
    assert_eq!(fresh.engine.store.counters().gets, before.gets);
    assert_eq!(places(&users(&fresh, "w/a.css").await), [("w/site.css".into(), vec!["latest".into()])]);
    assert_eq!(examine_pending(&fresh.engine).await.unwrap().assets, 0);
}

async fn the_collector_forgets_what_was_found_in_contents_that_are_gone(ground: &Ground) {
    ground.put("a.css", "@import 'b.css';").await;
    examine_pending(&ground.engine).await.unwrap();
    let content = ContentId::of(b"a content that no version has");
    let (catalog, project) = (&ground.engine.catalog, ground.row().await.number);
    let targets = vec![("b.css".to_owned(), false)];
    let place = NewPlace { project, path: "gone.css".into(), content, format: Format::Css, targets };
    let examined = ExaminedContent { content, format: Format::Css, found: Vec::new() };
    let findings = Findings { contents: vec![examined], places: vec![place], ..Findings::default() };
    catalog.keep_findings(&findings).await.unwrap();
    let referring = async || catalog.referring_paths(project, "b.css", "", 10).await.unwrap();
    assert_eq!(referring().await, ["a.css", "gone.css"]);

    collect_garbage(&ground.engine, &ground.caller()).await.unwrap();

    assert_eq!(referring().await, ["a.css"]);
    assert!(catalog.found_references(&[content]).await.unwrap().is_empty());
    assert_eq!(catalog.sweep_references(10).await.unwrap(), 0);
    let build = ground.try_build(ground.release(vec![Add::Latest]).await, Base::Empty).await.unwrap();
    assert_eq!(told(&lacks(ground, build.manifest, None).await), [("a.css", "b.css", "b.css")]);
}
