//! Rebasing: what others have released beside a draft is never undone unless a person said so.

use std::collections::{BTreeMap, BTreeSet};

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::pin::{Entry, Parameter};
use shelfmark_engine::operations::{
    AddedChange as Add, Base, BuildError, Keeping, Rebase, RebaseError, Resolution, add_changes, clone_release, rebase,
    repin, resolve_conflicts, split_release,
};

use super::planned::pinned;
use crate::laws::assets::tars::Tar;
use crate::laws::ground::Ground;
use crate::laws::ground::chance::Chance;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    a_rebased_build_is_the_three_way_merge,
    a_first_build_knows_what_was_served_when_its_lines_were_made,
    a_resolution_holds_for_the_value_that_was_seen,
    a_named_version_takes_the_place_of_the_line,
    a_line_stays_as_old_as_it_is_wherever_it_goes,
    each_environment_is_looked_at_for_itself,
    comparing_costs_what_differs,
];

type Map = BTreeMap<String, Entry>;

async fn put_lines(site: &Site, release: ReleaseNumber, changes: Vec<Add>) {
    add_changes(&site.engine, &site.caller(), &site.name, release, changes, None).await.unwrap();
}

async fn rebased(site: &Site, release: ReleaseNumber) -> Rebase {
    rebase(&site.engine, &site.caller(), &site.name, release, None).await.unwrap()
}

async fn resolve(site: &Site, release: ReleaseNumber, resolutions: &[Resolution]) -> Result<Rebase, RebaseError> {
    resolve_conflicts(&site.engine, &site.caller(), &site.name, release, (None, resolutions), None).await
}

/// What a person says about each conflict.
fn all(found: &Rebase, keeping: Keeping) -> Vec<Resolution> {
    let resolution = |key: &String, theirs: &String| Resolution { key: key.clone(), theirs: theirs.clone(), keeping };
    found.conflicts.iter().map(|conflict| resolution(&conflict.key, &conflict.theirs_name)).collect()
}

fn asset(path: &str, version: i64) -> Add {
    Add::Asset { path: of(path), version: Some(version) }
}

/// Production serves something new.
async fn release_beside(site: &Site, changes: Vec<Add>) -> Map {
    let build = site.build_of(changes).await;
    site.promote("production", build.name).await;
    site.entries(build.manifest).await
}

/// A change of one key, and what is served there because of it.
async fn edit(site: &Site, served: &Map, chance: &mut Chance) -> (Add, String, Option<Entry>) {
    let path = format!("k/{}", chance.below(5));
    match chance.below(5) {
        0 if served.contains_key(&path) => (Add::RemovePath(of(&path)), path, None),
        1 => {
            let value = Parameter { value: format!("{}", chance.below(3)), by_environment: [].into() };
            let key = "-/parameters/theme".to_owned();
            (Add::Parameter(of("theme"), value.clone()), key, Some(Entry::Parameter(value)))
        }
        _ => {
            let version = 1 + chance.below(3) as i64;
            let entry = pinned(site, &path, Some(version)).await;
            (asset(&path, version), path, Some(entry))
        }
    }
}

/// A line as the model knows it: what it says, and what was served when the release last stood on that.
type Lines = BTreeMap<String, (Option<Entry>, Option<Entry>)>;

/// Resolves every conflict at random and tells the model; the keys where a person let the release undo others.
async fn resolve_at_random(
    site: &Site,
    release: ReleaseNumber,
    lines: &mut Lines,
    chance: &mut Chance,
) -> BTreeSet<String> {
    let found = rebased(site, release).await;
    let (mut resolutions, mut ours) = (all(&found, Keeping::Ours), BTreeSet::new());
    for (resolution, conflict) in resolutions.iter_mut().zip(&found.conflicts) {
        let key = conflict.key.clone();
        resolution.keeping = match chance.below(3) {
            0 => Keeping::Theirs,
            1 if matches!(conflict.ours, Some(Entry::Pin(_))) => Keeping::Version(2),
            _ => Keeping::Ours,
        };
        match resolution.keeping {
            Keeping::Ours => drop(ours.insert(key)),
            Keeping::Theirs => drop(lines.remove(&key)),
            Keeping::Version(version) => {
                let entry = pinned(site, &key, Some(version)).await;
                lines.insert(key.clone(), (Some(entry), conflict.theirs.clone()));
                ours.insert(key);
            }
        }
    }
    let after = resolve(site, release, &resolutions).await.unwrap();
    assert!(after.conflicts.iter().all(|conflict| conflict.is_resolved()));
    ours
}

