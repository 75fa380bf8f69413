//! The audit trail: who did what when.

use actix_web::{get, web::Json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::audit::AuditEntry;
use shelfmark_domain::name::ProjectName;
use shelfmark_domain::time::Timestamp;
use shelfmark_engine::catalog::CatalogError;

use super::extract::{Asked, PageView};
use crate::web::Problem;

/// How often the trail is read again when it grew meanwhile.
const TRIES: u32 = 5;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Those of one project; of everything when absent.
    project: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntryView {
    /// 1, 2, 3 and so on without gaps.
    sequence: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The id of the token.
    actor: String,
    /// What it was called then.
    actor_name: String,
    #[schema(example = "environment.promoted")]
    action: String,
    /// Null for what concerns the whole service.
    project: Option<String>,
    /// What it was done to, such as a path or a build.
    subject: String,
    /// What the actor said about it.
    message: String,
    #[schema(value_type = Object)]
    details: Box<RawValue>,
    /// BLAKE3 over this entry and the one before.
    hash: String,
}

impl TryFrom<AuditEntry> for AuditEntryView {
    type Error = CatalogError;

    fn try_from(entry: AuditEntry) -> Result<Self, CatalogError> {
        let hash = hex(&entry.hash());
        let AuditEntry { sequence, at, actor, actor_name, action, project, subject, message, details, .. } = entry;
        let details = RawValue::from_string(details)
            .map_err(|_| CatalogError::Corrupt(format!("audit entry {sequence} with details that are no JSON")))?;
        let project = Some(project).filter(|project| !project.is_empty());
        Ok(Self { sequence, at, actor, actor_name, action, project, subject, message, details, hash })
    }
}

fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_string()
}

/// Lists the audit trail, newest first: of one project for those who may read it, of everything for administrators.
#[utoipa::path(tag = "audit", params(AuditQuery), responses((status = 200, body = PageView<AuditEntryView>)))]
#[get("/audit")]
pub async fn list_audit(asked: Asked) -> Result<Json<PageView<AuditEntryView>>, Problem> {
    let caller = asked.caller().await?;
    let AuditQuery { project, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    match &project {
        None => caller.principal.require(Permission::Administer, Scope::Service)?,
        Some(name) => {
            let name: ProjectName = name.parse().map_err(|why| Problem::invalid("project", why))?;
            caller.project(asked.catalog(), &name, Permission::Read).await?;
        }
    }
    let found = asked.catalog().audit_entries(project.as_deref(), page.number()?, page.limit).await?;
    let next_cursor = found.next.map(|cursor| cursor.to_string());
    let items: Result<Vec<_>, _> = found.items.into_iter().map(AuditEntryView::try_from).collect();
    Ok(Json(PageView { items: items?, next_cursor }))
}

/// An audit trail that is whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedView {
    entries: u64,
    /// Hash of the last entry. Kept elsewhere, it proves later that nothing before it has been changed.
    head: String,
    /// True; a trail that is broken is a problem of the type `corrupt`.
    intact: bool,
}

/// Computes the whole chain of hashes again, from the first entry to the last.
#[utoipa::path(tag = "audit", responses((status = 200, body = VerifiedView)))]
#[get("/audit/verify")]
pub async fn verify_audit(asked: Asked) -> Result<Json<VerifiedView>, Problem> {
    let caller = asked.caller().await?;
    caller.principal.require(Permission::Administer, Scope::Service)?;
    let mut tries = 0;
    loop {
        let (sequence, hash) = asked.catalog().audit_head().await?;
        let entries = asked.catalog().verify_audit().await?;
        tries += 1;
        // The head must be that of the entries that were counted.
        if i64::try_from(entries) == Ok(sequence) || tries == TRIES {
            let head = hash.as_slice().try_into().map(|hash: &[u8; 32]| hex(hash)).unwrap_or_default();
            return Ok(Json(VerifiedView { entries: sequence.unsigned_abs(), head, intact: true }));
        }
    }
}
