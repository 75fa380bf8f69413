//! Planning releases: making and describing them.

pub(super) mod changes;

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{ProjectName, ReleaseNumber, SearchName, UserName};
use shelfmark_domain::release::{ReleaseKind, ReleaseState};

use super::revision::{Stale, check_revision};
use super::text::{InvalidText, check_said, check_text};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, ProjectRow, ReleaseRow, Write};
use crate::operations::contents::chunks::ReadError;
use crate::operations::people::caller::{AccessError, Caller};

/// Why a release was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("there is no release {0} in this project; list them with GET releases")]
    NoRelease(ReleaseNumber),
    #[error("release {number} is {state}; only a draft takes changes", state = .state.as_str())]
    NotDraft { number: ReleaseNumber, state: ReleaseState },
    #[error("there is no asset at {0}; check the path")]
    NoAsset(String),
    #[error("asset {0} is not in this project; check its id")]
    ForeignAsset(uuid::Uuid),
    #[error("{path} has no version {number}; it has 1 to {latest}")]
    NoVersion { path: String, number: i64, latest: i64 },
    #[error("nothing is at {0} in what the final environment serves, so nothing can be removed there")]
    NothingToRemove(String),
    #[error("there is no saved search {0}; list them with GET saved-searches")]
    NoSearch(SearchName),
    #[error("there is no person {0}; list them with GET /api/v1/users")]
    NoUser(UserName),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ReleaseError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRelease(_)
            | Self::NoAsset(_)
            | Self::ForeignAsset(_)
            | Self::NoVersion { .. }
            | Self::NoSearch(_)
            | Self::NoUser(_) => FailureKind::NotFound,
            Self::NotDraft { .. } | Self::NothingToRemove(_) => FailureKind::Conflict,
            Self::Stale(error) => error.kind(),
            Self::Text(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        if let Self::Text(error) = self { error.field() } else { None }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}

pub(super) fn audit(
    action: &'static str,
    project: &ProjectRow,
    number: ReleaseNumber,
    details: serde_json::Value,
) -> AuditDraft {
    let (project, subject) = (project.name.to_string(), number.to_string());
    AuditDraft { action, project, subject, message: String::new(), details }
}

/// A release to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseDraft {
    pub title: String,
    pub description: String,
    pub kind: ReleaseKind,
    pub manager: Option<UserName>,
}

/// What to change of a release. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleasePatch {
    pub title: Option<String>,
    pub description: Option<String>,
    pub kind: Option<ReleaseKind>,
    /// The inner `None` leaves the release without a manager.
    pub manager: Option<Option<UserName>>,
    /// The revision that the caller saw, if it insists on it.
    pub expected: Option<i64>,
}

/// Makes a release.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn create_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    draft: ReleaseDraft,
) -> Result<ReleaseRow, ReleaseError> {
    let ReleaseDraft { title, description, kind, manager } = draft;
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_said("title", &title, engine.limits.text_bytes_max)?;
    check_text("description", &description, engine.limits.text_bytes_max)?;
    if let Some(made) = caller.earlier_outcome::<ReleaseNumber>(&engine.catalog).await? {
        let release = engine.catalog.release(project.number, made).await?;
        return release.ok_or(ReleaseError::NoRelease(made));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    check_manager(&mut write, manager.as_ref()).await?;
    let number = write.next_release(project.number).await?;
    let release = ReleaseRow {
        number,
        title,
        description,
        kind,
        manager,
        state: ReleaseState::Draft,
        creator: caller.principal.id.clone(),
        created_by: caller.principal.name.clone(),
        created_at: caller.now,
        last_build: 0,
        revision: 1,
    };
    write.insert_release(project.number, &release).await?;
    let draft = audit("release.created", &project, number, serde_json::json!({ "title": release.title }));
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &number).await?;
    write.commit().await?;
    Ok(release)
}

async fn check_manager(write: &mut Write, manager: Option<&UserName>) -> Result<(), ReleaseError> {
    match manager {
        Some(name) if write.user(name).await?.is_none() => Err(ReleaseError::NoUser(name.clone())),
        _ => Ok(()),
    }
}

/// Changes what a release says of itself.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn describe_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    patch: ReleasePatch,
) -> Result<ReleaseRow, ReleaseError> {
    let ReleasePatch { title, description, kind, manager, expected } = patch;
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        let release = engine.catalog.release(project.number, number).await?;
        return release.ok_or(ReleaseError::NoRelease(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    check_revision(format!("release {number}"), expected, release.revision)?;
    let release = ReleaseRow {
        title: title.unwrap_or(release.title),
        description: description.unwrap_or(release.description),
        kind: kind.unwrap_or(release.kind),
        manager: manager.unwrap_or(release.manager),
        ..release
    };
    check_said("title", &release.title, engine.limits.text_bytes_max)?;
    check_text("description", &release.description, engine.limits.text_bytes_max)?;
    check_manager(&mut write, release.manager.as_ref()).await?;
    write.update_release(project.number, &release).await?;
    let draft = audit("release.described", &project, number, serde_json::json!({ "title": release.title }));
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(ReleaseRow { revision: release.revision + 1, ..release })
}
