//! Faults of the database: whichever statement fails, and whichever commit takes effect and is reported as failed,
//! nothing half is seen, and the same request succeeds when it is sent again, without happening twice.

use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{BuildName, ReleaseNumber};
use shelfmark_domain::pin::{AssetId, Parameter};
use shelfmark_engine::operations::{
    AddedChange as Add, Base, Caller, Collected, DateDraft, Expect, Keeping, Move, Resolution, build, collect_garbage,
    move_assets, plan_collection, propose_date, rebase, remove, resolve_conflicts, undelete,
};

use crate::laws::assets::tars::{Tar, tar_of};
use crate::laws::ground::chance::noise;
use crate::laws::ground::failing::Statements;
use crate::laws::ground::faulty::Moment;
use crate::laws::ground::site::{Site, of};
use crate::laws::ground::{Backing, Database, Ground};

/// Every way to something durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Put,
    /// Of several packs.
    LargePut,
    Batch,
    Build,
    Promote,
    RollBack,
    Move,
    Remove,
    Undelete,
    Collect,
    ProposeDate,
    Resolve,
}

/// One time of it, made ready.
struct Round {
    work: Work,
    number: usize,
    asset: Option<AssetId>,
    release: Option<ReleaseNumber>,
    /// What an environment is to serve.
    target: Option<BuildName>,
}

const LATER_MS: i64 = 10 * 365 * 86_400_000;
const BATCH_FILES: usize = 3;

impl Round {
    /// `through` has small packs.
    async fn prepare(site: &Site, through: &Site, work: Work, number: usize) -> Self {
        let mut round = Self { work, number, asset: None, release: None, target: None };
        match work {
            Work::Put | Work::LargePut | Work::Batch => {}
            Work::Build => round.release = Some(site.release(vec![parameter(number)]).await),
            Work::Promote => round.target = Some(site.build_of(vec![parameter(number)]).await.name),
            Work::RollBack => {
                let first = site.build_of(vec![parameter(2 * number)]).await;
                let second = site.build_of(vec![parameter(2 * number + 1)]).await;
                site.promote("staging", first.name).await;
                site.promote("staging", second.name).await;
                round.target = Some(first.name);
            }
            Work::Move | Work::Remove | Work::Undelete => {
                round.asset = Some(site.put(&round.path(), format!("{number}")).await.asset.unwrap().id);
            }
            Work::Collect => refused_batch(through, number).await,
            Work::ProposeDate => round.release = Some(site.release(Vec::new()).await),
            Work::Resolve => {
                let line = |version| Add::Asset { path: of(round.path()), version: Some(version) };
                site.put(&round.path(), "ours").await;
                site.put(&round.path(), "theirs").await;
                let draft = site.release(vec![line(1)]).await;
                let beside = site.build_of(vec![line(2)]).await;
                site.promote("production", beside.name).await;
                round.release = Some(draft);
            }
        }
        if work == Work::Undelete {
            round.remove(site).await.unwrap();
        }
        round
    }

    fn path(&self) -> String {
        format!("{:?}/{}", self.work, self.number)
    }

    fn bytes(&self) -> bytes::Bytes {
        noise(self.number as u64, if self.work == Work::LargePut { 1_200_000 } else { 3_000 })
    }

