//! Races with the collector when there is no grace at all: whatever nothing refers to is garbage at once. In each
//! round a few people meet the same new contents in all ways there are, while two collectors run; a store that dawdles
//! mixes their steps. `SHELFMARK_TEST_RACES` is how many rounds (30 by default).

use bytes::Bytes;
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::{
    AddedChange as Add, Base, Caller, Expect, Upload, add_changes, check_store, collect_garbage, remove, undelete,
};
use shelfmark_engine::store::Store;

use crate::laws::assets::tars::Tar;
use crate::laws::ground::chance::{Chance, noise, text};
use crate::laws::ground::faulty::Faults;
use crate::laws::ground::site::{Site, at_once, of};
use crate::laws::ground::{Backing, Database, Ground};

/// Rounds on one ground: the next one has no dictionary yet, and little to list.
const ROUNDS_ON_GROUND: usize = 30;
/// Small contents that come together: enough to train a dictionary.
const ICONS: u64 = 210;
/// The most turns that someone lets others go first.
const TURNS_MAX: usize = 200;

/// A content of some round. What shrinks is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    seed: u64,
    size: usize,
}

impl Content {
    fn bytes(self) -> Bytes {
        if self.size < 1_000 { text(self.seed, self.size) } else { noise(self.seed, self.size) }
    }
}

/// What was acknowledged: paths with their contents.
type Acknowledged = Vec<(String, Content)>;

/// Someone in one round.
struct Person {
    site: Site,
    /// Where nobody else puts anything.
    folder: String,
    /// What everyone in the round puts.
    contents: Vec<Content>,
    /// The contents are the first of many of their kind.
    has_icons: bool,
    chance: Chance,
}

impl Person {
    async fn let_others_go_first(&mut self) {
        for _ in 0..self.chance.below(TURNS_MAX) {
            tokio::task::yield_now().await;
        }
    }

    async fn put(&mut self) -> Acknowledged {
        let (path, content) = (format!("{}/put", self.folder), *self.chance.one_of(&self.contents));
        match self.site.upload(&path, Upload::default(), content.bytes()).await {
            Ok(_) => vec![(path, content)],
            Err(refused) => told_to_try_again(refused.kind(), &refused),
        }
    }

    /// Brings a content, perhaps with many icons before it.
    async fn send_batch(&mut self) -> Acknowledged {
        let (files, tar) = self.files();
        match self.site.batch(tar.finish()).await {
            Ok(_) => files,
            Err(refused) => told_to_try_again(refused.kind(), &refused),
        }
    }

    /// Sends a batch that is refused when all but its last pack are entered.
    async fn break_off(&mut self) -> Acknowledged {
        let lacks = [("SHELFMARK.known", "1"), ("SHELFMARK.content", &ContentId::of(b"never").to_string())];
        let tar = self.files().1.records("lacks", &lacks).finish();
        let refused = self.site.batch(tar).await.unwrap_err();
        assert!(matches!(refused.kind(), FailureKind::Conflict | FailureKind::Busy), "{refused}");
        Vec::new()
    }

    fn files(&mut self) -> (Acknowledged, Tar) {
        let mut files = Vec::new();
        if self.has_icons && self.chance.below(2) == 0 {
            let Content { seed, size } = self.contents[0];
            let icon = |n| (format!("{}/icon/{n}", self.folder), Content { seed: seed + n, size });
            files.extend((0..ICONS).map(icon));
        }
        let some = 1 + self.chance.below(self.contents.len());
        for n in 0..some {
            files.push((format!("{}/batch/{n}", self.folder), *self.chance.one_of(&self.contents)));
        }
        let tar = files.iter().fold(Tar::new(), |tar, (path, content)| tar.file(path, content.bytes()));
        (files, tar)
    }

    /// Puts, and promotes or takes back what came of it.
    async fn release(&mut self) -> Acknowledged {
        let acknowledged = self.put().await;
        let Some((path, content)) = acknowledged.first().cloned() else { return acknowledged };
        let (release, changes) =
            (self.site.release(Vec::new()).await, vec![Add::Asset { path: of(&path), version: None }]);
        let Site { engine, name, .. } = &self.site;
        if let Err(refused) = add_changes(engine, &self.site.caller(), name, release, changes, None).await {
            told_to_try_again(refused.kind(), &refused);
            return acknowledged;
        }
        match self.site.try_build(release, Base::FinalEnvironment).await {
            Ok(build) => {
                self.site.promote("production", build.name).await;
                let entries = self.site.entries(build.manifest).await;
                assert!(entries.contains_key(&path), "{path} with {content:?}");
                if self.chance.below(3) == 0 {
                    let _ = self.site.try_roll_back("production", None).await; // someone else may have moved it
                }
            }
            Err(refused) => drop(told_to_try_again(refused.kind(), &refused)),
        }
        acknowledged
    }

