//! Two engines on one database and one store, as two processes of a service have them.

use std::time::{Duration, Instant};

use shelfmark_engine::operations::{AddedChange as Add, Base, create_release};

use crate::laws::ground::chance::noise;
use crate::laws::ground::site::{Site, at_once, of, titled};
use crate::laws::ground::{Database, Ground};

laws![
    what_one_engine_stores_the_other_reads,
    a_promotion_is_seen_by_the_other_engine_within_a_second,
    numbers_of_two_engines_have_no_gaps,
    an_engine_that_starts_later_serves_what_was_promoted,
];

async fn what_one_engine_stores_the_other_reads(ground: &Ground) {
    let other = ground.another().await;
    let bytes = noise(1, 6_000_000);
    ground.put("large", bytes.clone()).await;
    assert!(other.bytes("large").await == bytes);
    other.put("large", "small").await;
    assert_eq!(ground.bytes("large").await, b"small");
    let build = other.build_latest().await;
    assert_eq!(ground.entries(build.manifest).await.len(), 1);
}

/// How long it took until the engine serves the build.
async fn until_served(site: &Site, build: shelfmark_domain::name::BuildName) -> Duration {
    const SLEEP: Duration = Duration::from_millis(5);
    let start = Instant::now();
    while site.serves("production") != Some(build) {
        assert!(start.elapsed() < Duration::from_secs(10), "it is never served");
        tokio::time::sleep(SLEEP).await;
    }
    start.elapsed()
}

async fn a_promotion_is_seen_by_the_other_engine_within_a_second(ground: &Ground) {
    if ground.database == Database::Sqlite {
        return; // one process at a time, says the lock of its folder
    }
    let other = ground.another().await;
    let following = tokio::spawn(other.engine.pointers.clone().follow());
    for n in 0..4 {
        ground.put("a", format!("{n}")).await;
        let build = ground.build_latest().await;
        ground.promote("production", build.name).await;
        let took = until_served(&other, build.name).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    let earlier = ground.roll_back("production").await.deployment.serves.build;
    assert!(until_served(&other, earlier).await < Duration::from_secs(1));
    following.abort();
}

async fn numbers_of_two_engines_have_no_gaps(ground: &Ground) {
    let other = ground.another().await;
    let sites = [ground.site.clone(), other.clone()];
    let works = (0..20).map(|n| {
        let site = sites[n % 2].clone();
        async move {
            let release = create_release(&site.engine, &site.caller(), &site.name, titled("x")).await.unwrap();
            (site.put("a", format!("{n}")).await.asset.unwrap().version, release.number.get())
        }
    });

    let (mut versions, mut releases): (Vec<i64>, Vec<i64>) = at_once(works).await.into_iter().unzip();

    versions.sort();
    releases.sort();
    assert_eq!((&versions, &releases), (&(1..=20).collect(), &(1..=20).collect()));
    assert_eq!(other.versions("a").await, ground.versions("a").await);
}

async fn an_engine_that_starts_later_serves_what_was_promoted(ground: &Ground) {
    ground.put("a", "x").await;
    let build = ground.build_latest().await;
    ground.promote("production", build.name).await;
    let release = ground.release(vec![Add::Asset { path: of("a"), version: None }]).await;

    let later = ground.another().await;

    assert_eq!((later.serves("production"), later.serves("staging")), (Some(build.name), None));
    assert_eq!(later.try_build(release, Base::Empty).await.unwrap().name, of("R-2.1"));
    assert_eq!(later.bytes("a").await, b"x");
}
