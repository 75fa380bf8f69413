//! PostgreSQL dies and comes back under load, again and again. `SHELFMARK_TEST_RESTARTS` is how often (2 by default).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use tempfile::TempDir;

use super::ledger::{Ledger, found, publish, until};
use crate::laws::ground::{bucket, psql};
use crate::process::{Client, Process, bucket_settings, settings};

/// So long after the database is back errors may still come.
const ERRORS_MAX: Duration = Duration::from_secs(10);

/// A PostgreSQL of this test's own, for others must not notice.
struct Cluster {
    folder: TempDir,
    url: String,
}

impl Cluster {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let url = script("start", folder.path());
        Self { folder, url }
    }

    /// Kills it under everyone's hands and starts it again.
    fn restart(&self) {
        script("restart", self.folder.path());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        script("stop", self.folder.path());
    }
}

fn script(verb: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres");
    let done = Command::new(program).arg(verb).arg(folder).output().unwrap();
    assert!(done.status.success(), "{verb}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Sends files and releases them until it is over; notes when each request succeeded or failed.
async fn work(client: Client, ledger: Ledger, worker: u64, is_over: Arc<AtomicBool>, outcomes: Outcomes) {
    for n in 0_u64.. {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let sent = match (worker, n % 5) {
            (0, 4) => publish(&client).await.map(drop),
            _ => ledger.put(&client, &format!("{worker}/{n}"), worker << 32 | n, 20_000).await,
        };
        if let Err(refused) = &sent {
            // A release of a library that changes meanwhile may be refused as well.
            let is_refusal = worker == 0 && n % 5 == 4;
            assert!(refused.is_the_servers() || is_refusal, "{refused:?}");
        }
        outcomes.lock().unwrap().push((Instant::now(), sent.is_ok()));
    }
}

/// When requests succeeded or failed.
type Outcomes = Arc<Mutex<Vec<(Instant, bool)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_under_load_loses_nothing_and_is_used_again_when_it_is_back() {
    let (Some(bucket), Ok(_)) = (bucket(), std::env::var("SHELFMARK_TEST_POSTGRES")) else { return };
    let restarts = std::env::var("SHELFMARK_TEST_RESTARTS").map_or(2, |text| text.parse().expect("it is a number"));
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let mut chosen = bucket_settings(bucket);
    chosen.extend(settings([("DATABASE_URL", cluster.url.clone())]));
    let (server, beside) =
        (Process::start(folder.path(), &chosen, &[]), Process::start(&folder.path().join("beside"), &chosen, &[]));
    let (client, ledger) = (server.client(), Ledger::default());
    found(&client).await;
    let (is_over, outcomes) = (Arc::new(AtomicBool::new(false)), Outcomes::default());
    let workers: Vec<_> = (0..4)
        .map(|worker| tokio::spawn(work(server.client(), ledger.clone(), worker, is_over.clone(), outcomes.clone())))
        .collect();
    let succeeded = |since: Instant| outcomes.lock().unwrap().iter().filter(|(at, ok)| *ok && *at > since).count();

    for _ in 0..restarts {
        let begun = Instant::now();
        until("there is load", Duration::from_secs(20), async || succeeded(begun) > 10).await;
        tokio::task::block_in_place(|| cluster.restart());
        let back = Instant::now();
        until("the database is used again", ERRORS_MAX, async || succeeded(back) > 10).await;
        let settled = Instant::now();
        until("there is load", Duration::from_secs(20), async || succeeded(settled) > 10).await;
        let later = outcomes.lock().unwrap().iter().filter(|(at, ok)| !ok && *at > back + ERRORS_MAX).count();
        assert_eq!(later, 0, "errors after {ERRORS_MAX:?}");
    }
    is_over.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.await.unwrap();
    }

    ledger.put(&client, "last", 1, 20_000).await.unwrap();
    let deployed = publish(&client).await.unwrap();
    let other = beside.client();
    let follows = async || other.get("projects/site/environments").await["items"][2]["build"] == deployed["build"];
    until("the other server knows it", Duration::from_secs(5), follows).await;
    let served = async || {
        let answer = other.request(Method::HEAD, "/e/site/production/last").send().await.unwrap();
        answer.headers().get("shelfmark-release").is_some_and(|name| deployed["build"] == *name.to_str().unwrap())
    };
    until("the other server serves it", Duration::from_secs(5), served).await;
    let listening = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%shelfmark_pointers%'";
    let listens = async || psql(&cluster.url, listening) == "2";
    until("both servers listen again", Duration::from_secs(5), listens).await;
    ledger.is_whole(&client).await;
    println!("{restarts} restarts, {} files acknowledged", ledger.count());
}
