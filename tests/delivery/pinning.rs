//! What an environment serves, now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::StatusCode;
use shelfmark::config::Config;
use shelfmark_domain::hash::ContentId;
use shelfmark_engine::operations::create_project;

use super::shelf::{Shelf, config};
use crate::laws::ground::chance::noise;
use crate::laws::ground::site::of;
use crate::laws::ground::{new_database, psql, with_database};

const SPRING: Bytes = Bytes::from_static(b"spring");
const SUMMER: Bytes = Bytes::from_static(b"summer");

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_and_a_rollback_are_seen_at_once() {
    let shelf = Shelf::start().await;
    let address = "/e/site/production/hero.png";
    shelf.publish([("hero.png", SPRING)]).await;
    assert_eq!(shelf.bytes_at(address).await, SPRING);

    shelf.publish([("hero.png", SUMMER)]).await;
    assert_eq!(shelf.bytes_at(address).await, SUMMER);

    shelf.roll_back("production").await;
    assert_eq!(shelf.bytes_at(address).await, SPRING);
    assert_eq!(shelf.deployments("production").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_the_old_release_or_the_new_one_and_never_a_mixture() {
    let shelf = Arc::new(Shelf::start().await);
    let season = |seed| [("a.bin", noise(seed, 40_000)), ("b.bin", noise(seed + 1, 3_000_000))];
    let (spring, summer) = (season(10), season(20));
    let first = shelf.publish(spring.clone()).await;
    let second = shelf.publish(summer.clone()).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for at in [0, 1, 0, 1] {
        let (shelf, is_over) = (shelf.clone(), is_over.clone());
        let builds = [(first.clone(), spring[at].1.clone()), (second.clone(), summer[at].1.clone())];
        let address = format!("/e/site/production/{}", spring[at].0);
        readers.push(tokio::spawn(async move {
            let mut read = 0;
            while !is_over.load(Ordering::Relaxed) {
                let got = shelf.fetch(&address).await;
                let named = builds.iter().find(|(build, _)| got.header("shelfmark-release") == build);
                let (_, expected) = named.expect("it is one of the two");
                assert!(got.status == StatusCode::OK && got.body == *expected, "{:?}", got.headers);
                assert_eq!(got.header("etag"), format!("\"{}\"", ContentId::of(expected)));
                read += 1;
            }
            read
        }));
    }

    for _ in 0..50 {
        shelf.roll_back("production").await;
        shelf.promote("production", of(&second)).await;
    }

    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.expect("it saw no mixture") > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterday_is_served_as_it_was() {
    let shelf = Shelf::start().await;
    let address = "/e/site/production/hero.png";
    let before = shelf.engine.clock.now();
    shelf.engine.clock.jump_ms(1_000);
    let first = shelf.publish([("hero.png", SPRING)]).await;
    let yesterday = shelf.engine.clock.now();
    shelf.engine.clock.jump_ms(86_400_000);
    shelf.publish([("hero.png", SUMMER), ("new.png", SUMMER)]).await;

    let then = shelf.fetch(&format!("{address}?at={yesterday}")).await;
    assert_eq!((then.status, then.header("shelfmark-release")), (StatusCode::OK, first.as_str()));
    assert_eq!(then.body, SPRING);
    let new = shelf.fetch(&format!("/e/site/production/new.png?at={yesterday}")).await;
    assert_eq!(new.status, StatusCode::NOT_FOUND);
    let now = shelf.engine.clock.now();
    assert_eq!(shelf.bytes_at(&format!("{address}?at={now}")).await, SUMMER);

    let too_early = shelf.fetch(&format!("{address}?at={before}")).await;
    assert_eq!(too_early.status, StatusCode::NOT_FOUND);
    assert!(too_early.problem().contains("serves only since"), "{}", too_early.problem());
    for wrong in ["yesterday", "2026-02-30T00:00:00Z", "2026-03-01", ""] {
        let refused = shelf.fetch(&format!("{address}?at={wrong}")).await;
        assert_eq!((refused.status, &refused.json()["field"]), (StatusCode::BAD_REQUEST, &"at".into()), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exact_build_and_a_content_stay_what_they_are() {
    let shelf = Shelf::start().await;
    let first = shelf.publish([("hero.png", SPRING)]).await;
    shelf.publish([("hero.png", SUMMER)]).await;
    let for_good = "public, max-age=31536000, immutable";

    let exact = shelf.fetch(&format!("/r/site/{first}/hero.png")).await;
    assert_eq!((exact.body.clone(), exact.header("cache-control")), (SPRING, for_good));
    assert_eq!(exact.header("shelfmark-release"), first);
    let content = shelf.fetch(&format!("/c/site/{}/hero.png", ContentId::of(&SPRING))).await;
    assert_eq!((content.body.clone(), content.header("cache-control")), (SPRING, for_good));
    assert_eq!(content.header("content-type"), "image/png");

    let release = first.split('.').next().expect("a build names its release");
    shelf.put("hero.png", "autumn").await;
    let latest = shelf.fetch(&format!("/r/site/{release}/hero.png")).await;
    assert_eq!(latest.body, SPRING);
    assert!(latest.header("cache-control").starts_with("public, max-age=10"), "{latest:?}");
    let malformed = shelf.fetch("/r/site/latest/hero.png").await;
    assert_eq!((malformed.status, &malformed.json()["field"]), (StatusCode::BAD_REQUEST, &"build".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_have_addresses() {
    let shelf = Shelf::start().await;
    shelf.publish([("img/ä b.png", SPRING)]).await;
    assert_eq!(shelf.bytes_at("/e/site/production/img/%C3%A4%20b.png").await, SPRING);
    assert_eq!(shelf.bytes_at("/e/site/production/img/ä%20b.png").await, SPRING);
    for nothing in ["", "/", "/img", "/img/", "/img/x.png", "/-/x", "/-/access/", "/-", "/img//a.png"] {
        let missing = shelf.fetch(&format!("/r/site/R-1.1{nothing}")).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{nothing}");
        missing.problem();
    }
    let broken = shelf.fetch("/e/site/production/img/%FF.png").await;
    assert_eq!((broken.status, &broken.json()["field"]), (StatusCode::BAD_REQUEST, &"path".into()));
}

/// What two processes on one PostgreSQL and one store promise. It needs a PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_follows_within_a_second() {
    let Some((server, name)) = new_database() else { return };
    let both = tempfile::tempdir().expect("there is room for a folder");
    let one_of_two = |folder: &str| -> Config {
        let mut config = config(both.path().join(folder));
        config.database.url = with_database(&server, &name);
        config
    };
    for folder in ["one", "two"] {
        std::fs::create_dir(both.path().join(folder)).expect("it is made");
    }
    std::fs::create_dir(both.path().join("store")).expect("it is made");
    for folder in ["one", "two"] {
        let link = both.path().join(folder).join("store");
        std::os::unix::fs::symlink(both.path().join("store"), link).expect("it is made");
    }
    let temporary = || tempfile::tempdir().expect("there is room for a folder");
    let one = Shelf::on(one_of_two("one"), temporary()).await;
    let two = Shelf::on(one_of_two("two"), temporary()).await;
    create_project(&one.engine, &one.caller(), &one.name, "").await.expect("a project can be made");
    one.set_visibility("production", shelfmark_domain::pin::Visibility::Public).await;

    for season in 0..5 {
        let bytes = noise(season, 1_000);
        one.publish([("hero.png", bytes.clone())]).await;
        let promoted = Instant::now();
        while two.fetch("/e/site/production/hero.png").await.body != bytes {
            assert!(promoted.elapsed() < Duration::from_secs(1), "the other process lags behind");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    one.running.stop().await.expect("it stops");
    two.running.stop().await.expect("it stops");
    psql(&server, &format!("DROP DATABASE {name} WITH (FORCE)"));
}