    async fn act(&self, site: &Site) -> Result<(), FailureKind> {
        let (engine, name, caller) = (&site.engine, &site.name, site.caller());
        match self.work {
            Work::Put | Work::LargePut => {
                let put = site.upload(&self.path(), Default::default(), self.bytes()).await;
                put.map(drop).map_err(|error| error.kind())
            }
            Work::Batch => {
                let files: Vec<_> = (0..BATCH_FILES).map(|n| format!("{}/{n}", self.path())).collect();
                let tar = tar_of(files.iter().map(|path| (path.as_str(), path.as_bytes())));
                site.batch(tar).await.map(drop).map_err(|error| error.kind())
            }
            Work::Build => {
                let caller = site.caller_with_key(&self.path(), "build");
                let built = build(engine, &caller, name, self.release.unwrap(), Base::FinalEnvironment).await;
                built.map(drop).map_err(|error| error.kind())
            }
            Work::Promote => {
                let promoted = site.try_promote("staging", self.target.unwrap(), None).await;
                promoted.map(drop).map_err(|error| error.kind())
            }
            Work::RollBack => {
                let taken_back = site.try_roll_back("staging", self.target).await;
                taken_back.map(drop).map_err(|error| error.kind())
            }
            Work::Move => {
                let what = Move::Asset { from: of(self.path()), to: of(format!("{}/moved", self.path())) };
                let moved = move_assets(engine, caller, name, what, String::new()).await;
                moved.map(drop).map_err(|error| error.kind())
            }
            Work::Remove => self.remove(site).await,
            Work::Undelete => {
                let brought_back = undelete(engine, caller, name, self.asset.unwrap(), None).await;
                brought_back.map(drop).map_err(|error| error.kind())
            }
            Work::ProposeDate => {
                let caller = site.caller_with_key(&self.path(), "propose");
                let draft = DateDraft {
                    date: "2999-01-01T00:00".into(),
                    zone: Some("UTC".parse().unwrap()),
                    remark: String::new(),
                    expected: None,
                };
                let proposed = propose_date(engine, &caller, name, self.release.unwrap(), draft).await;
                proposed.map(drop).map_err(|error| error.kind())
            }
            Work::Resolve => {
                let found = rebase(engine, &caller, name, self.release.unwrap(), None).await;
                let conflict = found.map_err(|error| error.kind())?.conflicts.remove(0);
                let (key, theirs) = (conflict.key, conflict.theirs_name);
                let ours = [Resolution { key, theirs, keeping: Keeping::Ours }];
                let caller = site.caller_with_key(&self.path(), "resolve");
                let resolved = resolve_conflicts(engine, &caller, name, self.release.unwrap(), (None, &ours), None);
                resolved.await.map(drop).map_err(|error| error.kind())
            }
            Work::Collect => {
                // Objects go one run after their rows.
                for caller in [later(site, 1), later(site, 2)] {
                    collect_garbage(engine, &caller).await.map_err(|error| error.kind())?;
                }
                Ok(())
            }
        }
    }

    async fn remove(&self, site: &Site) -> Result<(), FailureKind> {
        let (caller, path) = (site.caller(), of(self.path()));
        let removed = remove(&site.engine, caller, &site.name, path, Expect::Anything, String::new()).await;
        removed.map(drop).map_err(|error| error.kind())
    }

    /// Whether it has happened; what has happened is whole.
    async fn is_done(&self, site: &Site) -> bool {
        let is_at = async |path: String| site.asset(&path).await.map(|asset| asset.id);
        match self.work {
            Work::Put | Work::LargePut => {
                let is_there = is_at(self.path()).await.is_some();
                assert!(!is_there || site.bytes(&self.path()).await == self.bytes());
                is_there
            }
            Work::Batch => {
                let folder = format!("{}/", self.path());
                let files: Vec<_> = site.paths().await.into_iter().filter(|path| path.starts_with(&folder)).collect();
                assert!([0, BATCH_FILES].contains(&files.len()), "{files:?}");
                for path in &files {
                    assert!(site.bytes(path).await == path.as_bytes());
                }
                !files.is_empty()
            }
            Work::Build => {
                let project = site.row().await.number;
                let release = site.engine.catalog.release(project, self.release.unwrap()).await.unwrap().unwrap();
                let name = BuildName { release: release.number, number: release.last_build };
                let made = site.engine.catalog.build(project, name).await.unwrap();
                assert_eq!(made.is_some(), release.last_build == 1);
                if let Some(build) = &made {
                    site.entries(build.manifest).await;
                }
                made.is_some()
            }
            Work::Promote | Work::RollBack => {
                let last = site.deployments("staging").await.pop();
                last.is_some_and(|last| Some(last.serves.build) == self.target)
            }
            Work::Move => {
                let ways = [is_at(self.path()).await, is_at(format!("{}/moved", self.path())).await];
                assert!(ways == [self.asset, None] || ways == [None, self.asset], "{ways:?}");
                ways[0].is_none()
            }
            Work::Remove => is_at(self.path()).await.is_none(),
            Work::Undelete => is_at(self.path()).await.is_some(),
            Work::ProposeDate => {
                let (project, release) = (site.row().await.number, self.release.unwrap());
                !site.engine.catalog.newest_dates(project, &[release]).await.unwrap().is_empty()
            }
            Work::Resolve => {
                let found = rebase(&site.engine, &site.caller(), &site.name, self.release.unwrap(), None).await;
                found.unwrap().conflicts[0].is_resolved()
            }
            Work::Collect => plan_collection(&site.engine, &later(site, 2)).await.unwrap() == Collected::default(),
        }
    }
}

