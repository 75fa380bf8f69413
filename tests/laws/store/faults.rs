//! Faults of the store: whichever write fails, nothing half is seen, and the same request succeeds when it is sent
//! again. And of several orders that are made durable together, one that fails takes nobody along.

use futures::StreamExt as _;

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_engine::operations::{
    AccessError, AddedChange as Add, Base, BatchError, CommitError, add_changes, batch,
};
use shelfmark_engine::store::Store;

use crate::laws::assets::tars::tar_of;
use crate::laws::ground::chance::noise;
use crate::laws::ground::faulty::{Call, Faults, Moment};
use crate::laws::ground::site::{Site, at_once, body};
use crate::laws::ground::{Backing, Database, Ground};

/// A site on a store that fails on request. The ground keeps its database.
async fn faulty(database: Database) -> Option<(Ground, Site, Faults)> {
    let ground = Ground::open(database, Backing::Memory).await?;
    let faults = Faults::default();
    let site = ground.on_store(Store::from_object_store(faults.store())).await;
    Some((ground, site, faults))
}

/// Everything that can be seen of the site.
async fn seen(site: &Site) -> (i64, Vec<String>, u64, u64, i64) {
    let statistics = site.statistics().await;
    let head = site.engine.catalog.audit_head().await.unwrap().0;
    (site.row().await.asset_revision, site.paths().await, statistics.versions, statistics.builds, head)
}

/// Lets each write of a piece of work fail in turn, until one round needs fewer writes than that. `work` gets a number
/// by which it does something new, and says why it failed.
async fn each_write_fails_once<W>(site: &Site, faults: &Faults, work: impl Fn(Site, usize) -> W)
where
    W: Future<Output = Result<(), FailureKind>>,
{
    let mut round = 0;
    for moment in [Moment::Before, Moment::After] {
        for n in 1.. {
            round += 1;
            let before = seen(site).await;
            faults.fail(Call::Put, n, moment);

            let done = work(site.clone(), round).await;

            if faults.is_pending() {
                assert_eq!(done, Ok(()));
                assert!(n > 1, "the work writes nothing");
                faults.fail(Call::Put, 0, moment);
                break;
            }
            assert!(matches!(done, Err(FailureKind::Busy | FailureKind::Internal)), "write {n} {moment:?}: {done:?}");
            assert_eq!(seen(site).await, before, "write {n} {moment:?}");
            assert_eq!(work(site.clone(), round).await, Ok(()), "again, after write {n} {moment:?}");
            assert_ne!(seen(site).await, before);
        }
    }
    site.engine.catalog.verify_audit().await.unwrap();
}

async fn put(site: Site, round: usize, size: usize) -> Result<(), FailureKind> {
    let (path, bytes) = (format!("{round}"), noise(round as u64, size));
    site.upload(&path, Default::default(), bytes.clone()).await.map_err(|error| error.kind())?;
    assert!(site.bytes(&path).await == bytes);
    Ok(())
}

async fn send_batch(site: Site, round: usize) -> Result<(), FailureKind> {
    let files: Vec<_> = (0..40).map(|n| (format!("{round}/{n}"), noise((round * 100 + n) as u64, 250_000))).collect();
    let tar = tar_of(files.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])));
    site.batch(tar).await.map_err(|error| error.kind())?;
    for (path, bytes) in &files {
        assert!(site.bytes(path).await == *bytes);
    }
    Ok(())
}

async fn build(site: Site, round: usize) -> Result<(), FailureKind> {
    let release = site.engine.catalog.releases(site.row().await.number, None, 1).await.unwrap().items[0].number;
    let parameter = shelfmark_domain::pin::Parameter { value: format!("{round}"), by_environment: [].into() };
    let change = Add::Parameter("round".parse().unwrap(), parameter);
    add_changes(&site.engine, &site.caller(), &site.name, release, vec![change], None).await.unwrap();
    let before = site.statistics().await.builds;
    match site.try_build(release, Base::Empty).await {
        Ok(build) => assert_eq!(site.entries(build.manifest).await.len(), 301),
        Err(error) => {
            assert_eq!(site.statistics().await.builds, before);
            return Err(error.kind());
        }
    }
    Ok(())
}

/// On each database.
macro_rules! on_both {
    ($($law:ident),+ $(,)?) => {
        mod on_sqlite { on_both!(@ Sqlite, $($law),+); }
        mod on_postgres { on_both!(@ Postgres, $($law),+); }
    };
    (@ $database:ident, $($law:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $law() {
            if let Some((ground, site, faults)) = super::faulty(super::Database::$database).await {
                super::$law(&site, &faults).await;
                ground.holds().await;
            }
        })+
    };
}
on_both![
    a_small_put_fails_whole_and_succeeds_again,
    a_large_put_fails_whole_and_succeeds_again,
    a_batch_fails_whole_and_succeeds_again,
    a_build_fails_whole_and_succeeds_again,
    puts_that_share_a_write_fail_together_and_succeed_again,
    a_batch_that_is_refused_late_takes_nobody_along,
    an_upload_that_is_given_up_leaves_nothing,
];

