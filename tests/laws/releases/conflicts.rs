//! Conflicts: a key that two open releases change is known of both at once.

use shelfmark_domain::name::ReleaseNumber;
use shelfmark_domain::pin::Visibility;
use shelfmark_engine::operations::{AddedChange as Add, ChangedLines, add_changes, cancel_release};

use crate::laws::ground::Ground;
use crate::laws::ground::site::{Site, of};

laws![of rows:
    a_key_that_two_open_releases_change_is_known_of_both,
    conflicts_come_in_pages,
    releases_that_are_no_longer_open_conflict_with_nothing,
];

fn asset(path: &str, version: i64) -> Add {
    Add::Asset { path: of(path), version: Some(version) }
}

async fn added(site: &Site, release: ReleaseNumber, changes: Vec<Add>) -> ChangedLines {
    add_changes(&site.engine, &site.caller(), &site.name, release, changes, None).await.unwrap()
}

/// The conflicts of a release, `limit` at a time: key, other release, whether both mean the same.
async fn conflicts(site: &Site, release: ReleaseNumber, limit: u32) -> Vec<(String, ReleaseNumber, bool)> {
    let project = site.row().await.number;
    let (mut found, mut after) = (Vec::new(), (String::new(), 0));
    loop {
        let page = site.engine.catalog.conflicts(project, release, (&after.0, after.1), limit).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items.into_iter().map(|row| (row.line.key.clone(), row.other, row.is_same())));
        if page.next.is_none() {
            return found;
        }
        let (key, other, _) = found.last().expect("a page that another follows has items").clone();
        after = (key, other.get());
    }
}

async fn count(site: &Site, release: ReleaseNumber) -> i64 {
    let project = site.row().await.number;
    site.engine.catalog.count_conflicts(project, release).await.unwrap()
}

async fn a_key_that_two_open_releases_change_is_known_of_both(ground: &Ground) {
    for path in ["a", "b", "c"] {
        ground.put(path, "1").await;
        ground.put(path, "2").await;
    }
    let one = ground.release(vec![asset("a", 1), asset("b", 1), Add::Access(of("x"), Visibility::Private)]).await;
    let two = ground.release(Vec::new()).await;

    let private = Add::Access(of("x"), Visibility::Private);
    let lines = added(ground, two, vec![asset("a", 2), asset("b", 1), asset("c", 1), private]).await;

    assert_eq!((lines.lines, lines.conflicts, lines.conflicts_with), (4, 3, vec![one]));
    let expected = |other| {
        [("-/access/x", true), ("a", false), ("b", true)].map(|(key, same)| (key.to_owned(), other, same)).to_vec()
    };
    assert_eq!(conflicts(ground, one, 10).await, expected(two));
    assert_eq!(conflicts(ground, two, 10).await, expected(one));
    assert_eq!((count(ground, one).await, count(ground, two).await), (3, 3));
    let elsewhere = ground.another_project("other").await;
    elsewhere.put("a", "1").await;
    let foreign = elsewhere.release(vec![asset("a", 1)]).await;
    assert_eq!(count(&elsewhere, foreign).await, 0, "projects have nothing to do with each other");
}

async fn conflicts_come_in_pages(ground: &Ground) {
    for path in ["a", "b", "c"] {
        ground.put(path, "1").await;
    }
    let mut releases = Vec::new();
    for _ in 0..4 {
        releases.push(ground.release(["a", "b", "c"].map(|path| asset(path, 1)).to_vec()).await);
    }
    let all = conflicts(ground, releases[1], 100).await;
    assert_eq!(all.len(), 9);
    assert!(all.is_sorted());
    for limit in 1..4 {
        assert_eq!(conflicts(ground, releases[1], limit).await, all);
    }
    assert_eq!(count(ground, releases[1]).await, 3);
}

async fn releases_that_are_no_longer_open_conflict_with_nothing(ground: &Ground) {
    ground.put("a", "1").await;
    let live = ground.build_of(vec![asset("a", 1)]).await;
    let given_up = ground.release(vec![asset("a", 1)]).await;
    let open = ground.release(vec![asset("a", 1)]).await;
    let others = async || -> Vec<ReleaseNumber> {
        conflicts(ground, open, 10).await.into_iter().map(|(_, other, _)| other).collect()
    };
    assert_eq!(others().await, [live.name.release, given_up]);
    ground.promote("production", live.name).await;
    assert_eq!(others().await, [given_up]);
    cancel_release(&ground.engine, &ground.caller(), &ground.name, given_up, ("".into(), None)).await.unwrap();
    assert_eq!((others().await, count(ground, open).await), (Vec::new(), 0));
    assert_eq!(added(ground, open, vec![asset("a", 1)]).await.conflicts, 0);
}