async fn a_rebased_build_is_the_three_way_merge(ground: &Ground) {
    let mut chance = Chance::new();
    for path in 0..5 {
        for version in 1..=3 {
            ground.put(&format!("k/{path}"), format!("{path} {version}")).await;
        }
    }
    let mut served = release_beside(ground, (0..4).map(|n| asset(&format!("k/{n}"), 1)).collect()).await;
    let release = ground.release(Vec::new()).await;
    let mut lines = Lines::new();
    for _ in 0..25 {
        let (change, key, entry) = edit(ground, &served, &mut chance).await;
        match chance.below(5) {
            0 | 1 => {
                put_lines(ground, release, vec![change]).await;
                lines.insert(key.clone(), (entry, served.get(&key).cloned()));
                continue;
            }
            2 | 3 => {
                served = release_beside(ground, vec![change]).await;
                assert_eq!(served.get(&key), entry.as_ref());
                continue;
            }
            _ if lines.is_empty() => continue,
            _ => {}
        }
        let is_conflict = |key: &String, (ours, base): &(Option<Entry>, Option<Entry>)| {
            base.as_ref() != served.get(key) && ours.as_ref() != served.get(key)
        };
        let expected: Vec<&String> =
            lines.iter().filter(|(key, line)| is_conflict(key, line)).map(|(key, _)| key).collect();
        let found = rebased(ground, release).await;
        assert_eq!(found.conflicts.iter().map(|conflict| &conflict.key).collect::<Vec<_>>(), expected);
        for conflict in &found.conflicts {
            let (ours, base) = &lines[&conflict.key];
            assert_eq!((&conflict.ours, &conflict.base), (ours, base), "{}", conflict.key);
            assert_eq!(conflict.theirs.as_ref(), served.get(&conflict.key));
        }
        let mut said = BTreeSet::new();
        if !found.conflicts.is_empty() {
            let refused = ground.try_build(release, Base::FinalEnvironment).await.unwrap_err();
            assert!(matches!(refused, BuildError::Conflicts { .. }), "{refused}");
            said = resolve_at_random(ground, release, &mut lines, &mut chance).await;
        }
        if lines.is_empty() {
            continue;
        }

        let build = ground.try_build(release, Base::FinalEnvironment).await.unwrap();

        let mut merged = served.clone();
        for (key, (ours, base)) in &mut lines {
            assert!(
                base.as_ref() == served.get(key) || ours.as_ref() == served.get(key) || said.contains(key),
                "{key}"
            );
            match ours {
                Some(entry) => merged.insert(key.clone(), entry.clone()),
                None => merged.remove(key),
            };
            *base = served.get(key).cloned();
        }
        assert_eq!(ground.entries(build.manifest).await, merged);
        assert!(rebased(ground, release).await.conflicts.is_empty(), "the release stands on what is served now");
    }
}

async fn a_first_build_knows_what_was_served_when_its_lines_were_made(ground: &Ground) {
    for content in ["1", "2", "3"] {
        ground.put("a", content).await;
    }
    let early = ground.release(vec![asset("a", 2)]).await;
    assert!(rebased(ground, early).await.conflicts.is_empty());
    release_beside(ground, vec![asset("a", 1)]).await;
    let draft = ground.release(vec![asset("a", 2)]).await;
    release_beside(ground, vec![asset("a", 3)]).await;

    for (release, base) in [(early, None), (draft, Some(pinned(ground, "a", Some(1)).await))] {
        let found = rebased(ground, release).await;
        let [conflict] = &found.conflicts[..] else { panic!("{found:?}") };
        assert_eq!((&conflict.base, conflict.key.as_str()), (&base, "a"));
        assert_eq!(conflict.theirs, Some(pinned(ground, "a", Some(3)).await));
        assert_eq!(found.serves, Some(of("R-4.1")));
        let refused = ground.try_build(release, Base::FinalEnvironment).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Conflict);
        assert!(refused.to_string().contains("rebase"), "{refused}");
        ground.try_build(release, Base::Empty).await.unwrap();
    }
    let found = resolve(ground, draft, &all(&rebased(ground, draft).await, Keeping::Theirs)).await.unwrap();
    assert!(found.conflicts.is_empty());
    let refused = ground.try_build(draft, Base::FinalEnvironment).await.unwrap_err();
    assert!(matches!(refused, BuildError::Empty(_)), "the only line was given up");
}