async fn a_small_put_fails_whole_and_succeeds_again(site: &Site, faults: &Faults) {
    each_write_fails_once(site, faults, |site, round| put(site, round, 5_000)).await;
    each_write_fails_once(site, faults, |site, round| put(site, 1_000 + round, 200_000)).await;
}

async fn a_large_put_fails_whole_and_succeeds_again(site: &Site, faults: &Faults) {
    each_write_fails_once(site, faults, |site, round| put(site, round, 14_000_000)).await;
}

async fn a_batch_fails_whole_and_succeeds_again(site: &Site, faults: &Faults) {
    each_write_fails_once(site, faults, send_batch).await;
}

async fn a_build_fails_whole_and_succeeds_again(site: &Site, faults: &Faults) {
    let files: Vec<String> = (0..300).map(|n| format!("{n}")).collect();
    site.batch(tar_of(files.iter().map(|path| (path.as_str(), &b"x"[..])))).await.unwrap();
    site.release(vec![Add::Latest]).await;
    // The change that makes each build another one is not part of what must fail as a whole.
    for (round, moment) in [Moment::Before, Moment::After].into_iter().enumerate() {
        faults.fail(Call::Put, 1, moment);
        assert!(build(site.clone(), round).await.is_err());
        assert_eq!(build(site.clone(), round).await, Ok(()));
    }
    assert_eq!(site.statistics().await.builds, 2);
}

async fn puts_that_share_a_write_fail_together_and_succeed_again(site: &Site, faults: &Faults) {
    let stalled = faults.stall().await;
    let first = tokio::spawn(put(site.clone(), 0, 100));
    faults.until_waiting(1).await;
    let puts: Vec<_> = (1..20).map(|round| tokio::spawn(put(site.clone(), round, 100))).collect();
    // The first write has begun and goes well; the second one is that of the puts that waited for it.
    faults.fail(Call::Put, 2, Moment::After);
    drop(stalled);
    assert_eq!(first.await.unwrap(), Ok(()));
    let mut failed = Vec::new();
    for (round, put) in (1..).zip(puts) {
        match put.await.unwrap() {
            Ok(()) => {}
            Err(_) => failed.push(round),
        }
    }
    assert!(!failed.is_empty());
    for round in &failed {
        assert!(site.asset(&format!("{round}")).await.is_none());
    }
    for done in at_once(failed.into_iter().map(|round| put(site.clone(), round, 100))).await {
        assert_eq!(done, Ok(()));
    }
    assert_eq!(site.paths().await.len(), 20);
}

async fn a_batch_that_is_refused_late_takes_nobody_along(site: &Site, faults: &Faults) {
    let (tar, other) = (tar_of([("a", &b"once"[..])]), tar_of([("a", &b"something else"[..])]));
    let send = |body| {
        let (site, caller) = (site.clone(), site.caller_with_key("k", "once"));
        async move { batch(&site.engine, caller, &site.name, String::new(), None, body).await }
    };
    // Two batches with one key are under way at the same time; the slow one has been let in before the quick one ends.
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let (let_in, is_let_in) = tokio::sync::oneshot::channel::<()>();
    let waits = futures::stream::once(async move {
        let_in.send(()).unwrap();
        wait.await.unwrap();
        Ok(bytes::Bytes::new())
    });
    let slow = tokio::spawn(send(waits.chain(body(other)).boxed()));
    is_let_in.await.unwrap();
    send(body(tar).boxed()).await.unwrap();
    site.put("a", "later").await;
    let stalled = faults.stall().await;
    let first = tokio::spawn(put(site.clone(), 0, 100));
    faults.until_waiting(1).await;
    go.send(()).unwrap();
    let after: Vec<_> = (0..20)
        .map(|n| {
            let site = site.clone();
            tokio::spawn(async move { site.put("a", format!("{n}")).await })
        })
        .collect();
    drop(stalled);

    match slow.await.unwrap() {
        Err(BatchError::Commit(CommitError::Access(error))) => assert!(matches!(*error, AccessError::KeyReused(_))),
        other => panic!("{other:?}"),
    }
    assert_eq!(first.await.unwrap(), Ok(()));
    for put in after {
        put.await.unwrap();
    }
    let numbers: Vec<i64> = site.versions("a").await.iter().map(|version| version.number).collect();
    assert_eq!(numbers, (1..=22).collect::<Vec<_>>());
    let entries = site.engine.catalog.audit_entries(None, None, 1_000).await.unwrap().items;
    assert_eq!(entries.iter().filter(|entry| entry.action == "assets.imported").count(), 1);
}

async fn an_upload_that_is_given_up_leaves_nothing(site: &Site, faults: &Faults) {
    let before = seen(site).await;
    let give_up = async |round, size| {
        let stalled = faults.stall().await;
        let upload = tokio::spawn(put(site.clone(), round, size));
        faults.until_waiting(1).await;
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
        assert_eq!(seen(site).await, before);
        drop(stalled);
    };

    give_up(1, 9_000_000).await;
    assert_eq!(seen(site).await, before);

    // A small one has been handed over when it is given up, and is carried out all the same.
    give_up(2, 1_000).await;
    site.put("next", "x").await;
    assert_eq!(site.paths().await, ["2", "next"]);
    assert_eq!(put(site.clone(), 1, 9_000_000).await, Ok(()));
}
