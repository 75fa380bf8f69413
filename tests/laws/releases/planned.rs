//! Releases and builds: what is added is fixed at that moment, and a build is exactly its base with its changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::pin::{Entry, Parameter, Pin, Visibility};
use shelfmark_domain::release::ReleaseState;
use shelfmark_engine::operations::{
    AddedChange as Add, Base, BuildError, Expect, Move, ReleaseError, add_changes, move_assets, remove, remove_changes,
};

use crate::laws::assets::tars::Tar;
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};

laws![
    a_build_is_its_base_with_its_changes,
    what_was_added_stays_what_it_was,
    a_build_on_another_base_holds_what_that_base_holds,
    a_small_change_to_a_large_build_adds_little,
    a_release_that_changes_nothing_is_not_built,
    a_change_that_names_what_is_not_there_is_refused,
    a_released_release_takes_no_changes,
    lines_are_taken_out_by_their_keys,
    the_latest_is_added_however_busy_the_library_is,
];

/// Keys and their entries; `None` where a line removes one.
type Lines = BTreeMap<String, Option<Entry>>;
type Map = BTreeMap<String, Entry>;

/// The entry for an asset at a version, from its history.
pub async fn pinned(site: &Site, path: &str, version: Option<i64>) -> Entry {
    let asset = site.asset(path).await.expect("there is an asset");
    let number = version.unwrap_or(asset.latest.number);
    let version = site.engine.catalog.version(asset.id, number).await.unwrap().expect("there is a version");
    Entry::Pin(Pin {
        asset: asset.id,
        version: number,
        content: version.content,
        size_bytes: version.size_bytes,
        media_type: version.media_type,
        dimensions: version.dimensions,
        modified_at: version.at,
        metadata: version.metadata,
    })
}

/// What a change means, said as simply as can be.
async fn note(site: &Site, base: &Map, lines: &mut Lines, change: &Add) {
    match change {
        Add::Asset { path, version } => {
            lines.insert(path.to_string(), Some(pinned(site, path.as_str(), *version).await));
        }
        Add::Folder(_) | Add::Latest => {
            let is_in = |key: &str| match change {
                Add::Folder(folder) => folder.contains(key) && !key.starts_with("-/"),
                _ => !key.starts_with("-/"),
            };
            lines.retain(|key, _| !is_in(key));
            let paths = site.paths().await;
            for path in paths.iter().filter(|path| is_in(path)) {
                let entry = pinned(site, path, None).await;
                if base.get(path) != Some(&entry) {
                    lines.insert(path.clone(), Some(entry));
                }
            }
            if *change == Add::Latest {
                let gone = base.keys().filter(|key| is_in(key) && !paths.contains(key));
                lines.extend(gone.map(|key| (key.clone(), None)));
            }
        }
        Add::RemovePath(path) => drop(lines.insert(path.to_string(), None)),
        Add::Parameter(name, value) => {
            lines.insert(format!("-/parameters/{name}"), Some(Entry::Parameter(value.clone())));
        }
        Add::RemoveParameter(name) => drop(lines.insert(format!("-/parameters/{name}"), None)),
        Add::Access(folder, visibility) => {
            lines.insert(format!("-/access/{folder}"), Some(Entry::Access(*visibility)));
        }
        Add::RemoveAccess(folder) => drop(lines.insert(format!("-/access/{folder}"), None)),
        Add::AssetById { .. } | Add::SavedSearch(_) => unreachable!("this model has paths only"),
    }
}

/// Changes the library a little.
pub async fn stir(site: &Site, chance: &mut Chance) {
    for _ in 0..10 {
        let path = format!("{}/{}.txt", chance.one_of(&["a", "a/b", "c"]), chance.below(5));
        let paths = site.paths().await;
        match chance.below(6) {
            0 if paths.contains(&path) => {
                let removed = remove(&site.engine, site.caller(), &site.name, of(&path), Expect::Anything, "".into());
                removed.await.unwrap();
            }
            1 if paths.contains(&path) => {
                let what = Move::Asset { from: of(&path), to: of(format!("moved/{}", chance.below(1_000_000))) };
                move_assets(&site.engine, site.caller(), &site.name, what, "".into()).await.unwrap();
            }
            _ => drop(site.put(&path, format!("{}", chance.below(1_000))).await),
        }
    }
}