async fn a_resolution_holds_for_the_value_that_was_seen(ground: &Ground) {
    for content in ["1", "2", "3"] {
        ground.put("a", content).await;
    }
    release_beside(ground, vec![asset("a", 1)]).await;
    let draft = ground.release(vec![asset("a", 2)]).await;
    release_beside(ground, vec![asset("a", 3)]).await;
    let seen = rebased(ground, draft).await;

    let kept = resolve(ground, draft, &all(&seen, Keeping::Ours)).await.unwrap();

    assert_eq!(kept.conflicts[0].kept_by.as_deref(), Some("Ada"));
    assert_eq!(kept.release.revision, seen.release.revision + 1);
    release_beside(ground, vec![Add::RemovePath(of("a"))]).await;
    assert!(!rebased(ground, draft).await.conflicts[0].is_resolved(), "theirs is another value by now");
    let late = resolve(ground, draft, &all(&seen, Keeping::Ours)).await.unwrap_err();
    assert!(matches!(&late, RebaseError::Changed(key) if key == "a"), "{late}");
    let no_conflict = Resolution { key: "b".into(), theirs: String::new(), keeping: Keeping::Ours };
    let refused = resolve(ground, draft, &[no_conflict]).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Conflict);
    let once = all(&rebased(ground, draft).await, Keeping::Ours);
    let twice = [once.clone(), once].concat();
    assert_eq!(resolve(ground, draft, &twice).await.unwrap_err().kind(), FailureKind::Invalid);
    release_beside(ground, vec![asset("a", 3)]).await;
    assert!(rebased(ground, draft).await.conflicts[0].is_resolved(), "this one has been looked at");
    let build = ground.try_build(draft, Base::FinalEnvironment).await.unwrap();
    assert_eq!(ground.entries(build.manifest).await["a"], pinned(ground, "a", Some(2)).await);
}

async fn a_named_version_takes_the_place_of_the_line(ground: &Ground) {
    for content in ["1", "2", "3", "4"] {
        ground.put("a", content).await;
    }
    release_beside(ground, vec![asset("a", 1)]).await;
    let parameter = |value: &str| Add::Parameter(of("p"), Parameter { value: value.into(), by_environment: [].into() });
    let draft = ground.release(vec![asset("a", 2), parameter("ours")]).await;
    release_beside(ground, vec![asset("a", 3), parameter("theirs")]).await;
    let found = rebased(ground, draft).await;
    let with = |keeping, key: &str| -> Vec<Resolution> {
        all(&found, keeping).into_iter().filter(|resolution| resolution.key == key).collect()
    };
    let missing = resolve(ground, draft, &with(Keeping::Version(9), "a")).await.unwrap_err();
    assert_eq!(missing.kind(), FailureKind::NotFound);
    let no_asset = resolve(ground, draft, &with(Keeping::Version(1), "-/parameters/p")).await.unwrap_err();
    assert_eq!(no_asset.kind(), FailureKind::Invalid);

    let caller = ground.caller_with_key("once", "resolve");
    let what = [with(Keeping::Version(4), "a"), with(Keeping::Theirs, "-/parameters/p")].concat();
    for _ in 0..2 {
        let resolved = resolve_conflicts(&ground.engine, &caller, &ground.name, draft, (None, &what), None).await;
        assert!(resolved.unwrap().conflicts.is_empty());
    }

    let build = ground.try_build(draft, Base::FinalEnvironment).await.unwrap();
    let built = ground.entries(build.manifest).await;
    assert_eq!(built["a"], pinned(ground, "a", Some(4)).await);
    assert!(matches!(&built["-/parameters/p"], Entry::Parameter(p) if p.value == "theirs"));
}

