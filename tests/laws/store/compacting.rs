//! Packs that are mostly garbage: what is needed of them moves, the rest goes, and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;

use shelfmark_domain::chunk_list::SEGMENT_CHUNKS_MAX;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::ChunkId;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::{BodyError, Caller, Collected, batch, collect_garbage, plan_collection};
use shelfmark_engine::store::Store;

use super::garbage::{
    LATER_MS, assert_whole, break_off, break_off_after, collect, collect_all, later, much_later, objects,
};
use crate::laws::assets::tars::tar_of;
use crate::laws::ground::chance::noise;
use crate::laws::ground::faulty::{Call, Faults, Moment};
use crate::laws::ground::site::{Site, body};
use crate::laws::ground::{Backing, Database, Ground, limits};

laws![
    what_is_needed_of_a_pack_that_is_mostly_garbage_moves_and_the_rest_goes,
    what_is_stored_with_a_dictionary_moves_as_it_is,
    a_dry_run_names_exactly_what_is_compacted,
    one_collection_copies_no_more_than_it_may,
    whoever_reads_or_uploads_beside_a_compaction_does_not_fail,
    whoever_reads_goes_on_where_a_later_segment_has_moved_to,
    whatever_fails_of_the_store_loses_nothing_and_the_next_collection_goes_on,
    a_compaction_that_ends_in_the_middle_is_done_again,
];

const KEPT_BYTES: usize = 1_500_000;

/// Stores the first eighth of a content of which the rest is garbage, in packs that are full of both.
async fn keep_some(site: &Site, broken: &Site, seed: u64) {
    break_off(broken, seed).await;
    site.put(&format!("{seed}"), noise(seed, KEPT_BYTES)).await;
}

async fn assert_kept(site: &Site, seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        assert!(site.bytes(&format!("{seed}")).await == noise(seed, KEPT_BYTES), "{seed}");
    }
}

async fn what_is_needed_of_a_pack_that_is_mostly_garbage_moves_and_the_rest_goes(ground: &Ground) {
    for seed in 0..3 {
        keep_some(ground, ground, seed).await;
    }
    let build = ground.build_latest().await;
    assert_kept(ground, 0..3).await; // it is remembered now where everything is

    collect_all(ground).await;

    let (stored_bytes, packs) = {
        let statistics = ground.statistics().await;
        (statistics.stored_bytes as usize, statistics.packs)
    };
    assert!(stored_bytes < 3 * KEPT_BYTES + KEPT_BYTES / 10, "{stored_bytes} bytes are stored");
    assert_eq!(objects(ground).await.len() as u64, packs);
    assert_kept(ground, 0..3).await;
    assert_kept(&ground.another().await, 0..3).await;
    assert_eq!(ground.entries(build.manifest).await.len(), 3);
    assert_whole(ground).await;
    let there = objects(ground).await;
    collect_all(ground).await;
    assert_eq!(objects(ground).await, there, "what has been written anew stays");
}

async fn what_is_stored_with_a_dictionary_moves_as_it_is(ground: &Ground) {
    let small = Limits { pack_bytes: 32 << 10, ..limits() };
    let site = ground.with_limits(small).await;
    let icon = |n: usize| {
        let path: String = noise(n as u64, 200).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("<svg viewBox=\"0 0 24 24\"><path fill=\"currentColor\" d=\"M{path}z\"/><title>{n}</title></svg>")
    };
    let tar = |icons: std::ops::Range<usize>| {
        let files: Vec<_> = icons.map(|n| (format!("icons/{n}.svg"), icon(n))).collect();
        tar_of(files.iter().map(|(path, icon)| (path.as_str(), icon.as_bytes())))
    };
    site.batch(tar(0..300)).await.expect("it is stored");
    assert!(site.row().await.dictionary.is_some(), "they are alike");
    let broken = body(tar(400..4_400)).chain(futures::stream::iter([Err(BodyError("cut".into()))]));
    let refused = batch(&site.engine, site.caller(), &site.name, String::new(), None, broken).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Invalid);
    let kept: Vec<usize> = (400..4_400).step_by(160).collect();
    for n in &kept {
        site.put(&format!("icons/{n}.svg"), icon(*n)).await;
    }
    let ids: Vec<ChunkId> = kept.iter().map(|n| ChunkId::of(icon(*n).as_bytes())).collect();
    let before = site.engine.catalog.locate(&ids).await.expect("they are found");

    collect_all(&site).await;

    let after = site.engine.catalog.locate(&ids).await.expect("they are found");
    let moved = ids.iter().filter(|id| before[*id].reference.is_some() && before[*id].pack != after[*id].pack).count();
    assert!(moved > 5, "{moved} moved");
    for id in &ids {
        let (before, after) = (&before[id], &after[id]);
        assert_eq!((before.encoding, before.reference), (after.encoding, after.reference));
        assert_eq!((before.stored_length, before.length), (after.stored_length, after.length));
    }
    for n in (0..300).chain(kept) {
        assert_eq!(site.bytes(&format!("icons/{n}.svg")).await, icon(n).as_bytes());
    }
    assert_whole(ground).await;
}

