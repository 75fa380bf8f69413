//! A store in memory that fails, stalls or dawdles on request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

use super::chance::Chance;

/// What the store is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Put,
    Get,
    Delete,
}

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has done nothing.
    Before,
    /// It has done what it was asked for, but nobody was told.
    After,
}

/// What the store is asked to do wrong. Clones ask the same store.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    /// The call that is to fail, after how many others of its kind, and when.
    failing: Mutex<Option<(Call, u64, Moment)>>,
    gate: Arc<RwLock<()>>,
    waiting: AtomicU64,
    /// By whose choices requests let others go first.
    dawdling: Mutex<Option<Chance>>,
}

impl Faults {
    /// A store that can be asked to fail.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(Faulty { objects: Arc::default(), faults: self.clone() })
    }

    /// Lets the `n`th call of a kind from now on fail, and only that one; 0: none.
    pub fn fail(&self, call: Call, n: u64, moment: Moment) {
        *self.0.failing.lock().unwrap() = n.checked_sub(1).map(|others| (call, others, moment));
    }

    /// Whether a call was asked to fail that has not come.
    pub fn is_pending(&self) -> bool {
        self.0.failing.lock().unwrap().is_some()
    }

    /// When this call is to fail, if it is.
    fn comes(&self, call: Call) -> Option<Moment> {
        let mut failing = self.0.failing.lock().unwrap();
        let (_, others, moment) = failing.as_mut().filter(|(kind, ..)| *kind == call)?;
        if *others > 0 {
            *others -= 1;
            return None;
        }
        let moment = *moment;
        *failing = None;
        Some(moment)
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

fn failed() -> object_store::Error {
    object_store::Error::Generic { store: "Faulty", source: "it was asked to fail".into() }
}

struct Faulty {
    objects: Arc<InMemory>,
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
        match self.faults.comes(Call::Put) {
            Some(Moment::Before) => return Err(failed()),
            Some(Moment::After) => {
                self.objects.put_opts(location, payload, options).await?;
                return Err(failed());
            }
            None => {}
        }
        let put = self.objects.put_opts(location, payload, options).await;
        self.faults.let_others_go_first().await;
        put
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.faults.let_others_go_first().await;
        match self.faults.comes(Call::Get) {
            Some(_) => Err(failed()),
            None => self.objects.get_opts(location, options).await,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (faults, objects) = (self.faults.clone(), self.objects.clone());
        let deleted = locations.then(move |location| {
            let (faults, objects) = (faults.clone(), objects.clone());
            async move {
                faults.let_others_go_first().await;
                let (location, fails) = (location?, faults.comes(Call::Delete));
                if fails != Some(Moment::Before) {
                    objects.delete(&location).await?;
                }
                if fails.is_some() { Err(failed()) } else { Ok(location) }
            }
        });
        deleted.boxed()
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