async fn a_line_stays_as_old_as_it_is_wherever_it_goes(ground: &Ground) {
    for content in ["1", "2", "3", "4"] {
        ground.put("a", content).await;
        ground.put("b", content).await;
    }
    let old = ground.release(vec![asset("a", 1), asset("b", 1)]).await;
    release_beside(ground, vec![asset("a", 2), asset("b", 2)]).await;
    let conflicts = async |release| -> Vec<String> {
        rebased(ground, release).await.conflicts.into_iter().map(|conflict| conflict.key).collect()
    };
    let (engine, caller, name) = (&ground.engine, ground.caller(), &ground.name);

    let copy = clone_release(engine, &caller, name, old, None).await.unwrap().number;
    assert_eq!(conflicts(copy).await, ["a", "b"], "a copy of what is old undoes nothing unseen");
    let keys = shelfmark_engine::catalog::Selection::Keys(vec!["a".into()]);
    let part = split_release(engine, &caller, name, old, (keys.clone(), "a part".into()), None).await.unwrap().number;
    assert_eq!((conflicts(part).await, conflicts(old).await), (vec!["a".to_owned()], vec!["b".to_owned()]));
    repin(engine, &caller, name, part, &keys, None).await.unwrap();
    assert_eq!(conflicts(part).await, ["a"], "who pins anew has not looked at what is served");
    put_lines(ground, part, vec![asset("a", 4)]).await;
    assert_eq!(conflicts(part).await, Vec::<String>::new(), "who adds it again has");
}

async fn each_environment_is_looked_at_for_itself(ground: &Ground) {
    for content in ["1", "2", "3"] {
        ground.put("a", content).await;
    }
    let draft = ground.release(vec![asset("a", 1)]).await;
    let other = ground.build_of(vec![asset("a", 2)]).await;
    ground.promote("staging", other.name).await;
    ground.try_build(draft, Base::FinalEnvironment).await.unwrap();
    let refused = ground.try_build(draft, Base::Environment(of("staging"))).await.unwrap_err();
    assert!(refused.to_string().contains("environment=staging"), "{refused}");
    let staging = of("staging");
    let found = rebase(&ground.engine, &ground.caller(), &ground.name, draft, Some(&staging)).await.unwrap();
    let what = all(&found, Keeping::Ours);
    let resolved =
        resolve_conflicts(&ground.engine, &ground.caller(), &ground.name, draft, (Some(&staging), &what), None).await;
    assert!(resolved.unwrap().conflicts[0].is_resolved());
    ground.try_build(draft, Base::Environment(staging)).await.unwrap();
    let nowhere =
        rebase(&ground.engine, &ground.caller(), &ground.name, draft, Some(&of("nowhere"))).await.unwrap_err();
    assert_eq!(nowhere.kind(), FailureKind::NotFound);
}

async fn comparing_costs_what_differs(ground: &Ground) {
    let tar = (0..6_000).fold(Tar::new(), |tar, n| tar.file(&format!("img/{n:05}.svg"), format!("{}", n % 7)));
    ground.batch(tar.finish()).await.unwrap();
    release_beside(ground, vec![Add::Latest]).await;
    let draft = ground.release(vec![asset("img/03000.svg", 1)]).await;
    ground.put("img/03000.svg", "another").await;
    release_beside(ground, vec![asset("img/03000.svg", 2)]).await;
    let cold = ground.another().await;
    let before = cold.engine.store.counters();

    let found = rebased(&cold, draft).await;

    let after = cold.engine.store.counters();
    assert_eq!((found.conflicts.len(), found.came_in.len()), (1, 1));
    let read = after.gets - before.gets;
    assert!(read <= 8, "one leaf of dozens differs, and {read} objects were read");
}
