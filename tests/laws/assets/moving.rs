//! Where assets are: moving keeps histories and copies nothing; what is deleted can be brought back.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::path::InvalidPath;
use shelfmark_domain::pin::AssetId;
use shelfmark_engine::operations::{
    CommitError, EditError, Expect, Move, Outcome, PlaceError, edit_metadata, move_assets, remove, undelete,
};

use crate::laws::ground::Ground;
use crate::laws::ground::chance::noise;
use crate::laws::ground::site::{Site, of};

laws![
    a_moved_asset_keeps_its_history_and_no_bytes_are_copied,
    a_folder_moves_with_all_that_is_below_it,
    a_folder_moves_up_into_its_own_parent,
    a_folder_that_cannot_move_stays_whole,
    any_path_that_may_be_is_moved_and_listed,
    what_is_deleted_comes_back_with_its_history,
    a_deleted_asset_makes_way_for_a_new_one,
];

async fn go(site: &Site, from: &str, to: &str) -> Result<u64, PlaceError> {
    let what = match from.ends_with('/') {
        true => Move::Folder { from: of(from), to: of(to) },
        false => Move::Asset { from: of(from), to: of(to) },
    };
    move_assets(&site.engine, site.caller(), &site.name, what, "tidied".into()).await
}

async fn delete(site: &Site, path: &str) -> AssetId {
    let removed = remove(&site.engine, site.caller(), &site.name, of(path), Expect::Anything, String::new()).await;
    let (_, done) = removed.unwrap();
    assert_eq!(done.outcome, Outcome::Removed);
    done.asset.unwrap().id
}

async fn bring_back(site: &Site, asset: AssetId, to: Option<&str>) -> Result<String, PlaceError> {
    undelete(&site.engine, site.caller(), &site.name, asset, to.map(of)).await
}

async fn fill(site: &Site, paths: &[&str]) {
    for path in paths {
        site.put(path, format!("bytes of {path}")).await;
    }
}

async fn a_moved_asset_keeps_its_history_and_no_bytes_are_copied(ground: &Ground) {
    ground.put("old.bin", noise(1, 200_000)).await;
    ground.put("old.bin", noise(2, 200_000)).await;
    let before = (ground.asset("old.bin").await.unwrap(), ground.versions("old.bin").await);
    let (stored, counters) = (ground.statistics().await, ground.engine.store.counters());
    let revision = ground.row().await.asset_revision;

    assert_eq!(go(ground, "old.bin", "deep/new.bin").await.unwrap(), 1);

    let after = ground.asset("deep/new.bin").await.unwrap();
    assert_eq!((after.id, ground.versions("deep/new.bin").await), (before.0.id, before.1));
    assert!(ground.asset("old.bin").await.is_none());
    assert_eq!((ground.statistics().await, ground.engine.store.counters()), (stored, counters));
    assert!(ground.row().await.asset_revision > revision);
    assert_eq!(go(ground, "deep/new.bin", "deep/new.bin").await.unwrap(), 0);
}

async fn a_folder_moves_with_all_that_is_below_it(ground: &Ground) {
    fill(ground, &["a/1", "a/b/2", "a/b/c/3", "a0", "ab/4", "z"]).await;

    assert_eq!(go(ground, "a/", "new/place/").await.unwrap(), 3);

    assert_eq!(ground.paths().await, ["a0", "ab/4", "new/place/1", "new/place/b/2", "new/place/b/c/3", "z"]);
    assert_eq!(ground.bytes("new/place/b/c/3").await, b"bytes of a/b/c/3");
    assert_eq!(go(ground, "new/", "").await.unwrap(), 3);
    assert_eq!(ground.paths().await, ["a0", "ab/4", "place/1", "place/b/2", "place/b/c/3", "z"]);
}

async fn a_folder_moves_up_into_its_own_parent(ground: &Ground) {
    // a/x/x/1 goes to where a/x/1 is, which itself goes to a/1.
    fill(ground, &["a/x/1", "a/x/x/1", "a/x/x/x/1", "a/y"]).await;
    assert_eq!(go(ground, "a/x/", "a/").await.unwrap(), 3);
    assert_eq!(ground.paths().await, ["a/1", "a/x/1", "a/x/x/1", "a/y"]);
    assert_eq!(ground.bytes("a/x/1").await, b"bytes of a/x/x/1");
    assert_eq!(go(ground, "a/", "").await.unwrap(), 4);
    assert_eq!(ground.paths().await, ["1", "x/1", "x/x/1", "y"]);
}

