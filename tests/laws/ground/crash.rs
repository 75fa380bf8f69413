//! An engine that ends in the middle of everything, and the next one on the same folder. Ending the process itself is
//! tested elsewhere; here the end comes between any two steps of any task.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shelfmark_engine::catalog::{Catalog, CatalogConfig};
use shelfmark_engine::clock::Clock;
use shelfmark_engine::limits::Limits;
use shelfmark_engine::operations::create_project;
use shelfmark_engine::store::{Store, StoreConfig};
use shelfmark_engine::{Engine, EngineParts};

use super::chance::{Chance, noise};
use super::site::{Site, of};
use crate::laws::assets::tars::tar_of;
use crate::laws::ground::administrator;

/// What was acknowledged: paths with their bytes' seed and size, and builds that an environment has served.
#[derive(Default)]
struct Journal {
    files: BTreeMap<String, (u64, usize)>,
    deployments: Vec<shelfmark_domain::name::BuildName>,
}

async fn open(folder: &Path) -> Site {
    let catalog = Catalog::open(&CatalogConfig::Sqlite { file: folder.join("shelfmark.sqlite") }).await.unwrap();
    let store = Store::open(StoreConfig::Folder { path: folder.join("store") }).await.unwrap();
    let limits = Limits { pack_bytes: 1 << 20, ..Limits::default() };
    let engine = Engine::start(EngineParts { catalog, store, clock: Clock::default(), limits }).await.unwrap();
    Site { engine, who: administrator(), name: of("site") }
}

/// Puts, batches, builds and promotes until it is ended.
async fn work(site: Site, journal: Arc<Mutex<Journal>>, worker: u64, mut chance: Chance) {
    for n in 0.. {
        let seed = worker << 32 | n;
        let size = *chance.one_of(&[10, 5_000, 60_000, 400_000, 3_000_000]);
        let path = format!("{worker}/{n}");
        match chance.below(6) {
            0 => {
                let files = [(format!("{path}/a"), seed), (format!("{path}/b"), seed ^ 1 << 60)];
                let contents = files.clone().map(|(path, seed)| (path, noise(seed, size)));
                let tar = tar_of(contents.iter().map(|(path, bytes)| (path.as_str(), &bytes[..])));
                if site.batch(tar).await.is_ok() {
                    journal.lock().unwrap().files.extend(files.map(|(path, seed)| (path, (seed, size))));
                }
            }
            1 if worker & 0xFF == 0 && n > 0 => {
                // Adding all that is there may fail while the others go on putting.
                let Ok(build) = site.try_build_latest().await else { continue };
                if site.try_promote("staging", build, None).await.is_ok() {
                    journal.lock().unwrap().deployments.push(build);
                }
            }
            _ => {
                if site.upload(&path, Default::default(), noise(seed, size)).await.is_ok() {
                    journal.lock().unwrap().files.insert(path, (seed, size));
                }
            }
        }
    }
}

/// The environment's deployments, once the pointer agrees with the last one. An engine that was ended in this process
/// may have left a commit to its database's thread, which comes after the next engine has read its pointers; a process
/// that is killed can't, and two at a time are kept apart by the lock on the data folder.
async fn settled(site: &Site) -> Vec<shelfmark_engine::catalog::DeploymentRow> {
    const LOOKS_MAX: u32 = 200;
    let mut looks = 0;
    loop {
        site.engine.pointers.refresh().await.unwrap();
        let deployments = site.deployments("staging").await;
        looks += 1;
        if looks == LOOKS_MAX || site.serves("staging") == deployments.last().map(|last| last.serves.build) {
            return deployments;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Everything that was acknowledged is there, whole, and nothing half.
async fn check(site: &Site, journal: &Journal) {
    site.engine.catalog.verify_audit().await.unwrap();
    let paths = site.paths().await;
    for (path, (seed, size)) in &journal.files {
        assert!(site.bytes(path).await == noise(*seed, *size), "{path} is there with its bytes");
    }
    for path in &paths {
        let latest = site.asset(path).await.unwrap().latest;
        let bytes = site.bytes(path).await;
        assert_eq!(shelfmark_domain::hash::ContentId::of(&bytes), latest.content, "{path} is whole");
        if let Some(other) = path.strip_suffix("/a") {
            assert!(paths.contains(&format!("{other}/b")), "the batch of {path} is whole");
        }
    }
    let deployments = settled(site).await;
    let mut served = deployments.iter().map(|deployment| deployment.serves.build);
    assert!(journal.deployments.iter().all(|build| served.any(|served| served == *build)), "in this order");
    assert_eq!(site.serves("staging"), deployments.last().map(|deployment| deployment.serves.build));
    for deployment in deployments.iter().rev().take(3) {
        site.entries(deployment.serves.manifest).await;
    }
}

#[test]
fn an_engine_that_ends_anywhere_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut chance = Chance::new();
    let journal = Arc::new(Mutex::new(Journal::default()));
    for round in 0..8_u64 {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let site = runtime.block_on(open(folder.path()));
        if round == 0 {
            let caller = site.caller();
            runtime.block_on(create_project(&site.engine, &caller, &site.name, "")).unwrap();
        }
        runtime.block_on(check(&site, &journal.lock().unwrap()));
        for worker in 0..4 {
            let seed = chance.below(usize::MAX) as u64;
            runtime.spawn(work(site.clone(), journal.clone(), round << 8 | worker, Chance::of(seed)));
        }
        drop(site);
        std::thread::sleep(Duration::from_millis(50 + chance.below(400) as u64));
        runtime.shutdown_background();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let journal = journal.lock().unwrap();
    assert!(journal.files.len() > 20, "{} files", journal.files.len());
    runtime.block_on(async { check(&open(folder.path()).await, &journal).await });
}
