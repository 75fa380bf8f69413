//! A store in memory that fails, stalls or dawdles on request.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

use super::chance::Chance;

/// When a put fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The object is not there.
    Before,
    /// The object is there, but nobody was told.
    After,
}

/// What the store is asked to do wrong. Clones ask the same store.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    /// Puts until one fails; below 1: none will.
    puts_left: AtomicI64,
    /// Whether the object is there when a put fails.
    is_after: AtomicU64,
    gate: Arc<RwLock<()>>,
    waiting: AtomicU64,
    /// By whose choices requests let others go first.
    dawdling: Mutex<Option<Chance>>,
}

impl Faults {
    /// A store that can be asked to fail.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(Faulty { objects: InMemory::new(), faults: self.clone() })
    }

    /// Lets the `n`th put from now on fail, and only that one.
    pub fn fail_put(&self, n: i64, moment: Moment) {
        self.0.is_after.store(u64::from(moment == Moment::After), Ordering::SeqCst);
        self.0.puts_left.store(n, Ordering::SeqCst);
    }

    /// Whether a put was asked to fail that has not come.
    pub fn is_pending(&self) -> bool {
        self.0.puts_left.load(Ordering::SeqCst) > 0
    }

    /// Lets every request from now on wait a while, before and after it is done, so that others come in between.
    pub fn dawdle(&self, chance: Chance) {
        *self.0.dawdling.lock().unwrap() = Some(chance);
    }

    async fn let_others_go_first(&self) {
        const TURNS_MAX: usize = 60;
        let turns = self.0.dawdling.lock().unwrap().as_mut().map_or(0, |chance| chance.below(TURNS_MAX));
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    /// Lets puts wait until the guard is dropped.
    pub async fn stall(&self) -> OwnedRwLockWriteGuard<()> {
        self.0.gate.clone().write_owned().await
    }

    /// Waits until so many puts wait.
    pub async fn until_waiting(&self, puts: u64) {
        while self.0.waiting.load(Ordering::SeqCst) < puts {
            tokio::task::yield_now().await;
        }
    }
}

struct Faulty {
    objects: InMemory,
    faults: Faults,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let asked = &self.faults.0;
        asked.waiting.fetch_add(1, Ordering::SeqCst);
        let open = asked.gate.read().await;
        asked.waiting.fetch_sub(1, Ordering::SeqCst);
        drop(open);
        self.faults.let_others_go_first().await;
        if asked.puts_left.fetch_sub(1, Ordering::SeqCst) != 1 {
            let put = self.objects.put_opts(location, payload, options).await;
            self.faults.let_others_go_first().await;
            return put;
        }
        if asked.is_after.load(Ordering::SeqCst) == 1 {
            self.objects.put_opts(location, payload, options).await?;
        }
        Err(object_store::Error::Generic { store: "Faulty", source: "it was asked to fail".into() })
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.faults.let_others_go_first().await;
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let faults = self.faults.clone();
        let dawdled = locations.then(move |location| {
            let faults = faults.clone();
            async move {
                faults.let_others_go_first().await;
                location
            }
        });
        self.objects.delete_stream(dawdled.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