/// A change that makes each build another one.
fn parameter(number: usize) -> Add {
    Add::Parameter(of("round"), Parameter { value: format!("{number}"), by_environment: [].into() })
}

/// Someone who calls when every grace is over, or when what was found then is due.
fn later(site: &Site, times: i64) -> Caller {
    Caller::new(site.who.clone(), site.engine.clock.now().plus_ms(times * LATER_MS))
}

/// Leaves a pack with provisional chunks, and one that was announced only.
async fn refused_batch(site: &Site, number: usize) {
    let lacks = [("SHELFMARK.known", "1"), ("SHELFMARK.content", &ContentId::of(b"never sent").to_string())];
    let tar = Tar::new().file("a", noise(number as u64, 700_000)).records("b", &lacks).finish();
    assert_eq!(site.batch(tar).await.unwrap_err().kind(), FailureKind::Conflict);
}

/// How often something has happened.
async fn happened(site: &Site) -> i64 {
    site.engine.catalog.audit_head().await.unwrap().0
}

/// Lets each statement fail in turn, and then each commit after it took effect, until one round needs fewer of them.
/// `site` reaches the database through what fails; the ground looks on.
async fn each_statement_fails_once(ground: &Ground, work: Work) {
    let (site, statements) = Statements::of(ground).await;
    let mut number = 0;
    for moment in [Moment::Before, Moment::After] {
        for n in 1.. {
            number += 1;
            let round = Round::prepare(ground, &site, work, number).await;
            site.engine.pointers.refresh().await.unwrap();
            assert!(!round.is_done(ground).await, "{work:?} is not ready");
            let before = happened(ground).await;

            statements.fail(n, moment);
            let done = round.act(&site).await;
            let is_over = statements.is_pending();
            statements.fail(0, moment);

            let what = format!("{work:?}, {moment:?} {n}: {done:?}");
            assert!(matches!(done, Ok(()) | Err(FailureKind::Busy | FailureKind::Internal)), "{what}");
            let is_done = round.is_done(ground).await;
            if work != Work::Collect {
                // What one collection leaves, the next one does: only that one may stop half-way.
                assert!(is_done || done.is_err(), "{what}");
                assert!(!is_done || done.is_ok() || moment == Moment::After, "{what}, but it happened");
                assert_eq!(happened(ground).await, before + i64::from(is_done), "{what}");
            }
            match round.act(&site).await {
                Ok(()) => {}
                Err(again) => assert!(
                    is_done && matches!(again, FailureKind::NotFound | FailureKind::Conflict),
                    "{what}, and again {again:?}"
                ),
            }
            assert!(round.is_done(ground).await, "{what}");
            assert!(work == Work::Collect || happened(ground).await == before + 1, "{what}, and then twice");
            let served = ground.deployments("staging").await.pop().map(|last| last.serves.build);
            assert_eq!(site.serves("staging"), served, "{what}");
            if is_over {
                assert!(n > 1, "{work:?} asks nothing of the database");
                println!("{work:?}: {} {moment:?}", n - 1);
                break;
            }
        }
    }
}

/// On each database.
macro_rules! laws_of_statements {
    ($($law:ident: $work:ident),+ $(,)?) => {
        mod on_sqlite { laws_of_statements!(@ Sqlite, $($law: $work),+); }
        mod on_postgres { laws_of_statements!(@ Postgres, $($law: $work),+); }
    };
    (@ $database:ident, $($law:ident: $work:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $law() {
            if let Some(ground) = super::Ground::open(super::Database::$database, super::Backing::Memory).await {
                super::each_statement_fails_once(&ground, super::Work::$work).await;
                ground.holds().await;
            }
        })+
    };
}
laws_of_statements![
    a_put_survives_every_failing_statement: Put,
    a_large_put_survives_every_failing_statement: LargePut,
    a_batch_survives_every_failing_statement: Batch,
    a_build_survives_every_failing_statement: Build,
    a_promotion_survives_every_failing_statement: Promote,
    a_rollback_survives_every_failing_statement: RollBack,
    a_move_survives_every_failing_statement: Move,
    a_removal_survives_every_failing_statement: Remove,
    an_undeletion_survives_every_failing_statement: Undelete,
    a_collection_survives_every_failing_statement: Collect,
    a_proposed_date_survives_every_failing_statement: ProposeDate,
    a_resolution_survives_every_failing_statement: Resolve,
];
