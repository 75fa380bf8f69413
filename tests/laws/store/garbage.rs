//! Garbage: what nothing refers to goes, and nothing else does, whoever races. And damage is found and named.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::TryStreamExt as _;

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::{ContentId, PackId};
use shelfmark_engine::operations::{
    Caller, Checked, Collected, Expect, Upload, check_store, collect_garbage, plan_collection,
};

use crate::laws::assets::tars::{Tar, tar_of};
use crate::laws::ground::chance::{Chance, noise, text};
use crate::laws::ground::site::{Site, at_once, body, of};
use crate::laws::ground::{Backing, Ground};

laws![
    what_is_referred_to_is_never_collected,
    an_upload_that_broke_off_is_collected_after_its_grace_and_not_before,
    a_dry_run_names_exactly_what_the_real_run_deletes,
    what_a_refused_put_brought_is_collected,
    a_chunk_that_is_met_again_is_kept_or_stored_anew,
    a_chunk_that_is_met_again_keeps_what_its_decoding_needs,
    puts_beside_the_collector_lose_nothing,
    a_whole_store_is_found_whole,
    a_lost_pack_is_named_by_what_it_touches,
    a_flipped_byte_is_found_and_never_served,
];

pub const LATER_MS: i64 = 10 * 365 * 86_400_000;

/// Someone who calls when every grace is over.
pub fn later(site: &Site) -> Caller {
    Caller::new(site.who.clone(), site.engine.clock.now().plus_ms(LATER_MS))
}

pub async fn collect(site: &Site, caller: &Caller) -> Collected {
    collect_garbage(&site.engine, caller).await.expect("garbage is collected")
}

/// Collects until nothing is left to do: objects go one run after their rows.
pub async fn collect_all(site: &Site) {
    collect(site, &later(site)).await;
    collect(site, &much_later(site, 2)).await;
}

/// When nobody reads any more what was still read `times - 1` as late.
pub fn much_later(site: &Site, times: i64) -> Caller {
    Caller::new(site.who.clone(), site.engine.clock.now().plus_ms(times * LATER_MS))
}

pub async fn objects(site: &Site) -> BTreeSet<PackId> {
    site.engine.store.list_packs().map_ok(|pack| pack.id).try_collect().await.expect("the store lists")
}

async fn check(site: &Site) -> Checked {
    check_store(&site.engine, &site.caller(), 100.0, |_| {}).await.expect("the store is read")
}

pub async fn assert_whole(site: &Site) {
    let checked = check(site).await;
    assert_eq!((checked.contents.len(), checked.builds.len(), checked.unused_chunks), (0, 0, 0), "{checked:?}");
}

/// An upload of 12 MB that ends with an error: some of its packs are entered.
pub async fn break_off(site: &Site, seed: u64) {
    break_off_after(site, noise(seed, 12_000_000)).await;
}

/// An upload that breaks off after these bytes.
pub async fn break_off_after(site: &Site, bytes: bytes::Bytes) {
    use futures::StreamExt as _;
    let broken = futures::stream::iter([Err(shelfmark_engine::operations::BodyError("cut".into()))]);
    let body = body(bytes).chain(broken);
    let put = shelfmark_engine::operations::put(
        &site.engine,
        site.caller(),
        &site.name,
        of("broken"),
        Upload::default(),
        body,
    );
    let refused = put.await.unwrap_err().kind(); // the collector may be the first to make it fail
    assert!(matches!(refused, FailureKind::Invalid | FailureKind::Busy), "{refused:?}");
}

async fn what_is_referred_to_is_never_collected(ground: &Ground) {
    ground.put("small", text(1, 900)).await;
    ground.put("large", noise(2, 12_000_000)).await;
    ground.put("small", text(3, 900)).await;
    let build = ground.build_latest().await;
    ground.promote("production", build.name).await;
    let (before, there) = (ground.statistics().await, objects(ground).await);

    collect_all(ground).await;

    assert_eq!((ground.statistics().await, objects(ground).await), (before, there));
    assert_eq!(ground.bytes("large").await, noise(2, 12_000_000));
    assert_eq!(ground.entries(build.manifest).await.len(), 2);
    assert_whole(ground).await;
}