/// A change that the release can take.
async fn any_change(site: &Site, base: &Map, chance: &mut Chance) -> Add {
    let paths = site.paths().await;
    let path = chance.one_of(&paths);
    let served = |start: &str| base.keys().filter_map(|key| key.strip_prefix(start)).map(str::to_owned).collect();
    let (parameters, rules): (Vec<String>, Vec<String>) = (served("-/parameters/"), served("-/access/"));
    let pins: Vec<&String> = base.keys().filter(|key| !key.starts_with("-/")).collect();
    let value = || Parameter { value: "blue".into(), by_environment: BTreeMap::from([(of("staging"), "red".into())]) };
    match chance.below(9) {
        0 => Add::Latest,
        1 => Add::Folder(of(chance.one_of(&["a/", "a/b/", "c", ""]))),
        2 if !pins.is_empty() => Add::RemovePath(of(chance.one_of(&pins))),
        3 => Add::Parameter(of(chance.one_of(&["theme", "flag.x"])), value()),
        4 if !parameters.is_empty() => Add::RemoveParameter(of(chance.one_of(&parameters))),
        5 => Add::Access(
            of(chance.one_of(&["a", "", "c/d"])),
            *chance.one_of(&[Visibility::Public, Visibility::Private]),
        ),
        6 if !rules.is_empty() => Add::RemoveAccess(of(chance.one_of(&rules))),
        7 => {
            let latest = site.asset(path).await.unwrap().latest.number as usize;
            Add::Asset { path: of(path), version: Some(1 + chance.below(latest) as i64) }
        }
        _ => Add::Asset { path: of(path), version: None },
    }
}

async fn a_build_is_its_base_with_its_changes(ground: &Ground) {
    let mut chance = Chance::new();
    let mut base = Map::new();
    for round in 0..5 {
        stir(ground, &mut chance).await;
        let release = ground.release(Vec::new()).await;
        let mut lines = Lines::new();
        let parameter = Add::Parameter(of("round"), Parameter { value: format!("{round}"), by_environment: [].into() });
        let mut changes = vec![parameter];
        for _ in 0..8 {
            changes.push(any_change(ground, &base, &mut chance).await);
        }
        for change in &changes {
            add_changes(&ground.engine, &ground.caller(), &ground.name, release, vec![change.clone()], None)
                .await
                .unwrap();
            note(ground, &base, &mut lines, change).await;
        }

        let build = ground.try_build(release, Base::FinalEnvironment).await.unwrap();

        let mut expected = base.clone();
        for (key, entry) in lines {
            match entry {
                Some(entry) => expected.insert(key, entry),
                None => expected.remove(&key),
            };
        }
        let built = ground.entries(build.manifest).await;
        assert_eq!(built, expected, "{changes:?}");
        assert_eq!(ground.another().await.entries(build.manifest).await, expected, "as another process reads it");
        let pins: Vec<&Pin> =
            expected.values().filter_map(|e| if let Entry::Pin(pin) = e { Some(pin) } else { None }).collect();
        assert_eq!((build.pins, build.size_bytes), (pins.len() as u64, pins.iter().map(|pin| pin.size_bytes).sum()));
        for (key, entry) in &expected {
            assert_eq!(ground.engine.manifests.entry(build.manifest, key).await.unwrap().as_ref(), Some(entry));
        }
        ground.promote("production", build.name).await;
        base = expected;
    }
}

async fn what_was_added_stays_what_it_was(ground: &Ground) {
    ground.put("a", "tested").await;
    let release = ground.release(vec![Add::Latest]).await;
    let tested = pinned(ground, "a", Some(1)).await;
    ground.put("a", "newer and not tested").await;

    let build = ground.try_build(release, Base::FinalEnvironment).await.unwrap();

    assert_eq!(ground.entries(build.manifest).await, Map::from([("a".into(), tested)]));
}

