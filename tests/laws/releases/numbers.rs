//! Numbers that people read (versions, releases, builds, audit entries) have no gaps, whoever races.

use shelfmark_engine::operations::{AddedChange, Base, Outcome, create_release};

use crate::laws::ground::Ground;
use crate::laws::ground::chance::noise;
use crate::laws::ground::site::{at_once, of, titled};

laws![
    versions_of_racing_puts_have_no_gaps,
    racing_puts_of_all_sizes_are_all_kept,
    releases_made_at_once_have_no_gaps,
    builds_made_at_once_have_no_gaps,
];

async fn versions_of_racing_puts_have_no_gaps(ground: &Ground) {
    let puts = (0..32).map(|n| {
        let site = ground.site.clone();
        async move { site.put("a", format!("version by {n}")).await }
    });

    let done = at_once(puts).await;

    let mut numbers: Vec<i64> = done.iter().map(|done| done.asset.as_ref().unwrap().version).collect();
    numbers.sort();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
    let versions = ground.versions("a").await;
    assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), numbers);
    for done in done {
        let asset = done.asset.unwrap();
        assert_eq!(versions[asset.version as usize - 1].content, asset.content, "each is what its sender was told");
    }
    let latest = ground.asset("a").await.unwrap().latest;
    assert_eq!(latest.number, 32);
}

async fn racing_puts_of_all_sizes_are_all_kept(ground: &Ground) {
    let bytes = |n: u64| noise(n % 9, [0, 40, 3_000, 100_000, 700_000][n as usize % 5]);
    let puts = (0..40_u64).map(|n| {
        let site = ground.site.clone();
        async move { site.put(&format!("{}/{}", n % 4, n % 20), bytes(n)).await }
    });

    let done = at_once(puts).await;

    let made = done.iter().filter(|done| done.outcome != Outcome::Unchanged).count() as u64;
    assert_eq!(ground.statistics().await.versions, made);
    for (n, done) in done.into_iter().enumerate() {
        let asset = done.asset.unwrap();
        assert!(ground.read(asset.content, 0..asset.size_bytes).await.unwrap() == bytes(n as u64), "{n}");
    }
}

async fn releases_made_at_once_have_no_gaps(ground: &Ground) {
    let releases = (0..24).map(|n| {
        let site = ground.site.clone();
        async move {
            let release = create_release(&site.engine, &site.caller(), &site.name, titled(format!("{n}"))).await;
            release.unwrap().number.get()
        }
    });
    let mut numbers = at_once(releases).await;
    numbers.sort();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
}

async fn builds_made_at_once_have_no_gaps(ground: &Ground) {
    ground.put("a", "x").await;
    let release = ground.release(vec![AddedChange::Asset { path: of("a"), version: None }]).await;
    let builds = (0..4).map(|_| {
        let site = ground.site.clone();
        async move { site.try_build(release, Base::Empty).await.unwrap() }
    });
    let builds = at_once(builds).await;

    let mut numbers: Vec<i64> = builds.iter().map(|build| build.name.number).collect();
    numbers.sort();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert!(builds.iter().all(|build| build.manifest == builds[0].manifest), "the same map has the same root");
}