    /// Puts, deletes it and brings it back.
    async fn undelete(&mut self) -> Acknowledged {
        let acknowledged = self.put().await;
        if let Some((path, _)) = acknowledged.first() {
            let Site { engine, name, .. } = &self.site.clone();
            let asset = self.site.asset(path).await.unwrap().id;
            remove(engine, self.site.caller(), name, of(path), Expect::Anything, String::new()).await.unwrap();
            self.let_others_go_first().await;
            undelete(engine, self.site.caller(), name, asset, None).await.unwrap();
        }
        acknowledged
    }

    async fn collect(&mut self) -> Acknowledged {
        for _ in 0..1 + self.chance.below(3) {
            collect(&self.site).await;
            self.let_others_go_first().await;
        }
        Vec::new()
    }

    async fn work(mut self, what: usize) -> Acknowledged {
        self.let_others_go_first().await;
        match what {
            0 | 1 => self.collect().await,
            2 => self.break_off().await,
            3 => self.send_batch().await,
            4 => self.release().await,
            5 => self.undelete().await,
            _ => self.put().await,
        }
    }
}

const PEOPLE: usize = 8;

/// The collector may win; then the sender is told to try again, and nothing else.
fn told_to_try_again(kind: FailureKind, refused: &dyn std::error::Error) -> Acknowledged {
    assert_eq!(kind, FailureKind::Busy, "{refused}");
    Vec::new()
}

async fn collect(site: &Site) {
    let caller = Caller::new(site.who.clone(), site.engine.clock.now().plus_ms(1));
    collect_garbage(&site.engine, &caller).await.expect("garbage is collected");
}

async fn race(site: &Site, round: usize, chance: &mut Chance) -> Acknowledged {
    let kind = chance.below(40);
    let has_icons = kind < 2;
    let sizes = match kind {
        0 | 1 => [400; 3],
        2 => [9_000, 30_000, 300_000],
        _ => [700, 5_000, 12_000],
    };
    let seed = chance.below(usize::MAX) as u64;
    let contents = (seed..).zip(sizes).map(|(seed, size)| Content { seed, size }).collect::<Vec<_>>();
    let people = (0..PEOPLE).map(|person| {
        let (site, contents) = (site.clone(), contents.clone());
        let chance = Chance::of(chance.below(usize::MAX) as u64);
        Person { site, folder: format!("{round}/{person}"), contents, has_icons, chance }.work(person)
    });
    at_once(people).await.into_iter().flatten().collect()
}

/// Of icons, which are many, some; the check of the whole store reads all in the end.
async fn assert_readable(site: &Site, acknowledged: &Acknowledged) {
    let is_read = |path: &str| !path.contains("/icon/") || path.ends_with("77");
    for (path, content) in acknowledged.iter().filter(|(path, _)| is_read(path)) {
        assert!(site.bytes(path).await == content.bytes(), "{path} with {content:?}");
    }
}

async fn races_with_the_collector_lose_nothing(database: Database) {
    let rounds = std::env::var("SHELFMARK_TEST_RACES").map_or(30, |rounds| rounds.parse().expect("it is a number"));
    let (mut chance, mut files) = (Chance::new(), 0);
    for first in (0..rounds).step_by(ROUNDS_ON_GROUND) {
        let Some(ground) = Ground::open(database, Backing::Memory).await else { return };
        files += races(&ground, ROUNDS_ON_GROUND.min(rounds - first), &mut chance).await;
        ground.holds().await;
    }
    println!("{rounds} races, {files} files acknowledged");
    assert!(files > rounds, "the collector leaves people some room");
}

/// Returns how many files were acknowledged.
async fn races(ground: &Ground, rounds: usize, chance: &mut Chance) -> usize {
    let faults = Faults::default();
    faults.dawdle(Chance::of(chance.below(usize::MAX) as u64));
    // Nothing is remembered, so everything that is read comes from the store.
    let remembers_nothing =
        Limits { memory_content_bytes_max: 0, memory_contents_bytes: 0, memory_nodes_bytes: 0, ..Limits::default() };
    let limits = Limits { pack_bytes: 8 << 10, grace_ms: 0, readers_ms: 0, ..remembers_nothing };
    let site = ground.on_store_within(Store::from_object_store(faults.store()), limits).await;
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let new = race(&site, round, chance).await;
        assert_readable(&site, &new).await;
        acknowledged.extend(new);
    }
    collect(&site).await;
    assert_readable(&site, &acknowledged).await;
    let checked = check_store(&site.engine, &site.caller(), 100.0, |_| {}).await.expect("the store is read");
    assert_eq!((checked.contents.len(), checked.builds.len(), checked.unused_chunks), (0, 0, 0), "{checked:?}");
    acknowledged.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn races_with_the_collector_lose_nothing_on_sqlite() {
    races_with_the_collector_lose_nothing(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn races_with_the_collector_lose_nothing_on_postgres() {
    races_with_the_collector_lose_nothing(Database::Postgres).await;
}
