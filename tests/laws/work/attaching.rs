//! Uploads that name their item: what they make is attached in the same change, or nothing is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{StreamExt as _, stream};

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::work_item::{Transition, WorkStatus};
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::{Outcome, Upload, batch, put};

use super::{at, attached, authorised_item, enter, item, status, step};
use crate::laws::assets::tars::tar_of;
use crate::laws::ground::site::{at_once, body, of};
use crate::laws::ground::{Ground, limits};

laws![
    an_upload_attaches_what_it_makes,
    an_upload_for_an_item_that_takes_none_is_refused_before_its_bytes_come,
    many_uploads_at_once_all_attach,
    a_batch_attaches_all_that_it_makes_and_no_more_than_an_item_may_have,
];

fn upload(item: &str) -> Upload {
    Upload { item: Some(of(item)), ..Upload::default() }
}

async fn an_upload_attaches_what_it_makes(ground: &Ground) {
    ground.put("a", "one").await;
    let number = authorised_item(ground, "a logo", &[at("a", 1)]).await;
    assert_eq!(number, of("W-1"));

    let done = ground.upload("a", upload("W-1"), "two").await.unwrap();

    assert_eq!(done.asset.unwrap().version, 2);
    assert_eq!(attached(ground, number).await, [("a".to_owned(), 1), ("a".to_owned(), 2)]);
    assert_eq!(status(ground, number).await, WorkStatus::Resolved, "the yes was for the version before");
    let revision = item(ground, number).await.revision;
    let same = ground.upload("a", upload("W-1"), "two").await.unwrap();
    assert_eq!((same.outcome, item(ground, number).await.revision), (Outcome::Unchanged, revision));
    ground.put("a", "three").await;
    assert_eq!(attached(ground, number).await.len(), 2, "an upload that names no item attaches nothing");
}

async fn an_upload_for_an_item_that_takes_none_is_refused_before_its_bytes_come(ground: &Ground) {
    let number = enter(ground, "never mind").await;
    step(ground, number, Transition::Reject).await;
    for (name, kind) in [("W-1", FailureKind::Conflict), ("W-9", FailureKind::NotFound)] {
        let was_read = Arc::new(AtomicBool::new(false));
        let seen = was_read.clone();
        let bytes = stream::iter([Ok(Bytes::from_static(b"x"))]).inspect(move |_| seen.store(true, Ordering::SeqCst));
        let put = put(&ground.engine, ground.caller(), &ground.name, of("a"), upload(name), bytes);
        assert_eq!(put.await.unwrap_err().kind(), kind);
        let (engine, caller) = (&ground.engine, ground.caller());
        let tar = body(tar_of([("a", &b"x"[..])]));
        let sent = batch(engine, caller, &ground.name, String::new(), Some(of(name)), tar).await;
        assert_eq!(sent.unwrap_err().kind(), kind);
        assert!(!was_read.load(Ordering::SeqCst), "{name}");
    }
    assert!(ground.asset("a").await.is_none());
}

async fn many_uploads_at_once_all_attach(ground: &Ground) {
    let first = enter(ground, "one").await;
    let second = enter(ground, "two").await;
    step(ground, second, Transition::Resolve).await;
    let uploads = (0..40).map(|n| {
        let site = ground.site.clone();
        let name = if n % 2 == 0 { "W-1" } else { "W-2" };
        async move { site.upload(&format!("{n:02}"), upload(name), format!("{n}")).await.unwrap() }
    });
    at_once(uploads).await;
    assert_eq!(attached(ground, first).await.len(), 20);
    assert_eq!(attached(ground, second).await.len(), 20);
    assert_eq!(ground.paths().await.len(), 40);
}

async fn a_batch_attaches_all_that_it_makes_and_no_more_than_an_item_may_have(ground: &Ground) {
    let site = ground.with_limits(Limits { work_versions_max: 5, ..limits() }).await;
    let number = enter(&site, "icons").await;
    let send = async |files: &[(&str, &[u8])]| {
        let tar = body(tar_of(files.iter().copied()));
        batch(&site.engine, site.caller(), &site.name, String::new(), Some(number), tar).await
    };
    ground.put("a", "a").await;
    send(&[("a", b"a"), ("b", b"b"), ("c", b"c")]).await.unwrap();
    assert_eq!(attached(ground, number).await, [("b".to_owned(), 1), ("c".to_owned(), 1)]);

    let refused = send(&[("a", b"2"), ("b", b"2"), ("d", b"2"), ("e", b"2")]).await.unwrap_err();

    assert_eq!(refused.kind(), FailureKind::TooLarge, "{refused}");
    assert_eq!(attached(ground, number).await.len(), 2);
    assert!(ground.asset("d").await.is_none() && ground.bytes("a").await == b"a");
}