async fn an_upload_that_broke_off_is_collected_after_its_grace_and_not_before(ground: &Ground) {
    ground.put("kept", noise(1, 5_000_000)).await;
    let (before, there) = (ground.statistics().await, objects(ground).await);
    break_off(ground, 7).await;
    assert!(objects(ground).await.len() > there.len(), "some of it has been stored");

    assert_eq!(collect(ground, &ground.caller()).await, Collected::default(), "its grace is not over");
    collect_all(ground).await;

    assert_eq!((ground.statistics().await, objects(ground).await), (before, there));
    assert_whole(ground).await;
}

async fn a_dry_run_names_exactly_what_the_real_run_deletes(ground: &Ground) {
    break_off(ground, 8).await;
    let first = later(ground);
    let second = Caller::new(ground.who.clone(), first.now.plus_ms(LATER_MS));
    for caller in [&first, &second] {
        let mut planned = plan_collection(&ground.engine, caller).await.unwrap();
        let mut collected = collect(ground, caller).await;
        for lists in [&mut planned, &mut collected] {
            lists.retired.sort();
            lists.deleted.sort();
        }
        assert_eq!(planned, collected);
    }
    assert_eq!(plan_collection(&ground.engine, &second).await.unwrap(), Collected::default());
    assert!(objects(ground).await.is_empty());
}

async fn what_a_refused_put_brought_is_collected(ground: &Ground) {
    ground.put("taken", noise(1, 100)).await;
    let there = objects(ground).await;
    for size in [1_000, 9_000_000] {
        let upload = Upload { expect: Expect::Absent, ..Upload::default() };
        let refused = ground.upload("taken", upload, noise(9, size)).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Stale);
    }
    collect_all(ground).await;
    assert_eq!(objects(ground).await, there);
    assert_whole(ground).await;
}

async fn a_chunk_that_is_met_again_is_kept_or_stored_anew(ground: &Ground) {
    break_off(ground, 11).await;
    let met = ground.put("met", noise(11, 12_000_000)).await; // counts on the provisional chunks of the other
    collect_all(ground).await;
    assert_eq!(ground.bytes("met").await, noise(11, 12_000_000));

    break_off(ground, 12).await;
    collect_all(ground).await;
    ground.put("anew", noise(12, 12_000_000)).await;
    assert_eq!(ground.bytes("anew").await, noise(12, 12_000_000));
    assert!(met.asset.is_some());
    assert_whole(ground).await;
}

async fn a_chunk_that_is_met_again_keeps_what_its_decoding_needs(ground: &Ground) {
    let icon = |n: u64| text(n, 900);
    let icons = (0..300).fold(Tar::new(), |tar, n| tar.file(&format!("{n}"), icon(n)));
    // A dictionary comes of the icons, and all are stored with it; then the batch turns out to be wrong.
    let large = icons.file("large", noise(1, 9_000_000));
    let lacks = [("SHELFMARK.known", "1"), ("SHELFMARK.content", &ContentId::of(b"never sent").to_string())];
    assert_eq!(ground.batch(large.records("lacks", &lacks).finish()).await.unwrap_err().kind(), FailureKind::Conflict);
    ground.put("met", icon(7)).await; // counts on a chunk of the refused batch, but not on its dictionary by name
    let both = tar_of([("first", &icon(8)[..]), ("second", &icon(9))]);
    ground.batch(both).await.unwrap();

    collect_all(ground).await;

    let afresh = ground.another().await; // remembers no dictionary
    for (path, n) in [("met", 7), ("first", 8), ("second", 9)] {
        assert!(afresh.bytes(path).await == icon(n), "{path}");
    }
    assert_whole(&afresh).await;
}

