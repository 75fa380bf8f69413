//! Uploads: what is put is read back, equal contents are stored once, and what is refused changes nothing.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::metadata::Metadata;
use shelfmark_engine::operations::{CommitError, Expect, Outcome, PutError, Upload, edit_metadata, remove, revert};

use crate::laws::ground::Ground;
use crate::laws::ground::chance::{Chance, noise, text};
use crate::laws::ground::site::{at_once, body, of};

laws![
    what_is_put_is_read_back_whole_and_in_any_range,
    a_large_content_is_read_back_whole_and_in_any_range,
    the_same_content_at_two_paths_is_stored_once,
    a_put_of_what_is_there_makes_no_version,
    the_same_large_content_sent_by_many_at_once_is_stored,
    a_content_that_was_asked_for_too_early_is_found_later,
    what_was_announced_wrongly_is_refused_and_changes_nothing,
    a_body_that_breaks_off_changes_nothing,
    of_many_puts_on_the_same_version_exactly_one_wins,
    what_is_expected_of_a_path_must_hold,
    a_revert_is_a_new_version,
    an_edit_of_metadata_is_a_version_with_the_same_content,
    metadata_and_messages_that_break_a_limit_are_refused,
];

const KIB: usize = 1 << 10;

async fn assert_reads_back(ground: &Ground, path: &str, bytes: &[u8], ranges: usize) {
    assert!(ground.bytes(path).await == bytes, "{path}: the whole of {} bytes", bytes.len());
    let latest = ground.asset(path).await.unwrap().latest;
    assert_eq!((latest.content, latest.size_bytes), (ContentId::of(bytes), bytes.len() as u64));
    let mut chance = Chance::of(bytes.len() as u64);
    for _ in 0..ranges {
        let from = chance.below(bytes.len() + 1);
        let to = from + chance.below(bytes.len() + 1 - from);
        let part = ground.read(latest.content, from as u64..to as u64).await.unwrap();
        assert!(part == bytes[from..to], "{path}: {from}..{to} of {}", bytes.len());
    }
}

async fn what_is_put_is_read_back_whole_and_in_any_range(ground: &Ground) {
    let sizes = [0, 1, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 5_000_000];
    for size in sizes {
        for (path, bytes) in [("noise", noise(size as u64, size)), ("text", text(size as u64, size))] {
            for length in [None, Some(size as u64)] {
                let path = format!("{path}/{size}/{length:?}");
                let upload = Upload { length, content: Some(ContentId::of(&bytes)), ..Upload::default() };
                let done = ground.upload(&path, upload, bytes.clone()).await.unwrap();
                assert_eq!(done.outcome, Outcome::Created);
                assert_reads_back(ground, &path, &bytes, 6).await;
            }
        }
    }
}

async fn a_large_content_is_read_back_whole_and_in_any_range(ground: &Ground) {
    let bytes = [noise(1, 20_000_000), text(2, 10_000_000), noise(1, 10_000_000)].concat();
    ground.put("large", bytes.clone()).await;
    assert_reads_back(ground, "large", &bytes, 20).await;
}

async fn the_same_content_at_two_paths_is_stored_once(ground: &Ground) {
    for (at, size) in [100, 100_000, 6_000_000].into_iter().enumerate() {
        let bytes = noise(at as u64, size);
        ground.put(&format!("{at}/first"), bytes.clone()).await;
        let (before, written) = (ground.statistics().await, ground.engine.store.counters());

        ground.put(&format!("{at}/second"), bytes.clone()).await;

        let after = ground.statistics().await;
        assert_eq!((after.stored_bytes, after.chunks), (before.stored_bytes, before.chunks), "{size}");
        assert_eq!(ground.engine.store.counters().puts, written.puts, "nothing is written for {size} bytes");
        assert_eq!(after.logical_bytes, before.logical_bytes + size as u64);
        assert_reads_back(ground, &format!("{at}/second"), &bytes, 3).await;
    }
}

async fn a_put_of_what_is_there_makes_no_version(ground: &Ground) {
    for size in [0, 10, 3_000_000] {
        let path = format!("{size}.bin");
        ground.put(&path, noise(1, size)).await;
        let before = ground.row().await;

        let done = ground.put(&path, noise(1, size)).await;

        assert_eq!(done.outcome, Outcome::Unchanged);
        assert_eq!(ground.row().await, before);
        assert_eq!(ground.versions(&path).await.len(), 1);
    }
}

