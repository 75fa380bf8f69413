//! Planning releases: making and describing them.

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{ProjectName, ReleaseNumber};
use shelfmark_domain::release::ReleaseState;

use super::caller::{AccessError, Caller};
use super::chunks::ReadError;
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, ProjectRow, ReleaseRow};

/// Why a release was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("there is no release {0} in this project; list them with GET releases")]
    NoRelease(ReleaseNumber),
    #[error("release {number} is at revision {found}, not {expected} as expected; look at it and try again")]
    Stale { number: ReleaseNumber, expected: i64, found: i64 },
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
    #[error("{field} is longer than {max} bytes; shorten it")]
    TooLong { field: &'static str, max: usize },
    #[error("{0} has a NUL character; remove it")]
    Nul(&'static str),
    #[error("the title is empty; give the release a name that people know it by")]
    NoTitle,
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
            Self::NoRelease(_) | Self::NoAsset(_) | Self::ForeignAsset(_) | Self::NoVersion { .. } => {
                FailureKind::NotFound
            }
            Self::NotDraft { .. } | Self::NothingToRemove(_) => FailureKind::Conflict,
            Self::Stale { .. } => FailureKind::Stale,
            Self::TooLong { .. } | Self::Nul(_) | Self::NoTitle => FailureKind::Invalid,
            Self::Access(error) => error.kind(),
            Self::Read(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale { found, .. } = self { Some(*found) } else { None }
    }
}

/// Whether the release is what the caller saw, if it insists on that.
pub(super) fn check_revision(release: &ReleaseRow, expected: Option<i64>) -> Result<(), ReleaseError> {
    match expected {
        Some(expected) if expected != release.revision => {
            Err(ReleaseError::Stale { number: release.number, expected, found: release.revision })
        }
        _ => Ok(()),
    }
}

pub(super) fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), ReleaseError> {
    if text.len() > max {
        return Err(ReleaseError::TooLong { field, max });
    }
    if text.contains('\0') { Err(ReleaseError::Nul(field)) } else { Ok(()) }
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

/// Makes a release.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn create_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    title: &str,
    description: &str,
) -> Result<ReleaseRow, ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    check_text("title", title, engine.limits.text_bytes_max)?;
    check_text("description", description, engine.limits.text_bytes_max)?;
    if title.trim().is_empty() {
        return Err(ReleaseError::NoTitle);
    }
    if let Some(made) = caller.earlier_outcome::<ReleaseNumber>(&engine.catalog).await? {
        let release = engine.catalog.release(project.number, made).await?;
        return release.ok_or(ReleaseError::NoRelease(made));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let number = write.next_release(project.number).await?;
    let release = ReleaseRow {
        number,
        title: title.to_owned(),
        description: description.to_owned(),
        state: ReleaseState::Draft,
        created_by: caller.principal.name.clone(),
        created_at: caller.now,
        last_build: 0,
        revision: 1,
    };
    write.insert_release(project.number, &release).await?;
    let draft = audit("release.created", &project, number, serde_json::json!({ "title": title }));
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &number).await?;
    write.commit().await?;
    Ok(release)
}

/// Gives a release another title or description; with `expected`, only if it is still at that revision.
///
/// # Errors
/// See `ReleaseError`; nothing has been changed.
pub async fn describe_release(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    title: Option<String>,
    description: Option<String>,
    expected: Option<i64>,
) -> Result<ReleaseRow, ReleaseError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        let release = engine.catalog.release(project.number, number).await?;
        return release.ok_or(ReleaseError::NoRelease(number));
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let release = write.release(project.number, number).await?.ok_or(ReleaseError::NoRelease(number))?;
    check_revision(&release, expected)?;
    let release = ReleaseRow {
        title: title.unwrap_or(release.title),
        description: description.unwrap_or(release.description),
        ..release
    };
    check_text("title", &release.title, engine.limits.text_bytes_max)?;
    check_text("description", &release.description, engine.limits.text_bytes_max)?;
    if release.title.trim().is_empty() {
        return Err(ReleaseError::NoTitle);
    }
    write.update_release(project.number, &release).await?;
    let draft = audit("release.described", &project, number, serde_json::json!({ "title": release.title }));
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(ReleaseRow { revision: release.revision + 1, ..release })
}