/// Four people put the same few contents again and again, whole or broken off, while two collectors run whose clocks
/// are years ahead: there is no grace at all. A put may be told to try again, but what was acknowledged stays.
async fn puts_beside_the_collector_lose_nothing(ground: &Ground) {
    let rounds = match ground.backing {
        Backing::Memory => 60,
        Backing::Folder => 15,
        Backing::Bucket => 4,
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let collectors: Vec<_> = (0..2)
        .map(|_| {
            let (site, is_over) = (ground.site.clone(), is_over.clone());
            tokio::spawn(async move {
                // Each run comes an hour after the one before, so that readers of what that one retired are done.
                let mut ahead_ms = LATER_MS;
                while !is_over.load(Ordering::Relaxed) {
                    ahead_ms += 3_600_000;
                    let caller = Caller::new(site.who.clone(), site.engine.clock.now().plus_ms(ahead_ms));
                    collect(&site, &caller).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let seed = Chance::new().below(1 << 30) as u64;
    let putting = (0..4).map(|person| {
        let site = ground.site.clone();
        async move {
            let mut chance = Chance::of(seed + person);
            let mut acknowledged = Vec::new();
            for round in 0..rounds {
                let (content, size) = (chance.below(6) as u64, *chance.one_of(&[700, 40_000, 5_000_000]));
                let bytes = noise(seed ^ content ^ size as u64, size);
                if chance.below(4) == 0 {
                    break_off(&site, seed ^ content ^ size as u64).await;
                }
                let path = format!("{person}/{round}");
                match site.upload(&path, Upload::default(), bytes.clone()).await {
                    Ok(_) => acknowledged.push((path, bytes)),
                    Err(refused) => assert_eq!(refused.kind(), FailureKind::Busy, "{refused}"),
                }
            }
            acknowledged
        }
    });
    let acknowledged: Vec<_> = at_once(putting).await.into_iter().flatten().collect();
    is_over.store(true, Ordering::Relaxed);
    for collector in collectors {
        collector.await.expect("the collector does not panic");
    }
    collect_all(ground).await;
    assert!(!acknowledged.is_empty());
    for (path, bytes) in acknowledged {
        assert!(ground.bytes(&path).await == bytes, "{path}");
    }
    assert_whole(ground).await;
}

async fn a_whole_store_is_found_whole(ground: &Ground) {
    ground.put("a.svg", text(1, 700)).await;
    ground.put("b.bin", noise(2, 3_000_000)).await;
    ground.put("empty", noise(3, 0)).await;
    ground.build_latest().await;
    let mut told = Vec::new();
    let checked = check_store(&ground.engine, &ground.caller(), 100.0, |progress| told.push(progress)).await.unwrap();
    assert!(checked.contents.is_empty() && checked.builds.is_empty());
    assert_eq!(checked.progress.checked_chunks, ground.statistics().await.chunks);
    assert_eq!(told.last(), Some(&checked.progress));
    for percent in [0.0, -1.0, 101.0, f64::NAN] {
        let refused = check_store(&ground.engine, &ground.caller(), percent, |_| {}).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Invalid);
    }
}

async fn a_lost_pack_is_named_by_what_it_touches(ground: &Ground) {
    ground.put("whole.bin", noise(1, 50_000)).await;
    let there = objects(ground).await;
    let lost = ground.put("lost.bin", noise(2, 2_000_000)).await.asset.unwrap();
    let gone: Vec<PackId> = objects(ground).await.difference(&there).copied().collect();
    let build = ground.build_latest().await;
    ground.promote("staging", build.name).await;

    for pack in gone {
        ground.engine.store.delete_pack(&pack).await.unwrap();
    }

    let checked = check(ground).await;
    let [damage] = &checked.contents[..] else { panic!("one content is damaged: {checked:?}") };
    assert_eq!(damage.content, lost.content);
    assert!(damage.reason.contains("missing"), "{}", damage.reason);
    let [used] = &damage.uses[..] else { panic!("one version has it: {damage:?}") };
    assert_eq!(
        (used.path.as_str(), used.version, used.releases.as_slice()),
        ("lost.bin", 1, &[build.name.release][..])
    );
    assert_eq!(damage.environments, [(ground.name.clone(), of("staging"))]);
    assert!(checked.builds.is_empty());
}

async fn a_flipped_byte_is_found_and_never_served(ground: &Ground) {
    let Some(path) = ground.folder() else { return };
    let hurt = ground.put("hurt.bin", noise(1, 400_000)).await.asset.unwrap();
    let [pack] = objects(ground).await.into_iter().collect::<Vec<_>>()[..] else { panic!("one pack") };
    let name = pack.to_string();
    let file = path.join("packs").join(&name[..2]).join(&name);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let afresh = ground.another().await; // remembers nothing of what was once right
    let read = afresh.read(hurt.content, 0..hurt.size_bytes).await.unwrap_err();
    assert_eq!(read.kind(), FailureKind::Corrupt);
    let checked = check(&afresh).await;
    assert_eq!(checked.contents.iter().map(|damage| damage.content).collect::<Vec<_>>(), [hurt.content]);
}
