//! Comparison: what the comparison of two maps would say, and what has only moved.

use std::collections::{BTreeMap, BTreeSet};

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::pin::{AssetId, Entry, Pin};
use shelfmark_engine::operations::{
    AddedChange as Add, Base, ChangeKind, Compared, Move, Side, by_folder, compare, move_assets,
};

use super::planned::{pinned, stir};
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};

laws![
    a_comparison_says_what_the_maps_say,
    an_asset_that_was_served_twice_is_removed_twice,
    a_comparison_of_what_is_not_there_is_refused,
    the_latest_is_compared_from_either_side,
    what_an_environment_served_at_an_instant_is_compared,
    folders_sum_up_to_the_whole,
];

type Map = BTreeMap<String, Entry>;

async fn compared(site: &Site, from: &Side, to: &Side) -> Vec<Compared> {
    compare(&site.engine, &site.caller(), &site.name, from, to).await.unwrap()
}

/// A pin without what a comparison with the library doesn't know.
fn bare(entry: &Entry) -> Option<(AssetId, i64)> {
    match entry {
        Entry::Pin(Pin { asset, version, .. }) => Some((*asset, *version)),
        Entry::Parameter(_) | Entry::Access(_) => None,
    }
}

/// Checks a comparison against the two maps that it is of.
fn assert_compares(compared: &[Compared], from: &Map, to: &Map) {
    // Each difference tells what was and what is, each key comes once, and all that differs is there.
    let mut keys = BTreeSet::new();
    for Compared { kind, difference, from_key } in compared {
        let key = &difference.key;
        assert!(keys.insert(key.clone()), "{key} comes once");
        let same = |a: Option<&Entry>, b: Option<&Entry>| a.map(bare) == b.map(bare) && a.is_some() == b.is_some();
        assert!(same(difference.after.as_ref(), to.get(key)), "{key}");
        assert!(same(difference.before.as_ref(), from.get(from_key.as_ref().unwrap_or(key))), "{key}");
        match (kind, from_key) {
            (ChangeKind::Added, None) => assert!(!from.contains_key(key), "{key}"),
            (ChangeKind::Removed, None) => assert!(!to.contains_key(key), "{key}"),
            (ChangeKind::Changed, None) => assert!(from.contains_key(key) && to.contains_key(key), "{key}"),
            (ChangeKind::Moved, Some(old)) => {
                assert!(keys.insert(old.clone()) && !to.contains_key(old) && !from.contains_key(key), "{old} -> {key}");
                assert_eq!(bare(&from[old]).map(|pin| pin.0), bare(&to[key]).map(|pin| pin.0));
            }
            other => panic!("{other:?}"),
        }
    }
    let all: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    for key in all {
        let differs = match (from.get(key), to.get(key)) {
            (Some(a), Some(b)) if bare(a).is_some() => bare(a) != bare(b),
            (a, b) => a != b,
        };
        assert_eq!(keys.contains(key), differs, "{key}");
    }
}

async fn library(site: &Site) -> Map {
    let mut map = Map::new();
    for path in site.paths().await {
        map.insert(path.clone(), pinned(site, &path, None).await);
    }
    map
}

async fn a_comparison_says_what_the_maps_say(ground: &Ground) {
    let mut chance = Chance::new();
    let mut states = vec![(Side::Empty, Map::new())];
    for round in 0..4 {
        stir(ground, &mut chance).await;
        let parameter = shelfmark_domain::pin::Parameter { value: format!("{}", round / 2), by_environment: [].into() };
        let build = ground.build_of(vec![Add::Latest, Add::Parameter(of("p"), parameter)]).await;
        let entries = ground.entries(build.manifest).await;
        assert!(entries.iter().filter(|(key, _)| !key.starts_with("-/")).all(|(_, entry)| bare(entry).is_some()));
        states.push((Side::Build(build.name), entries));
        ground.promote("production", build.name).await;
    }
    for (from, from_map) in &states {
        for (to, to_map) in &states {
            assert_compares(&compared(ground, from, to).await, from_map, to_map);
        }
    }
    let (_, served) = states.last().unwrap();
    assert!(compared(ground, &Side::Environment(of("production")), &states.last().unwrap().0).await.is_empty());
    stir(ground, &mut chance).await;
    // The library has assets and no parameters, so those are left out of the comparison with it.
    let served: Map = served.clone().into_iter().filter(|(key, _)| !key.starts_with("-/")).collect();
    let to_latest = compared(ground, &Side::Environment(of("production")), &Side::Latest).await;
    assert_compares(&to_latest, &served, &library(ground).await);
    let from_nothing = compared(ground, &Side::Environment(of("staging")), &Side::Latest).await;
    assert_compares(&from_nothing, &Map::new(), &library(ground).await);
}

