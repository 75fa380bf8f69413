//! Reading manifests. Their nodes are immutable, so what has been read once is kept and never asked for again.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use shelfmark_domain::hash::{ChunkId, ManifestId};
use shelfmark_domain::manifest::{Difference, Leaf, Root, compare, differing};
use shelfmark_domain::path::FolderPath;
use shelfmark_domain::pin::{Entry, Key, Pin, Visibility, access_keys};

use crate::operations::contents::chunks::{Chunks, ReadError};

/// The most leaves that are fetched at the same time.
const FETCHES_MAX: usize = 128;

#[derive(Clone, Debug)]
struct LeafBytes;

impl Weighter<ChunkId, Arc<Leaf>> for LeafBytes {
    fn weight(&self, _: &ChunkId, leaf: &Arc<Leaf>) -> u64 {
        (leaf.entries.len() * 320 + 128) as u64
    }
}

#[derive(Clone, Debug)]
struct RootBytes;

impl Weighter<ManifestId, Arc<Root>> for RootBytes {
    fn weight(&self, _: &ManifestId, root: &Arc<Root>) -> u64 {
        (root.leaves.len() * 224 + 128) as u64
    }
}

/// The access rules of a manifest.
pub type AccessRules = Arc<Vec<(FolderPath, Visibility)>>;

/// The way to manifests.
#[derive(Clone)]
pub struct Manifests {
    chunks: Chunks,
    leaves: Arc<Cache<ChunkId, Arc<Leaf>, LeafBytes>>,
    roots: Arc<Cache<ManifestId, Arc<Root>, RootBytes>>,
    rules: Arc<Cache<ManifestId, AccessRules>>,
}

impl Manifests {
    pub(crate) fn new(chunks: Chunks, cache_bytes: u64) -> Self {
        Self {
            chunks,
            leaves: Arc::new(Cache::with_weighter(10_000, cache_bytes / 2, LeafBytes)),
            roots: Arc::new(Cache::with_weighter(100, cache_bytes / 2, RootBytes)),
            rules: Arc::new(Cache::new(1_000)),
        }
    }

    /// The root of a manifest.
    ///
    /// # Errors
    /// `NoChunk`, `Format`, `Store`, `Catalog`.
    pub async fn root(&self, id: ManifestId) -> Result<Arc<Root>, ReadError> {
        if let Some(root) = self.roots.get(&id) {
            return Ok(root);
        }
        let bytes = self.chunks.read(id.as_chunk()).await?;
        let root = Arc::new(Root::decode(&bytes)?);
        self.roots.insert(id, root.clone());
        Ok(root)
    }

    /// Keeps a root that has just been made, so that it need not be read.
    pub(crate) fn keep_root(&self, id: ManifestId, root: Arc<Root>) {
        self.roots.insert(id, root);
    }

    /// A leaf.
    ///
    /// # Errors
    /// As `root`.
    pub async fn leaf(&self, id: ChunkId) -> Result<Arc<Leaf>, ReadError> {
        if let Some(leaf) = self.leaves.get(&id) {
            return Ok(leaf);
        }
        let bytes = self.chunks.read(id).await?;
        let leaf = Arc::new(Leaf::decode(&bytes)?);
        self.leaves.insert(id, leaf.clone());
        Ok(leaf)
    }

    /// Leaves in the given order, many fetched at a time.
    pub async fn leaves(&self, ids: Vec<ChunkId>) -> Result<Vec<Arc<Leaf>>, ReadError> {
        let mut leaves = Vec::with_capacity(ids.len());
        for ids in ids.chunks(FETCHES_MAX) {
            let missing: Vec<ChunkId> = ids.iter().filter(|id| self.leaves.peek(*id).is_none()).copied().collect();
            let bytes = self.chunks.read_all(&missing).await?;
            let mut read = HashMap::with_capacity(missing.len());
            for (id, bytes) in missing.into_iter().zip(bytes) {
                let leaf = Arc::new(Leaf::decode(&bytes)?);
                self.leaves.insert(id, leaf.clone());
                read.insert(id, leaf);
            }
            for id in ids {
                leaves.push(match read.get(id) {
                    Some(leaf) => leaf.clone(),
                    None => self.leaf(*id).await?,
                });
            }
        }
        Ok(leaves)
    }

