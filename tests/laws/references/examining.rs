//! Examining contents for references beside everything else: each asset where it is, and nothing holds up the others.

use std::collections::BTreeSet;

use shelfmark_domain::hash::PackId;
use shelfmark_domain::references::EXTRACTOR;
use shelfmark_engine::operations::references::{ExaminedAssets, examine_pending, used_by};
use shelfmark_engine::operations::{Expect, Move, collect_garbage, move_assets, remove, undelete};

use futures::TryStreamExt as _;

use crate::laws::assets::tars::tar_of;
use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, at_once, of};

laws![
    every_readable_asset_is_examined_once_and_again_where_it_moves,
    a_later_extractor_examines_everything_anew,
    what_is_lost_keeps_nobody_else_waiting,
    a_question_waits_for_no_more_than_it_may,
    many_examine_at_the_same_time_beside_uploads,
];

const READABLE: [&str; 9] =
    ["d/a.svg", "d/a.html", "d/a.xhtml", "d/a.css", "d/a.md", "d/a.json", "d/a.webmanifest", "d/a.gltf", "d/a.geojson"];

async fn examined(site: &Site) -> u64 {
    let ExaminedAssets { assets, failed } = examine_pending(&site.engine).await.unwrap();
    assert_eq!(failed, 0);
    assets
}

async fn is_used_by(site: &Site, path: &str) -> Vec<String> {
    let asset = site.asset(path).await.map(|asset| asset.id);
    let used = used_by(&site.engine, &site.row().await, path, asset, "", 100).await.unwrap();
    used.users.items.into_iter().map(|user| user.path).collect()
}

async fn every_readable_asset_is_examined_once_and_again_where_it_moves(ground: &Ground) {
    let all: Vec<&str> = READABLE.into_iter().chain(["d/a.png", "d/a.txt", "d/a.bin", "d/a.pdf"]).collect();
    ground.batch(tar_of(all.iter().map(|path| (*path, path.as_bytes())))).await.unwrap();
    let count = READABLE.len() as u64;
    // The database and the program must agree on what is readable: both say what is pending.
    assert_eq!([examined(ground).await, examined(ground).await], [count, 0]);
    let folder = Move::Folder { from: of("d"), to: of("e") };
    move_assets(&ground.engine, ground.caller(), &ground.name, folder, String::new()).await.unwrap();
    assert_eq!([examined(ground).await, examined(ground).await], [count, 0]);
    ground.put("e/a.css", "@import 'b.css';").await;
    ground.put("e/a.png", "other bytes").await;
    assert_eq!(examined(ground).await, 1);
    let file = Move::Asset { from: of("e/a.css"), to: of("f/a.css") };
    move_assets(&ground.engine, ground.caller(), &ground.name, file, String::new()).await.unwrap();
    assert_eq!(examined(ground).await, 1);
    let asset = ground.asset("f/a.css").await.unwrap().id;
    remove(&ground.engine, ground.caller(), &ground.name, of("f/a.css"), Expect::Anything, String::new())
        .await
        .unwrap();
    assert!(is_used_by(ground, "f/b.css").await.is_empty());
    undelete(&ground.engine, ground.caller(), &ground.name, asset, Some(of("g/a.css"))).await.unwrap();
    assert_eq!(examined(ground).await, 1);
    for (path, users) in [("e/b.css", 0), ("f/b.css", 0), ("g/b.css", 1)] {
        assert_eq!(is_used_by(ground, path).await.len(), users, "{path}");
    }
}

async fn a_later_extractor_examines_everything_anew(ground: &Ground) {
    for path in READABLE {
        ground.put(path, path).await;
    }
    ground.put("a.png", "a").await;
    assert_eq!(examined(ground).await, READABLE.len() as u64);
    let catalog = &ground.engine.catalog;
    assert!(!catalog.ask_for_references_of(EXTRACTOR).await.unwrap());
    assert_eq!(catalog.pending_references(None, None, 100).await.unwrap(), []);

    assert!(catalog.ask_for_references_of(EXTRACTOR + 1).await.unwrap());

    let pending = catalog.pending_references(None, None, 100).await.unwrap();
    let paths: BTreeSet<&str> = pending.iter().map(|asset| asset.path.as_str()).collect();
    assert_eq!(paths, READABLE.into());
    assert!(!catalog.ask_for_references_of(EXTRACTOR + 1).await.unwrap(), "it is asked for once");
}

async fn packs(site: &Site) -> BTreeSet<PackId> {
    site.engine.store.list_packs().map_ok(|pack| pack.id).try_collect().await.unwrap()
}

async fn what_is_lost_keeps_nobody_else_waiting(ground: &Ground) {
    ground.put("a.css", "@import 'c.css'; /* whole */").await;
    let before = packs(ground).await;
    ground.put("b.css", "@import 'c.css'; /* lost */").await;
    for pack in packs(ground).await.difference(&before) {
        ground.engine.store.delete_pack(pack).await.unwrap();
    }
    let fresh = ground.another().await;

    let examined = examine_pending(&fresh.engine).await.unwrap();

    assert_eq!(examined, ExaminedAssets { assets: 1, failed: 1 });
    let used = used_by(&fresh.engine, &fresh.row().await, "c.css", None, "", 10).await.unwrap();
    assert_eq!(used.users.items.len(), 1);
    assert!(!used.is_complete, "one of them can't be read");
}

async fn a_question_waits_for_no_more_than_it_may(ground: &Ground) {
    let files: Vec<(String, String)> =
        (0..600).map(|n| (format!("{n}.css"), format!("@import 'all.css'; /* {n} */"))).collect();
    ground.batch(tar_of(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))).await.unwrap();
    let mut limits = crate::laws::ground::limits();
    limits.pending_references_max = 100;
    let hurried = ground.with_limits(limits).await;
    let ask = async || used_by(&hurried.engine, &hurried.row().await, "all.css", None, "", 1_000).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let used = ask().await;
        seen.push(used.users.items.len());
        if used.is_complete {
            break;
        }
    }
    assert_eq!(seen, [256, 512, 600], "each question goes on where the one before has ended");
}

async fn many_examine_at_the_same_time_beside_uploads(ground: &Ground) {
    let others = [ground.another().await, ground.another().await];
    let sites: Vec<Site> = others.iter().cloned().chain([ground.site.clone()]).collect();
    let works = sites.into_iter().enumerate().map(|(n, site)| async move {
        for round in 0..6 {
            let files: Vec<(String, String)> = (0..20)
                .map(|file| (format!("{n}/{round}/{file}.css"), format!("@import '/all.css'; /* {} */", file % 7)))
                .collect();
            site.batch(tar_of(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))).await.unwrap();
            site.put("shared.css", format!("@import '/all.css'; /* {n} {round} */")).await;
            examine_pending(&site.engine).await.unwrap();
        }
    });
    at_once(works).await;
    collect_garbage(&ground.engine, &ground.caller()).await.unwrap();
    let used = used_by(&ground.engine, &ground.row().await, "all.css", None, "", 1_000).await.unwrap();
    assert_eq!((used.users.items.len(), used.is_complete), (3 * 6 * 20 + 1, true));
}
