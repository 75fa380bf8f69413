//! A project of an engine and someone who works in it: what laws say in one line.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};

use shelfmark_domain::access::{Grant, Principal};
use shelfmark_domain::failure::{Failure as _, FailureKind};
use shelfmark_domain::gate::Trigger;
use shelfmark_domain::hash::{ContentId, ManifestId};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::pin::Entry;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::{AssetRow, BuildRow, DeploymentRow, ProjectRow, StoreStatistics, VersionRow};
use shelfmark_engine::operations::{
    AddedChange, Base, BatchError, BatchReceipt, BodyError, BuildError, Caller, DeployError, Deployed, Done,
    IdempotencyKey, Promotion, PutError, ReadError, ReleaseDraft, Rollback, TokenDraft, Upload, Way, add_changes,
    batch, build, create_project, create_release, promote, put, roll_back,
};

/// Cheap to clone; clones are the same project.
#[derive(Clone, Debug)]
pub struct Site {
    pub engine: Engine,
    pub who: Principal,
    pub name: ProjectName,
}

/// A text as a path, name or number.
pub fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: impl AsRef<str>) -> T {
    text.as_ref().parse().expect("the law names what can be named")
}

/// A machine's token.
pub fn token_for(name: &str, grant: Grant, expires_at: Option<Timestamp>) -> TokenDraft {
    TokenDraft { name: name.to_owned(), user: None, grant, expires_at }
}

/// A release of this title.
pub fn titled(title: impl Into<String>) -> ReleaseDraft {
    ReleaseDraft { title: title.into(), ..ReleaseDraft::default() }
}

/// Bytes as a request's body: they come in pieces.
pub fn body(bytes: impl Into<Bytes>) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    const PIECE_BYTES: usize = 60_000;
    let bytes = bytes.into();
    let pieces = (0..bytes.len()).step_by(PIECE_BYTES);
    let pieces: Vec<_> = pieces.map(|at| Ok(bytes.slice(at..bytes.len().min(at + PIECE_BYTES)))).collect();
    futures::stream::iter(pieces)
}

/// Does everything at the same time, on all threads.
pub async fn at_once<T: Send + 'static>(
    works: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let started: Vec<_> = works.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(started.len());
    for work in started {
        done.push(work.await.expect("it does not panic"));
    }
    done
}

impl Site {
    pub fn caller(&self) -> Caller {
        Caller::new(self.who.clone(), self.engine.clock.now())
    }

    /// A caller who marks repetitions of a request that asks for `what`.
    pub fn caller_with_key(&self, key: &str, what: &str) -> Caller {
        let fingerprint = *blake3::hash(what.as_bytes()).as_bytes();
        Caller { idempotency: Some(IdempotencyKey { key: key.to_owned(), fingerprint }), ..self.caller() }
    }

    /// The same site, asked by someone else.
    pub fn asked_by(&self, who: Principal) -> Self {
        Self { who, ..self.clone() }
    }

    pub async fn row(&self) -> ProjectRow {
        self.engine.catalog.project(&self.name).await.expect("it is read").expect("the project is there")
    }

    pub async fn statistics(&self) -> StoreStatistics {
        self.engine.catalog.store_statistics().await.expect("it is counted")
    }

    pub async fn upload(&self, path: &str, upload: Upload, bytes: impl Into<Bytes>) -> Result<Done, PutError> {
        let put = put(&self.engine, self.caller(), &self.name, of(path), upload, body(bytes));
        put.await.map(|(_, done)| done)
    }

    pub async fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Done {
        self.upload(path, Upload::default(), bytes).await.expect("it is stored")
    }

    pub async fn batch(&self, tar: Vec<u8>) -> Result<BatchReceipt, BatchError> {
        batch(&self.engine, self.caller(), &self.name, "a batch".into(), None, body(tar)).await
    }

    /// Another project of the same engine.
    pub async fn another_project(&self, name: &str) -> Self {
        let name: ProjectName = of(name);
        create_project(&self.engine, &self.caller(), &name, "").await.expect("a project can be made");
        Self { name, ..self.clone() }
    }

    /// The asset that is at a path now.
    pub async fn asset(&self, path: &str) -> Option<AssetRow> {
        let project = self.row().await.number;
        self.engine.catalog.asset_by_path(project, path).await.expect("it is read")
    }