async fn a_folder_that_cannot_move_stays_whole(ground: &Ground) {
    fill(ground, &["a/1", "a/2", "a/b/3", "c/2", "d"]).await;
    let before = (ground.paths().await, ground.row().await);

    assert!(matches!(go(ground, "a/", "a/b/").await, Err(PlaceError::IntoItself(_))));
    assert!(matches!(go(ground, "a/", "a/b/c/").await, Err(PlaceError::IntoItself(_))));
    assert!(matches!(go(ground, "/", "c/").await, Err(PlaceError::IntoItself(_))));
    assert!(matches!(go(ground, "a/", "c/").await, Err(PlaceError::Taken(path)) if path == "c/2"));
    assert!(matches!(go(ground, "a/1", "d").await, Err(PlaceError::Taken(_))));
    assert!(matches!(go(ground, "nothing/", "e/").await, Err(PlaceError::Nothing(_))));
    assert!(matches!(go(ground, "nothing", "e").await, Err(PlaceError::Nothing(_))));
    assert!(matches!(go(ground, "d/", "e/").await, Err(PlaceError::Nothing(_))), "d is no folder");
    let long = format!("{}/", "x".repeat(1_023));
    assert!(matches!(go(ground, "a/", &long).await, Err(PlaceError::Path(InvalidPath::TooLong(_)))));

    assert_eq!((ground.paths().await, ground.row().await), before);
}

async fn any_path_that_may_be_is_moved_and_listed(ground: &Ground) {
    let paths =
        ["\u{10ffff}/last", "日本/写真/🎉.jpg", "%_*'\"/a", "Ä/ö", "a b/c", "~/x", "\u{e000}", "...", "A/a", "a/a"];
    fill(ground, &paths).await;
    let mut sorted = paths;
    sorted.sort();
    assert_eq!(ground.paths().await, sorted, "by their bytes, on every database");

    for folder in ["\u{10ffff}/", "日本/写真/", "%_*'\"/", "Ä/", "a b/", "~/"] {
        assert_eq!(go(ground, folder, "né/🎈/").await.unwrap(), 1, "{folder}");
        assert_eq!(go(ground, "né/🎈/", folder).await.unwrap(), 1, "{folder}");
    }

    assert_eq!(ground.paths().await, sorted);
    for path in paths {
        assert_eq!(ground.bytes(path).await, format!("bytes of {path}").into_bytes());
    }
}

async fn what_is_deleted_comes_back_with_its_history(ground: &Ground) {
    ground.put("a", "one").await;
    ground.put("a", "two").await;
    let before = ground.versions("a").await;

    let asset = delete(ground, "a").await;

    assert!(ground.asset("a").await.is_none() && ground.paths().await.is_empty());
    let project = ground.row().await.number;
    let tombstone = ground.engine.catalog.asset(project, asset).await.unwrap().unwrap();
    assert!(tombstone.deleted_at.is_some());
    let edit = edit_metadata(
        &ground.engine,
        ground.caller(),
        &ground.name,
        asset,
        Default::default(),
        Expect::Anything,
        String::new(),
    );
    assert!(matches!(edit.await, Err(EditError::Commit(CommitError::Deleted(_)))));
    let again = remove(&ground.engine, ground.caller(), &ground.name, of("a"), Expect::Anything, String::new()).await;
    assert_eq!(again.unwrap_err().kind(), FailureKind::NotFound);

    assert_eq!(bring_back(ground, asset, None).await.unwrap(), "a");
    assert_eq!(ground.versions("a").await, before);
    assert!(matches!(bring_back(ground, asset, None).await, Err(PlaceError::NotDeleted(_))));
    let nobody = AssetId([7; 16]);
    assert!(matches!(bring_back(ground, nobody, None).await, Err(PlaceError::NoAsset(_))));
}

async fn a_deleted_asset_makes_way_for_a_new_one(ground: &Ground) {
    ground.put("a", "old").await;
    let old = delete(ground, "a").await;
    let done = ground.put("a", "new").await;
    assert_eq!((done.outcome, done.asset.as_ref().unwrap().version), (Outcome::Created, 1));
    assert_ne!(done.asset.unwrap().id, old);

    assert!(matches!(bring_back(ground, old, None).await, Err(PlaceError::Taken(_))));
    assert_eq!(bring_back(ground, old, Some("b")).await.unwrap(), "b");

    assert_eq!((ground.bytes("a").await, ground.bytes("b").await), (b"new".into(), b"old".into()));
    for _ in 0..2 {
        delete(ground, "a").await;
        ground.put("a", "newer").await;
    }
    let project = ground.row().await.number;
    let deleted = ground.engine.catalog.deleted_assets(project, "", ("", i64::MAX), 10).await.unwrap();
    assert_eq!(deleted.items.len(), 2);
}
