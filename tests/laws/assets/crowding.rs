//! Many uploads share a bounded memory: each of them gets through, and nobody who is slow keeps the others.

use futures::StreamExt as _;

use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::{Upload, put};

use crate::laws::ground::chance::noise;
use crate::laws::ground::site::{at_once, body, of};
use crate::laws::ground::{Ground, limits};

laws![uploads_that_share_little_memory_all_get_through, a_slow_upload_leaves_its_memory_to_the_others];

async fn uploads_that_share_little_memory_all_get_through(ground: &Ground) {
    let little = Limits { pack_memory_bytes: 1 << 20, ..limits() };
    let site = ground.with_limits(little).await;
    let puts = (0..6).map(|n| {
        let site = site.clone();
        async move { site.put(&format!("{n}"), noise(n, 5_000_000)).await }
    });
    at_once(puts).await;
    for n in 0..6 {
        assert!(ground.bytes(&format!("{n}")).await == noise(n, 5_000_000), "{n}");
    }
}

async fn a_slow_upload_leaves_its_memory_to_the_others(ground: &Ground) {
    let little = Limits { pack_memory_bytes: 3 << 20, ..limits() };
    let site = ground.with_limits(little).await;
    let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
    let rest = futures::stream::once(async move {
        waits.await.expect("it is told to go on");
        Ok(noise(2, 100_000))
    });
    let slow = tokio::spawn({
        let site = site.clone();
        let body = body(noise(1, 3_000_000)).chain(rest);
        async move { put(&site.engine, site.caller(), &site.name, of("slow"), Upload::default(), body).await }
    });

    let quick = (0..3).map(|n| {
        let site = site.clone();
        async move { site.put(&format!("{n}"), noise(10 + n, 9_000_000)).await }
    });
    at_once(quick).await;
    assert!(!slow.is_finished());
    go_on.send(()).expect("the slow one waits");

    slow.await.expect("it does not panic").expect("it is stored");
    assert!(ground.bytes("slow").await == [noise(1, 3_000_000), noise(2, 100_000)].concat());
}