    /// The paths of all assets.
    pub async fn paths(&self) -> Vec<String> {
        let project = self.row().await.number;
        let page = self.engine.catalog.assets(project, "", "", 10_000).await.expect("it is read");
        page.items.into_iter().map(|asset| asset.path).collect()
    }

    /// The versions of the asset at a path, oldest first.
    pub async fn versions(&self, path: &str) -> Vec<VersionRow> {
        let asset = self.asset(path).await.expect("there is an asset");
        let page = self.engine.catalog.versions(asset.id, None, 10_000).await.expect("it is read");
        page.items.into_iter().rev().collect()
    }

    pub async fn read(&self, content: ContentId, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        let pieces: Vec<Bytes> = self.engine.contents.read(content, range).try_collect().await?;
        Ok(pieces.concat())
    }

    /// The bytes of the latest version at a path.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let latest = self.asset(path).await.expect("there is an asset").latest;
        self.read(latest.content, 0..latest.size_bytes).await.expect("it is read")
    }

    pub async fn release(&self, changes: Vec<AddedChange>) -> ReleaseNumber {
        let release = create_release(&self.engine, &self.caller(), &self.name, titled("a release")).await;
        let number = release.expect("a release can be made").number;
        if !changes.is_empty() {
            let added = add_changes(&self.engine, &self.caller(), &self.name, number, changes, None).await;
            added.expect("changes can be added");
        }
        number
    }

    pub async fn try_build(&self, release: ReleaseNumber, base: Base) -> Result<BuildRow, BuildError> {
        build(&self.engine, &self.caller(), &self.name, release, base).await
    }

    /// A build of a new release with these changes, on what the final environment serves.
    pub async fn build_of(&self, changes: Vec<AddedChange>) -> BuildRow {
        let release = self.release(changes).await;
        self.try_build(release, Base::FinalEnvironment).await.expect("it is built")
    }

    /// A build of everything as it is now.
    pub async fn build_latest(&self) -> BuildRow {
        self.build_of(vec![AddedChange::Latest]).await
    }

    /// A build of everything as it was at some moment, while others change it.
    pub async fn try_build_latest(&self) -> Result<BuildName, FailureKind> {
        let (release, latest) = (self.release(Vec::new()).await, vec![AddedChange::Latest]);
        let added = add_changes(&self.engine, &self.caller(), &self.name, release, latest, None).await;
        added.map_err(|error| error.kind())?;
        let built = self.try_build(release, Base::FinalEnvironment).await;
        built.map(|build| build.name).map_err(|error| error.kind())
    }

    pub async fn try_promote(
        &self,
        environment: &str,
        build: BuildName,
        expected: Option<i64>,
    ) -> Result<Deployed, DeployError> {
        let promotion =
            Promotion { environment: of(environment), build, reason: String::new(), way: Way::Person, expected };
        promote(&self.engine, &self.caller(), &self.name, promotion).await
    }

    pub async fn promote(&self, environment: &str, build: BuildName) -> Deployed {
        self.try_promote(environment, build, None).await.expect("it is promoted")
    }

    pub async fn try_roll_back(&self, environment: &str, to: Option<BuildName>) -> Result<Deployed, DeployError> {
        let rollback = Rollback {
            environment: of(environment),
            to,
            reason: "wrong".into(),
            trigger: Trigger::Person,
            expected: None,
        };
        roll_back(&self.engine, &self.caller(), &self.name, rollback).await
    }

    pub async fn roll_back(&self, environment: &str) -> Deployed {
        self.try_roll_back(environment, None).await.expect("it is rolled back")
    }

    /// An environment's deployments, oldest first.
    pub async fn deployments(&self, environment: &str) -> Vec<DeploymentRow> {
        let environment: EnvironmentName = of(environment);
        let project = self.row().await.number;
        let page = self.engine.catalog.deployments(project, &environment, None, 10_000).await.expect("it is read");
        page.items.into_iter().rev().collect()
    }

    /// The build that the pointer in memory names.
    pub fn serves(&self, environment: &str) -> Option<BuildName> {
        let pointer = self.engine.pointers.get(self.name.as_str(), environment).expect("there is an environment");
        pointer.at.environment.serves.map(|served| served.build)
    }

    /// All of a manifest.
    pub async fn entries(&self, manifest: ManifestId) -> BTreeMap<String, Entry> {
        let root = self.engine.manifests.root(manifest).await.expect("the root is read");
        self.engine.manifests.entries(&root, "", None).try_collect().await.expect("the leaves are read")
    }
}