async fn the_same_large_content_sent_by_many_at_once_is_stored(ground: &Ground) {
    let bytes = noise(3, 12_000_000);
    let puts = (0..6).map(|n| {
        let (site, bytes) = (ground.site.clone(), bytes.clone());
        async move { site.upload(&format!("copy/{n}"), Upload::default(), bytes).await }
    });

    for done in at_once(puts).await {
        assert_eq!(done.unwrap().outcome, Outcome::Created);
    }

    for n in 0..6 {
        assert_reads_back(ground, &format!("copy/{n}"), &bytes, 2).await;
    }
}

async fn a_content_that_was_asked_for_too_early_is_found_later(ground: &Ground) {
    let bytes = noise(4, 1_000_000);
    let id = ContentId::of(&bytes);
    assert!(ground.read(id, 0..10).await.is_err());
    assert!(!ground.engine.contents.is_stored(id, bytes.len() as u64).await.unwrap());

    ground.put("late", bytes.clone()).await;

    assert!(ground.engine.contents.is_stored(id, bytes.len() as u64).await.unwrap());
    assert_reads_back(ground, "late", &bytes, 3).await;
}

async fn what_was_announced_wrongly_is_refused_and_changes_nothing(ground: &Ground) {
    let before = ground.row().await;
    for size in [10, 300_000, 3_000_000] {
        let bytes = noise(5, size);
        for length in [size as u64 - 1, size as u64 + 1] {
            let upload = Upload { length: Some(length), ..Upload::default() };
            let error = ground.upload("a", upload, bytes.clone()).await.unwrap_err();
            assert!(matches!(error, PutError::WrongLength { announced, .. } if announced == length), "{error:?}");
        }
        let upload = Upload { content: Some(ContentId::of(b"other")), ..Upload::default() };
        let error = ground.upload("a", upload, bytes).await.unwrap_err();
        assert!(matches!(error, PutError::WrongContent { .. }) && error.kind() == FailureKind::Invalid, "{error:?}");
    }
    assert!(ground.asset("a").await.is_none());
    assert_eq!(ground.row().await, before);
}

async fn a_body_that_breaks_off_changes_nothing(ground: &Ground) {
    use futures::StreamExt as _;
    use shelfmark_engine::operations::{BodyError, put};
    for size in [10, 300_000, 9_000_000] {
        let broken = body(noise(6, size)).chain(futures::stream::iter([Err(BodyError("reset".into()))]));
        let put = put(&ground.engine, ground.caller(), &ground.name, of("a"), Upload::default(), broken);
        assert!(matches!(put.await.unwrap_err(), PutError::Body(_)));
    }
    assert!(ground.asset("a").await.is_none());
}

async fn of_many_puts_on_the_same_version_exactly_one_wins(ground: &Ground) {
    ground.put("a", "one").await;
    let puts = (0..24).map(|n| {
        let site = ground.site.clone();
        let upload = Upload { expect: Expect::Version(1), ..Upload::default() };
        async move { site.upload("a", upload, format!("two by {n}")).await }
    });

    let (won, lost): (Vec<_>, Vec<_>) = at_once(puts).await.into_iter().partition(Result::is_ok);

    assert_eq!((won.len(), lost.len()), (1, 23));
    for error in lost.into_iter().filter_map(Result::err) {
        assert!(matches!(&error, PutError::Commit(CommitError::Stale { expected: 1, found: 2, .. })), "{error:?}");
        assert_eq!(error.kind(), FailureKind::Stale);
    }
    assert_eq!(ground.versions("a").await.len(), 2);
}