async fn an_asset_that_was_served_twice_is_removed_twice(ground: &Ground) {
    let asset = ground.put("a", "x").await.asset.unwrap().id;
    let first = ground.build_latest().await;
    ground.promote("production", first.name).await;
    let what = Move::Asset { from: of("a"), to: of("b") };
    move_assets(&ground.engine, ground.caller(), &ground.name, what, String::new()).await.unwrap();
    // The pin at the old path stays: the release only adds one at the new path.
    let twice = ground.build_of(vec![Add::AssetById { asset, version: None }]).await;
    let map = ground.entries(twice.manifest).await;
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);

    let (from, to) = (Side::Build(twice.name), Side::Empty);
    assert_compares(&compared(ground, &from, &to).await, &map, &Map::new());
    assert_compares(&compared(ground, &to, &from).await, &Map::new(), &map);
    let release = ground.release(vec![Add::RemovePath(of("a"))]).await;
    let moved = ground.try_build(release, Base::Build(twice.name)).await.unwrap();
    let moved_map = ground.entries(moved.manifest).await;
    let to_moved = compared(ground, &from, &Side::Build(moved.name)).await;
    assert_compares(&to_moved, &map, &moved_map);
    let renamed = compared(ground, &Side::Build(first.name), &Side::Build(moved.name)).await;
    assert_eq!(renamed.iter().map(|compared| compared.kind).collect::<Vec<_>>(), [ChangeKind::Moved]);
}

async fn a_comparison_of_what_is_not_there_is_refused(ground: &Ground) {
    let foreign = ground.another_project("other").await;
    foreign.put("a", "x").await;
    foreign.build_latest().await;
    for side in [Side::Build(of("R-1.1")), Side::Environment(of("nowhere"))] {
        for (from, to) in [(&side, &Side::Empty), (&Side::Empty, &side), (&side, &Side::Latest)] {
            let refused = compare(&ground.engine, &ground.caller(), &ground.name, from, to).await.unwrap_err();
            assert_eq!(refused.kind(), FailureKind::NotFound, "{from:?} {to:?}");
        }
    }
    let then = Side::EnvironmentAt(of("nowhere"), ground.engine.clock.now());
    let refused = compare(&ground.engine, &ground.caller(), &ground.name, &then, &Side::Empty).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::NotFound);
    assert!(compared(ground, &Side::Latest, &Side::Latest).await.is_empty());
    assert!(compared(ground, &Side::Empty, &Side::Empty).await.is_empty());
}

async fn the_latest_is_compared_from_either_side(ground: &Ground) {
    let mut chance = Chance::new();
    stir(ground, &mut chance).await;
    let first = ground.build_latest().await;
    ground.promote("production", first.name).await;
    stir(ground, &mut chance).await;
    let (served, library) = (ground.entries(first.manifest).await, library(ground).await);
    let production = Side::Environment(of("production"));

    assert_compares(&compared(ground, &production, &Side::Latest).await, &served, &library);
    assert_compares(&compared(ground, &Side::Latest, &production).await, &library, &served);
    assert_compares(&compared(ground, &Side::Latest, &Side::Empty).await, &library, &Map::new());
}

async fn what_an_environment_served_at_an_instant_is_compared(ground: &Ground) {
    let before = ground.engine.clock.now();
    ground.put("a", "1").await;
    let first = ground.build_latest().await;
    let at = ground.promote("production", first.name).await.deployment.at;
    ground.put("a", "2").await;
    ground.put("b", "1").await;
    let second = ground.build_latest().await;
    ground.promote("production", second.name).await;
    let (one, two) = (ground.entries(first.manifest).await, ground.entries(second.manifest).await);

    let then = |at| Side::EnvironmentAt(of("production"), at);
    assert_compares(&compared(ground, &then(at), &Side::Environment(of("production"))).await, &one, &two);
    assert_compares(&compared(ground, &then(before), &then(at)).await, &Map::new(), &one);
    assert!(compared(ground, &then(ground.engine.clock.now()), &Side::Build(second.name)).await.is_empty());
}

async fn folders_sum_up_to_the_whole(ground: &Ground) {
    let mut chance = Chance::new();
    for _ in 0..3 {
        stir(ground, &mut chance).await;
    }
    let first = ground.build_latest().await;
    ground.promote("production", first.name).await;
    stir(ground, &mut chance).await;
    let all = compared(ground, &Side::Build(first.name), &Side::Latest).await;
    let of_kind = |kind| all.iter().filter(|compared| compared.kind == kind).count() as u64;
    let size = |entry: &Option<Entry>| if let Some(Entry::Pin(pin)) = entry { pin.size_bytes } else { 0 };
    let bytes_before: u64 = all.iter().map(|compared| size(&compared.difference.before)).sum();
    let bytes_after: u64 = all.iter().map(|compared| size(&compared.difference.after)).sum();

    for depth in [None, Some(0), Some(1), Some(2)] {
        let folders = by_folder(&all, depth);
        let sum = |count: fn(&shelfmark_engine::operations::FolderDifference) -> u64| -> u64 {
            folders.iter().map(count).sum()
        };
        assert_eq!(sum(|f| f.added), of_kind(ChangeKind::Added), "{depth:?}");
        assert_eq!(sum(|f| f.changed), of_kind(ChangeKind::Changed), "{depth:?}");
        assert_eq!(sum(|f| f.removed), of_kind(ChangeKind::Removed), "{depth:?}");
        assert_eq!(sum(|f| f.moved), of_kind(ChangeKind::Moved), "{depth:?}");
        assert_eq!((sum(|f| f.bytes_before), sum(|f| f.bytes_after)), (bytes_before, bytes_after), "{depth:?}");
        assert!(folders.is_sorted_by(|a, b| a.folder < b.folder));
        assert!(depth != Some(0) || folders.len() <= 1);
        for folder in folders {
            let moved_away = folder.files_before + folder.added + folder.moved >= folder.files_after + folder.removed;
            assert!(moved_away, "{folder:?}: who goes without being removed has moved");
        }
    }
}
