//! The key of a project's calendar feed. Calendar programs can send no headers, so the key stands in the address; it
//! opens the calendar and nothing else. Its secret is shown once and stored only as a hash.

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::ProjectName;

use crate::Engine;
use crate::catalog::{AuditDraft, CalendarKeyRow, CatalogError, ProjectRow};
use crate::operations::people::caller::{AccessError, Caller};

/// What every key starts with, so that people and scanners recognise one.
const KEY_PREFIX: &str = "smc_";
/// The longest text that is looked up, in bytes.
const KEY_BYTES_MAX: usize = 256;

/// Why the key of a feed was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("project {0} has no key for its calendar, so there is none to revoke")]
    NoKey(ProjectName),
    #[error(
        "this Idempotency-Key has made a key already, and it was shown then, once; if it was lost, make another one with \
         a new Idempotency-Key"
    )]
    ShownOnce,
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for FeedError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoKey(_) => FailureKind::NotFound,
            Self::ShownOnce => FailureKind::Conflict,
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// The hash under which a key is stored. Keys are long and random, so a fast hash is enough.
fn hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

fn audit(action: &'static str, project: &ProjectRow) -> AuditDraft {
    let (project, message) = (project.name.to_string(), String::new());
    AuditDraft { action, subject: project.clone(), project, message, details: serde_json::json!({}) }
}

/// Makes the key of a project's calendar; one that was there before opens nothing any more. The second value is the
/// key, which nobody can show again.
///
/// # Errors
/// See `FeedError`; nothing has been changed.
pub async fn create_calendar_key(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
) -> Result<(CalendarKeyRow, String), FeedError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Err(FeedError::ShownOnce);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(uuid::Uuid::new_v4().as_bytes()).update(uuid::Uuid::new_v4().as_bytes());
    let secret = format!("{KEY_PREFIX}{}", hasher.finalize().to_hex());
    let key = CalendarKeyRow { created_by: caller.principal.name.clone(), created_at: caller.now };
    let mut write = caller.begin(&engine.catalog).await?;
    write.put_calendar_key(project.number, &hash(&secret), &key).await?;
    write.record(&caller.principal, caller.now, audit("calendar_key.created", &project));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok((key, secret))
}

/// Takes the key of a project's calendar away at once.
///
/// # Errors
/// See `FeedError`; nothing has been changed.
pub async fn revoke_calendar_key(engine: &Engine, caller: &Caller, project: &ProjectName) -> Result<(), FeedError> {
    let project = caller.project(&engine.catalog, project, Permission::PlanReleases).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    if !write.remove_calendar_key(project.number).await? {
        return Err(FeedError::NoKey(project.name));
    }
    write.record(&caller.principal, caller.now, audit("calendar_key.revoked", &project));
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}

/// The project, when the key opens its calendar.
///
/// # Errors
/// When the database doesn't answer.
pub async fn opens_calendar(
    engine: &Engine,
    project: &ProjectName,
    secret: &str,
) -> Result<Option<ProjectRow>, CatalogError> {
    if secret.len() > KEY_BYTES_MAX {
        return Ok(None);
    }
    let opened = engine.catalog.project_of_calendar_key(&hash(secret)).await?;
    let project = engine.catalog.project(project).await?;
    Ok(project.filter(|project| Some(project.number) == opened))
}