async fn what_is_expected_of_a_path_must_hold(ground: &Ground) {
    let with = |expect| Upload { expect, ..Upload::default() };
    for expect in [Expect::Present, Expect::Version(1), Expect::Version(0)] {
        assert!(ground.upload("a", with(expect), "x").await.is_err(), "{expect:?} of nothing");
    }
    assert!(ground.asset("a").await.is_none());
    ground.upload("a", with(Expect::Absent), "1").await.unwrap();
    assert!(matches!(
        ground.upload("a", with(Expect::Absent), "2").await,
        Err(PutError::Commit(CommitError::Exists(_)))
    ));
    ground.upload("a", with(Expect::Present), "2").await.unwrap();
    ground.upload("a", with(Expect::Version(2)), "3").await.unwrap();
    assert_eq!(ground.bytes("a").await, b"3");
    let stale = remove(&ground.engine, ground.caller(), &ground.name, of("a"), Expect::Version(2), String::new()).await;
    assert_eq!(stale.unwrap_err().kind(), FailureKind::Stale);
    assert_eq!(ground.versions("a").await.len(), 3);
}

async fn a_revert_is_a_new_version(ground: &Ground) {
    let metadata = Metadata { title: Some("old".into()), ..Metadata::default() };
    let upload = Upload { metadata: Some(metadata.clone()), ..Upload::default() };
    ground.upload("a", upload, noise(1, 500_000)).await.unwrap();
    ground.upload("a", Upload { metadata: Some(Metadata::default()), ..Upload::default() }, "new").await.unwrap();
    let id = ground.asset("a").await.unwrap().id;
    let revert_to =
        |number| revert(&ground.engine, ground.caller(), &ground.name, id, number, Expect::Anything, "back".into());

    let (_, done) = revert_to(1).await.unwrap();

    assert_eq!(done.outcome, Outcome::Changed);
    let versions = ground.versions("a").await;
    assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((versions[2].reverted_from, versions[2].content), (Some(1), versions[0].content));
    assert_eq!((&versions[2].metadata, versions[2].message.as_str()), (&metadata, "back"));
    assert_eq!(revert_to(3).await.unwrap().1.outcome, Outcome::Unchanged);
    assert_eq!(revert_to(4).await.unwrap_err().kind(), FailureKind::NotFound);
    assert_eq!(revert_to(0).await.unwrap_err().kind(), FailureKind::NotFound);
}

async fn an_edit_of_metadata_is_a_version_with_the_same_content(ground: &Ground) {
    ground.put("a", "bytes").await;
    let id = ground.asset("a").await.unwrap().id;
    let edit = |title: &str, expect| {
        let metadata = Metadata { title: Some(title.to_owned()), ..Metadata::default() };
        edit_metadata(&ground.engine, ground.caller(), &ground.name, id, metadata, expect, String::new())
    };

    assert_eq!(edit("Tea", Expect::Version(1)).await.unwrap().1.outcome, Outcome::Changed);
    assert_eq!(edit("Tea", Expect::Anything).await.unwrap().1.outcome, Outcome::Unchanged);
    assert_eq!(edit("Coffee", Expect::Version(1)).await.unwrap_err().kind(), FailureKind::Stale);

    ground.put("a", "other bytes").await;
    let versions = ground.versions("a").await;
    assert_eq!(versions.len(), 3);
    assert_eq!(versions[0].content, versions[1].content);
    assert_eq!(versions[2].metadata.title.as_deref(), Some("Tea"), "an upload without metadata keeps it");
}

async fn metadata_and_messages_that_break_a_limit_are_refused(ground: &Ground) {
    let long = Metadata { title: Some("x".repeat(17 << 10)), ..Metadata::default() };
    let nul = Metadata { title: Some("a\0b".into()), ..Metadata::default() };
    let messages = ["x".repeat(17 << 10), "a\0b".to_owned()].map(|message| Upload { message, ..Upload::default() });
    let metadata = [long, nul].map(|metadata| Upload { metadata: Some(metadata), ..Upload::default() });
    for upload in messages.into_iter().chain(metadata) {
        let error = ground.upload("a", upload, "x").await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Invalid, "{error:?}");
    }
    ground.put("a", "x").await;
    for message in ["x".repeat(17 << 10), "a\0b".to_owned()] {
        let removed = remove(&ground.engine, ground.caller(), &ground.name, of("a"), Expect::Anything, message).await;
        assert_eq!(removed.unwrap_err().kind(), FailureKind::Invalid);
    }
    assert_eq!(ground.versions("a").await.len(), 1);
}