async fn a_dry_run_names_exactly_what_is_compacted(ground: &Ground) {
    keep_some(ground, ground, 1).await;
    keep_some(ground, ground, 2).await;
    let at_once = ground.with_limits(Limits { readers_ms: 0, ..limits() }).await;
    for (site, now_ms) in [(&ground.site, LATER_MS), (&at_once, 2 * LATER_MS), (&at_once, 3 * LATER_MS)] {
        if now_ms == 2 * LATER_MS {
            keep_some(ground, ground, 3).await;
        }
        let caller = Caller::new(ground.who.clone(), ground.engine.clock.now().plus_ms(now_ms));
        let mut planned = plan_collection(&site.engine, &caller).await.expect("it is planned");
        assert_eq!(plan_collection(&site.engine, &caller).await.expect("it is planned"), planned);
        let mut collected = collect(site, &caller).await;
        assert_eq!(collected.compacted.packs.is_empty(), now_ms == 3 * LATER_MS, "{collected:?}");
        for lists in [&mut planned, &mut collected] {
            lists.retired.sort();
            lists.deleted.sort();
        }
        assert_eq!(planned, collected);
    }
    assert_kept(ground, 1..4).await;
}

async fn one_collection_copies_no_more_than_it_may(ground: &Ground) {
    for seed in 0..3 {
        keep_some(ground, ground, seed).await;
    }
    let little = ground.with_limits(Limits { compact_bytes_max: 1, ..limits() }).await;
    let never = ground.with_limits(Limits { compact_below_permille: 0, ..limits() }).await;
    assert_eq!(collect(&never, &later(ground)).await.compacted.packs.len(), 0);
    for left in [3, 2, 1] {
        let compacted = collect(&little, &later(ground)).await.compacted;
        assert_eq!(compacted.packs.len(), 1, "{left} are left");
        assert!(compacted.copied_bytes < compacted.bytes / 2, "{compacted:?}");
    }
    assert_eq!(collect(&little, &later(ground)).await, Collected::default());
    assert_kept(ground, 0..3).await;
}

/// Uploads that broke off are over after a minute, those that run have a day; the collector is two minutes ahead, knows
/// no grace for readers and compacts one pack at a time.
async fn whoever_reads_or_uploads_beside_a_compaction_does_not_fail(ground: &Ground) {
    const MINUTE_MS: i64 = 60_000;
    let contents = if ground.backing == Backing::Bucket { 2 } else { 8 };
    let brief = ground.with_limits(Limits { grace_ms: MINUTE_MS, ..limits() }).await;
    for seed in 0..contents {
        keep_some(ground, &brief, seed).await;
    }
    let collector = ground.with_limits(Limits { compact_bytes_max: 1, readers_ms: 0, ..limits() }).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..3)
        .map(|person: u64| {
            let (site, is_over) = (ground.site.clone(), is_over.clone());
            tokio::spawn(async move {
                for round in 0.. {
                    let seed = (round + person) % contents;
                    assert_kept(&site, [seed]).await;
                    site.put(&format!("again/{person}/{round}"), noise(seed, KEPT_BYTES)).await;
                    site.put(&format!("new/{person}/{round}"), noise(1_000 * (person + 1) + round, 300_000)).await;
                    if is_over.load(Ordering::Relaxed) {
                        return round + 1;
                    }
                }
                0
            })
        })
        .collect();
    let mut compacted = 0;
    while compacted < contents {
        let caller = Caller::new(ground.who.clone(), ground.engine.clock.now().plus_ms(2 * MINUTE_MS));
        compacted += collect(&collector, &caller).await.compacted.packs.len() as u64;
    }
    is_over.store(true, Ordering::Relaxed);
    for (person, busy) in (0..).zip(busy) {
        for round in 0..busy.await.expect("nothing fails") {
            let seed: u64 = (round + person) % contents;
            assert!(ground.bytes(&format!("again/{person}/{round}")).await == noise(seed, KEPT_BYTES));
        }
    }
    assert_whole(ground).await;
}