async fn a_build_on_another_base_holds_what_that_base_holds(ground: &Ground) {
    ground.put("a", "1").await;
    let first = ground.build_latest().await;
    ground.promote("staging", first.name).await;
    ground.put("b", "2").await;
    let release = ground.release(vec![Add::Asset { path: of("b"), version: None }]).await;
    let cases = [
        (Base::FinalEnvironment, None, 1),
        (Base::Empty, None, 1),
        (Base::Environment(of("staging")), Some(first.name), 2),
        (Base::Build(first.name), Some(first.name), 2),
        (Base::Environment(of("development")), None, 1),
    ];
    for (at, (base, name, entries)) in cases.into_iter().enumerate() {
        let build = ground.try_build(release, base).await.unwrap();
        assert_eq!((build.base, build.pins, build.name.number), (name, entries, at as i64 + 1));
    }
    let unknown = ground.try_build(release, Base::Environment(of("nowhere"))).await.unwrap_err();
    assert_eq!(unknown.kind(), FailureKind::NotFound);
    let unknown = ground.try_build(release, Base::Build(of("R-9.1"))).await.unwrap_err();
    assert_eq!(unknown.kind(), FailureKind::NotFound);
}

async fn a_small_change_to_a_large_build_adds_little(ground: &Ground) {
    let tar = (0..4_000).fold(Tar::new(), |tar, n| tar.file(&format!("img/{n:05}.svg"), format!("{}", n % 7)));
    ground.batch(tar.finish()).await.unwrap();
    let first = ground.build_latest().await;
    ground.promote("production", first.name).await;
    ground.put("img/02000.svg", "another").await;
    let release = ground.release(vec![Add::Latest]).await;
    let before = ground.engine.store.counters();

    let second = ground.try_build(release, Base::FinalEnvironment).await.unwrap();

    let after = ground.engine.store.counters();
    assert_eq!((first.pins, second.pins, after.puts - before.puts), (4_000, 4_000, 1));
    let added = after.bytes_written - before.bytes_written;
    assert!(added < 4_096, "a change of one pin of 4,000 has added {added} bytes");
    let differences = ground.engine.manifests.compare(first.manifest, second.manifest).await.unwrap();
    assert_eq!(differences.iter().map(|d| d.key.as_str()).collect::<Vec<_>>(), ["img/02000.svg"]);
}

async fn a_release_that_changes_nothing_is_not_built(ground: &Ground) {
    let release = ground.release(Vec::new()).await;
    let refused = ground.try_build(release, Base::FinalEnvironment).await.unwrap_err();
    assert!(matches!(refused, BuildError::Empty(number) if number == release));
    let refused = ground.try_build(of("R-7"), Base::FinalEnvironment).await.unwrap_err();
    assert!(matches!(refused, BuildError::NoRelease(_)));
    ground.put("a", "x").await;
    assert_eq!(ground.try_build(ground.release(vec![Add::Latest]).await, Base::Empty).await.unwrap().name, of("R-2.1"));
}

