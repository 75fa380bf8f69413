//! Bytes: chunks in packs, in a local folder or an object store. This is the only place that knows which. The store
//! knows no rows: whoever reads says where a chunk lies, whoever writes is told.
//!
//! Durability: when `put_pack` returns, the pack survives a power cut. In a folder its file, and the folder that
//! names it, are synced; the folders above were synced when the store was opened. A remote store has acknowledged.
//! Deleting is not synced: a pack that comes back after a power cut is named by no row, and is collected again.
//!
//! Nothing is ever overwritten with other bytes, no put is conditional and nothing is locked here: packs have random
//! names, and uniqueness is the catalog's business.

mod config;
mod counters;
mod decode;
mod deliver;
mod dictionary;
mod encode;
mod error;
mod folder;
mod keys;
mod packs;
mod plan;
mod read;
mod reference;
mod stretch;

#[cfg(test)]
mod laws;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub use config::{S3Config, StoreConfig, UrlConfig};
pub use counters::Counters;
pub use decode::decode;
pub use dictionary::train_dictionary;
pub use encode::{Compressor, Encoded, How};
pub use error::{Cause, StoreError};
pub use packs::{PutPack, StoredPack};
pub use plan::Piece;
pub use read::ByteStream;
pub use reference::{Reference, References};
pub use stretch::Stretch;

use counters::Counting;
use deliver::Checked;
use folder::Folder;
use packs::PUT_KIB_IN_FLIGHT_MAX;
use stretch::Checking;

/// The store. Cheap to clone; clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Arc<dyn ObjectStore>,
    /// Given when `objects` is a folder of this machine.
    folder: Option<Arc<Folder>>,
    checked: Checked,
    counting: Counting,
    /// A permit for each KiB of a pack that is being written.
    puts: Semaphore,
    checking: Checking,
}

impl Store {
    /// Opens a store. A folder is made when it is not there; a remote store is not asked anything yet.
    ///
    /// # Errors
    /// `Misconfigured`; for a folder also `Full` and `Internal`.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        Ok(match config {
            StoreConfig::Memory => Self::from_object_store(Arc::new(InMemory::new())),
            StoreConfig::S3(config) => Self::from_object_store(config::s3(config)?),
            StoreConfig::Azure(config) => Self::from_object_store(config::azure(config)?),
            StoreConfig::Gcs(config) => Self::from_object_store(config::gcs(config)?),
            StoreConfig::Folder { path } => {
                let folder = blocking(move || Folder::open(&path).map_err(StoreError::of_folder)).await?;
                let files = LocalFileSystem::new_with_prefix(folder.root()).map_err(StoreError::of_backend)?;
                Self::new(Arc::new(files.with_fsync(true)), Some(Arc::new(folder)), Checked::remembered())
            }
        })
    }

    /// A store on whatever implements the interface, such as one that fails on request.
    pub fn from_object_store(objects: Arc<dyn ObjectStore>) -> Self {
        Self::new(objects, None, Checked::never())
    }

    fn new(objects: Arc<dyn ObjectStore>, folder: Option<Arc<Folder>>, checked: Checked) -> Self {
        let (counting, puts) = (Counting::default(), Semaphore::new(PUT_KIB_IN_FLIGHT_MAX));
        Self { inner: Arc::new(Inner { objects, folder, checked, checking: Checking::new(), counting, puts }) }
    }

    /// What has been done since the store was opened.
    pub fn counters(&self) -> Counters {
        self.inner.counting.counters()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.inner.objects)
    }
}

/// Does what blocks off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(StoreError::of_task)?
}