async fn whoever_reads_goes_on_where_a_later_segment_has_moved_to(ground: &Ground) {
    if (ground.database, ground.backing) != (Database::Sqlite, Backing::Memory) {
        return; // it is long
    }
    // The content's end was stored first, in pieces among garbage: so its last segment is in packs that go.
    let pieces: Vec<Bytes> = (0..40).map(|n| noise(100 + n, 400_000)).collect();
    let among = pieces.iter().flat_map(|piece| [noise(u64::from(piece[0]), 1_200_000), piece.clone()]);
    let start_of_larger_chunks = noise(1, 17 << 20);
    let broken: Vec<Bytes> = [start_of_larger_chunks].into_iter().chain(among).chain([noise(2, 9_000_000)]).collect();
    break_off_after(ground, broken.concat().into()).await;
    let chunks = ground.statistics().await.chunks;
    let bytes: Bytes = [noise(3, 270 << 20)].into_iter().chain(pieces).collect::<Vec<_>>().concat().into();
    let stored = ground.put("large", bytes.clone()).await.asset.expect("it is there");
    let chunks = (ground.statistics().await.chunks - chunks) as usize;
    assert!(chunks > SEGMENT_CHUNKS_MAX, "{chunks} are more than a segment has");
    assert!(ground.bytes("large").await == bytes, "it is remembered now where everything is");
    let (packs, collector) = (objects(ground).await, ground.another().await);

    let mut reading = ground.engine.contents.read(stored.content, 0..stored.size_bytes);
    let mut got = reading.next().await.expect("it has bytes").expect("they are read").to_vec();
    collect_all(&collector).await;
    let gone = packs.difference(&objects(ground).await).count();
    assert!(gone > 10, "{gone} packs are gone");
    while let Some(more) = reading.next().await {
        got.extend_from_slice(&more.expect("it goes on"));
    }
    assert!(got == bytes);
}

async fn whatever_fails_of_the_store_loses_nothing_and_the_next_collection_goes_on(ground: &Ground) {
    if ground.backing != Backing::Memory {
        return;
    }
    let faults = Faults::default();
    let site = ground.on_store(Store::from_object_store(faults.store())).await;
    let mut seed = 0;
    let calls = [(Call::Put, Moment::After), (Call::Delete, Moment::Before), (Call::Delete, Moment::After)];
    for (call, moment) in [(Call::Put, Moment::Before), (Call::Get, Moment::Before)].into_iter().chain(calls) {
        for n in 1.. {
            seed += 1;
            keep_some(&site, &site, seed).await;
            faults.fail(call, n, moment);
            let mut failed = Vec::new();
            for caller in [later(&site), much_later(&site, 2)] {
                failed.extend(collect_garbage(&site.engine, &caller).await.err().map(|error| error.kind()));
            }
            let is_over = faults.is_pending();
            faults.fail(call, 0, moment);
            assert_eq!(failed, if is_over { vec![] } else { vec![FailureKind::Busy] }, "{call:?} {n} {moment:?}");
            assert_kept(&site, [seed]).await;
            assert_whole(&site).await;
            site.engine.catalog.verify_audit().await.expect("it is whole");

            collect(&site, &much_later(&site, 3)).await;
            collect(&site, &much_later(&site, 4)).await;
            assert_kept(&site, [seed]).await;
            assert_eq!(objects(&site).await.len() as u64, site.statistics().await.packs, "nothing is left behind");
            let left = plan_collection(&site.engine, &much_later(&site, 4)).await.expect("it is planned");
            assert_eq!(left, Collected::default(), "{call:?} {n} {moment:?}");
            if is_over {
                assert!(n > 1, "a collection needs no {call:?}");
                break;
            }
        }
    }
    assert_kept(&site, 1..=seed).await;
}

async fn a_compaction_that_ends_in_the_middle_is_done_again(ground: &Ground) {
    if ground.backing != Backing::Memory {
        return;
    }
    let faults = Faults::default();
    let site = ground.on_store(Store::from_object_store(faults.store())).await;
    keep_some(&site, &site, 1).await;
    let stalled = faults.stall().await;
    let ended = tokio::spawn({
        let site = site.clone();
        async move { collect(&site, &later(&site)).await }
    });
    faults.until_waiting(1).await;
    ended.abort();
    assert!(ended.await.unwrap_err().is_cancelled());
    drop(stalled);
    assert_kept(&site, [1]).await;

    assert_eq!(collect(&site, &later(&site)).await.compacted.packs.len(), 1);
    collect_all(&site).await;
    assert_kept(&site, [1]).await;
    assert_eq!(objects(&site).await.len() as u64, site.statistics().await.packs);
    assert_whole(&site).await;
}