async fn a_change_that_names_what_is_not_there_is_refused(ground: &Ground) {
    ground.put("a", "x").await;
    let release = ground.release(Vec::new()).await;
    let foreign = ground.another_project("other").await;
    foreign.put("secret", "x").await;
    let asset = foreign.asset("secret").await.unwrap().id;
    let long = Parameter { value: "x".repeat(70 << 10), by_environment: [].into() };
    let nul = Parameter { value: "\0".into(), by_environment: [].into() };
    let refused = [
        (Add::AssetById { asset, version: None }, FailureKind::NotFound),
        (Add::AssetById { asset, version: Some(1) }, FailureKind::NotFound),
        (Add::Asset { path: of("secret"), version: None }, FailureKind::NotFound),
        (Add::Asset { path: of("a"), version: Some(2) }, FailureKind::NotFound),
        (Add::Asset { path: of("a"), version: Some(i64::MAX) }, FailureKind::NotFound),
        (Add::Asset { path: of("a"), version: Some(-1) }, FailureKind::NotFound),
        (Add::RemovePath(of("a")), FailureKind::Conflict),
        (Add::RemoveParameter(of("a")), FailureKind::Conflict),
        (Add::RemoveAccess(of("a")), FailureKind::Conflict),
        (Add::Parameter(of("p"), long), FailureKind::Invalid),
        (Add::Parameter(of("p"), nul), FailureKind::Invalid),
    ];
    for (change, kind) in refused {
        // A good change before it does not count either.
        let both = vec![Add::Asset { path: of("a"), version: None }, change.clone()];
        let error = add_changes(&ground.engine, &ground.caller(), &ground.name, release, both, None).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{change:?}: {error:?}");
    }
    let project = ground.row().await.number;
    assert!(ground.engine.catalog.count_changes_of(project, &[release]).await.unwrap().is_empty());
}

async fn a_released_release_takes_no_changes(ground: &Ground) {
    ground.put("a", "1").await;
    let first = ground.build_latest().await;
    ground.promote("staging", first.name).await;
    let project = ground.row().await.number;
    let state = async |number| ground.engine.catalog.release(project, number).await.unwrap().unwrap().state;
    assert_eq!(state(first.name.release).await, ReleaseState::Draft);
    ground.promote("production", first.name).await;
    assert_eq!(state(first.name.release).await, ReleaseState::Released);

    let change = vec![Add::Access(of(""), Visibility::Private)];
    let added = add_changes(&ground.engine, &ground.caller(), &ground.name, first.name.release, change, None).await;
    assert!(matches!(added, Err(ReleaseError::NotDraft { state: ReleaseState::Released, .. })));
    let built = ground.try_build(first.name.release, Base::Empty).await;
    assert!(matches!(built, Err(BuildError::NotDraft { .. })));

    ground.put("a", "2").await;
    let second = ground.build_latest().await;
    ground.promote("production", second.name).await;
    ground.roll_back("production").await;
    assert_eq!(state(second.name.release).await, ReleaseState::RolledBack);
    assert_eq!(state(first.name.release).await, ReleaseState::Released);
}

async fn lines_are_taken_out_by_their_keys(ground: &Ground) {
    ground.put("a", "1").await;
    ground.put("b", "1").await;
    let release = ground.release(vec![Add::Latest, Add::Access(of("a"), Visibility::Private)]).await;
    let keys = ["b".to_owned(), "-/access/a".to_owned(), "not/there".to_owned()];

    let removed = remove_changes(&ground.engine, &ground.caller(), &ground.name, release, &keys, None).await.unwrap();

    assert_eq!((removed.lines, removed.total), (2, 1));
    let build = ground.try_build(release, Base::FinalEnvironment).await.unwrap();
    assert_eq!(ground.entries(build.manifest).await.into_keys().collect::<Vec<_>>(), ["a"]);
}

async fn the_latest_is_added_however_busy_the_library_is(ground: &Ground) {
    let tar = (0..3_000).fold(Tar::new(), |tar, n| tar.file(&format!("still/{n}"), "x"));
    ground.batch(tar.finish()).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let putters: Vec<_> = (0..4)
        .map(|putter| {
            let (site, done) = (ground.site.clone(), done.clone());
            tokio::spawn(async move {
                let mut count = 0;
                while !done.load(Ordering::SeqCst) {
                    site.put(&format!("busy/{putter}"), format!("{count}")).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let release = ground.release(Vec::new()).await;

    for _ in 0..6 {
        let latest = vec![Add::Latest];
        let added = add_changes(&ground.engine, &ground.caller(), &ground.name, release, latest, None).await;
        assert!(added.unwrap().lines >= 3_000);
    }

    done.store(true, Ordering::SeqCst);
    for putter in putters {
        assert!(putter.await.unwrap() > 0, "nobody was locked out");
    }
}
