//! Who calls an operation, and the one place where access to a project is decided.

use shelfmark_domain::access::{Denied, Grant, Permission, Principal, Role, Scope};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{EnvironmentName, ProjectName};
use shelfmark_domain::time::Timestamp;

use crate::catalog::{Catalog, CatalogError, ProjectRow, Write};

/// Whoever calls, when, and under which key a repetition of the call is recognised.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    pub now: Timestamp,
    pub idempotency: Option<IdempotencyKey>,
}

/// A key by which the caller marks repetitions of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: String,
    /// A hash of what is asked for, so that the same key for something else is noticed.
    pub fingerprint: [u8; 32],
}

/// Why a project can't be used by a caller.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("there is no project {0} that you may see; list yours with GET /api/v1/projects")]
    NoProject(ProjectName),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the Idempotency-Key {0:?} was used for another request; use a new one")]
    KeyReused(String),
    #[error("a request with the Idempotency-Key {0:?} is being carried out; ask again when it is done")]
    KeyInUse(String),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for AccessError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoProject(_) => FailureKind::NotFound,
            Self::Denied(error) => error.kind(),
            Self::KeyReused(_) => FailureKind::Conflict,
            Self::KeyInUse(_) => FailureKind::Busy,
            Self::Catalog(error) => error.kind(),
        }
    }
}

impl Caller {
    /// A caller without an idempotency key.
    pub fn new(principal: Principal, now: Timestamp) -> Self {
        Self { principal, now, idempotency: None }
    }

    /// A job of the service itself, which may do anything; `name` says in the audit trail which one.
    pub fn system(name: &str, now: Timestamp) -> Self {
        let grant = Grant { role: Role::Administrator, project: None, environment: None };
        let (id, name) = ("system".to_owned(), name.to_owned());
        Self::new(Principal { id, name, user: None, grants: vec![grant] }, now)
    }

    /// The project, if the caller has the permission in it. A project that the caller may not see at all does not
    /// exist for it.
    ///
    /// # Errors
    /// `NoProject`, `Denied`, `Catalog`.
    pub async fn project(
        &self,
        catalog: &Catalog,
        name: &ProjectName,
        permission: Permission,
    ) -> Result<ProjectRow, AccessError> {
        self.within(catalog, name, permission, Scope::Project(name)).await
    }

    /// The project, if the caller has the permission for one of its environments.
    ///
    /// # Errors
    /// As `project`.
    pub async fn environment(
        &self,
        catalog: &Catalog,
        name: &ProjectName,
        environment: &EnvironmentName,
        permission: Permission,
    ) -> Result<ProjectRow, AccessError> {
        self.within(catalog, name, permission, Scope::Environment(name, environment)).await
    }

    async fn within(
        &self,
        catalog: &Catalog,
        name: &ProjectName,
        permission: Permission,
        scope: Scope<'_>,
    ) -> Result<ProjectRow, AccessError> {
        if !self.principal.may_see(name) {
            return Err(AccessError::NoProject(name.clone()));
        }
        let project = catalog.project(name).await?.ok_or_else(|| AccessError::NoProject(name.clone()))?;
        self.principal.require(permission, scope)?;
        Ok(project)
    }

    /// Adds to what the request asks for, when that could not be known before: the same key for another stream is
    /// another request.
    pub(crate) fn asks_for(&mut self, what: &[u8]) {
        if let Some(IdempotencyKey { fingerprint, .. }) = &mut self.idempotency {
            *fingerprint = *blake3::Hasher::new().update(fingerprint).update(what).finalize().as_bytes();
        }
    }

    /// What an earlier request with the same key brought about; `None` when this is the first one.
    ///
    /// # Errors
    /// `KeyReused` when that request asked for something else.
    pub async fn earlier_outcome<T: serde::de::DeserializeOwned>(
        &self,
        catalog: &Catalog,
    ) -> Result<Option<T>, AccessError> {
        let Some(IdempotencyKey { key, fingerprint }) = &self.idempotency else { return Ok(None) };
        let Some((asked, outcome)) = catalog.idempotent_outcome(&self.principal.id, key).await? else {
            return Ok(None);
        };
        match serde_json::from_str(&outcome) {
            Ok(outcome) if asked == *fingerprint => Ok(Some(outcome)),
            _ => Err(AccessError::KeyReused(key.clone())),
        }
    }

    /// Begins a change, unless another request with the same key has been quicker: what it has done must not be taken
    /// for a reason to refuse this one.
    ///
    /// # Errors
    /// `KeyInUse`, `Catalog`.
    pub async fn begin(&self, catalog: &Catalog) -> Result<Write, AccessError> {
        let mut write = catalog.write().await?;
        self.check_first(&mut write).await?;
        Ok(write)
    }

    /// Whether nobody has carried out a request with the same key yet.
    ///
    /// # Errors
    /// `KeyInUse`, `Catalog`.
    pub(crate) async fn check_first(&self, write: &mut Write) -> Result<(), AccessError> {
        match &self.idempotency {
            Some(IdempotencyKey { key, .. }) if write.is_noted(&self.principal.id, key).await? => {
                Err(AccessError::KeyInUse(key.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Notes in the same transaction what this request brings about.
    ///
    /// # Errors
    /// `KeyInUse` when another request with the key was first; the transaction must be given up.
    pub async fn note_outcome(&self, write: &mut Write, outcome: &impl serde::Serialize) -> Result<(), AccessError> {
        let Some(IdempotencyKey { key, fingerprint }) = &self.idempotency else { return Ok(()) };
        let outcome = serde_json::to_string(outcome).expect("outcomes consist of names and numbers");
        if write.note_outcome(&self.principal.id, key, *fingerprint, &outcome, self.now).await? {
            return Ok(());
        }
        Err(AccessError::KeyInUse(key.clone()))
    }
}