    /// The entry under a key: the root and one leaf.
    pub async fn entry(&self, id: ManifestId, key: &str) -> Result<Option<Entry>, ReadError> {
        let root = self.root(id).await?;
        let Some(leaf) = root.leaf_for(key) else { return Ok(None) };
        Ok(self.leaf(leaf.id).await?.get(key).cloned())
    }

    /// The pin at a path.
    pub async fn pin(&self, id: ManifestId, path: &str) -> Result<Option<Pin>, ReadError> {
        Ok(match self.entry(id, path).await? {
            Some(Entry::Pin(pin)) => Some(pin),
            Some(Entry::Parameter(_) | Entry::Access(_)) | None => None,
        })
    }

    /// The entries with keys from `first` up to but without `end`, in order.
    pub fn entries(
        &self,
        root: &Root,
        first: &str,
        end: Option<&str>,
    ) -> BoxStream<'static, Result<(String, Entry), ReadError>> {
        let ids: Vec<ChunkId> = root.leaves_in(first, end).iter().map(|leaf| leaf.id).collect();
        let this = self.clone();
        let (first, end) = (first.to_owned(), end.map(str::to_owned));
        stream::iter(ids)
            .map(move |id| {
                let this = this.clone();
                async move { this.leaf(id).await }
            })
            .buffered(4)
            .map_ok(move |leaf| {
                let wanted = |key: &str| key >= first.as_str() && end.as_deref().is_none_or(|end| key < end);
                let entries: Vec<_> = leaf.entries.iter().filter(|(key, _)| wanted(key)).cloned().map(Ok).collect();
                stream::iter(entries)
            })
            .try_flatten()
            .boxed()
    }

    /// The access rules of a manifest.
    pub async fn access_rules(&self, id: ManifestId) -> Result<AccessRules, ReadError> {
        if let Some(rules) = self.rules.get(&id) {
            return Ok(rules);
        }
        let root = self.root(id).await?;
        let (first, end) = access_keys();
        let entries: Vec<(String, Entry)> = self.entries(&root, first, Some(end)).try_collect().await?;
        let rule = |(key, entry): (String, Entry)| match (Key::parse(&key), entry) {
            (Some(Key::Access(folder)), Entry::Access(visibility)) => Some((folder, visibility)),
            _ => None,
        };
        let rules: AccessRules = Arc::new(entries.into_iter().filter_map(rule).collect());
        self.rules.insert(id, rules.clone());
        Ok(rules)
    }

    /// What differs between two manifests, or between one and nothing, by key.
    pub async fn between(
        &self,
        from: Option<ManifestId>,
        to: Option<ManifestId>,
    ) -> Result<Vec<Difference>, ReadError> {
        match (from, to) {
            (None, None) => Ok(Vec::new()),
            (Some(from), Some(to)) => self.compare(from, to).await,
            (None, Some(to)) => Ok(compare(&[], &self.all_leaves(to).await?)),
            (Some(from), None) => Ok(compare(&self.all_leaves(from).await?, &[])),
        }
    }

    async fn all_leaves(&self, id: ManifestId) -> Result<Vec<Arc<Leaf>>, ReadError> {
        let root = self.root(id).await?;
        self.leaves(root.leaves.iter().map(|leaf| leaf.id).collect()).await
    }

    /// What differs between two manifests, by key. Reads only leaves that are not shared.
    pub async fn compare(&self, from: ManifestId, to: ManifestId) -> Result<Vec<Difference>, ReadError> {
        if from == to {
            return Ok(Vec::new());
        }
        let (from, to) = (self.root(from).await?, self.root(to).await?);
        let (only_from, only_to) = differing(&from, &to);
        let (before, after) = (self.leaves(only_from).await?, self.leaves(only_to).await?);
        Ok(compare(&before, &after))
    }
}
