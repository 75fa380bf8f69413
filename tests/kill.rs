//! The server is killed at any moment under load and started again: whatever it acknowledged is there, whole, and
//! nothing half is seen. `SHELFMARK_TEST_KILLS` is how often (12 by default).

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::laws::ground::chance::Chance;
use crate::laws::ground::{bucket, new_database, psql, with_database};
use crate::load::{People, Shared, check};
use crate::process::{Process, bucket_settings, settings};

fn kill_again_and_again(folder: &Path, settings: &[(String, String)]) {
    let kills = std::env::var("SHELFMARK_TEST_KILLS").map_or(12, |kills| kills.parse().expect("it is a number"));
    let mut chance = Chance::new();
    let journal = Shared::default();
    let mut since = 0;
    for round in 0..=kills {
        let server = Process::start(folder, settings, &[]);
        let client = server.client();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        if round == 0 {
            runtime.block_on(client.post("projects", json!({ "name": "site" }))).unwrap();
        }
        // At the end everything once more; in between what the last round brought.
        since = if round == kills { 0 } else { since };
        runtime.block_on(check(&client, &journal, since));
        since = journal.lock().unwrap().files.len();
        if round == kills {
            break;
        }
        let people = runtime.block_on(async { People::start(&client, &journal, round as u64, &mut chance) });
        std::thread::sleep(Duration::from_millis(10 + chance.below(891) as u64));
        server.kill();
        runtime.block_on(people.stop());
    }
    let journal = journal.lock().unwrap();
    println!(
        "{kills} kills, {} files, {} builds, {} deployments acknowledged",
        journal.files.len(),
        journal.builds.len(),
        journal.deployments.len()
    );
    assert!(kills < 10 || (journal.files.len() > 20 && !journal.deployments.is_empty()), "there was hardly any work");
}

#[test]
fn a_killed_server_has_lost_nothing_on_sqlite_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), &[]);
}

#[test]
fn a_killed_server_has_lost_nothing_on_sqlite_and_a_bucket() {
    let Some(bucket) = bucket() else { return };
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), &bucket_settings(bucket));
}

#[test]
fn a_killed_server_has_lost_nothing_on_postgres_and_a_folder() {
    on_postgres(Vec::new());
}

#[test]
fn a_killed_server_has_lost_nothing_on_postgres_and_a_bucket() {
    let Some(bucket) = bucket() else { return };
    on_postgres(bucket_settings(bucket));
}

fn on_postgres(mut store: Vec<(String, String)>) {
    let Some((address, name)) = new_database() else { return };
    let folder = tempfile::tempdir().unwrap();
    store.extend(settings([("DATABASE_URL", with_database(&address, &name))]));
    kill_again_and_again(folder.path(), &store);
    psql(&address, &format!("DROP DATABASE {name} WITH (FORCE)"));
}
