//! Saving searches, changing and removing them.

use shelfmark_domain::access::Permission;
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::filter::{AssetFilter, InvalidFilter};
use shelfmark_domain::name::{ProjectName, SearchName};

use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, ProjectRow, SearchRow};
use crate::operations::people::caller::{AccessError, Caller};
use crate::operations::revision::{Stale, check_revision};

/// Why a saved search was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("there is a saved search {0} already; change it, or choose another name")]
    Taken(SearchName),
    #[error("there is no saved search {0}; list them with GET saved-searches")]
    NoSearch(SearchName),
    #[error("the project has {0} saved searches, which is as many as it may have; remove one first")]
    TooMany(usize),
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for SearchError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Taken(_) | Self::TooMany(_) => FailureKind::Conflict,
            Self::NoSearch(_) => FailureKind::NotFound,
            Self::Filter(_) => FailureKind::Invalid,
            Self::Stale(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        if matches!(self, Self::Filter(_)) { Some("filter") } else { None }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}

fn audit(action: &'static str, project: &ProjectRow, name: &SearchName, filter: &AssetFilter) -> AuditDraft {
    let details = serde_json::json!({ "filter": filter });
    let (project, subject, message) = (project.name.to_string(), name.to_string(), String::new());
    AuditDraft { action, project, subject, message, details }
}

/// What came of an earlier request with the same key.
async fn earlier(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    name: &SearchName,
) -> Result<Option<SearchRow>, SearchError> {
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_none() {
        return Ok(None);
    }
    let search = engine.catalog.saved_search(project.number, name).await?;
    search.map(Some).ok_or_else(|| SearchError::NoSearch(name.clone()))
}

/// Saves a search.
///
/// # Errors
/// See `SearchError`; nothing has been changed.
pub async fn create_search(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    name: SearchName,
    filter: AssetFilter,
) -> Result<SearchRow, SearchError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    let filter = filter.checked()?;
    if let Some(earlier) = earlier(engine, caller, &project, &name).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    if write.saved_search(project.number, &name).await?.is_some() {
        return Err(SearchError::Taken(name));
    }
    let most = engine.limits.searches_max;
    if write.count_saved_searches(project.number).await? >= most {
        return Err(SearchError::TooMany(most));
    }
    let created_by = caller.principal.name.clone();
    let search = SearchRow { name, filter, created_by, created_at: caller.now, revision: 1 };
    write.put_saved_search(project.number, &search).await?;
    let draft = audit("saved_search.created", &project, &search.name, &search.filter);
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(search)
}

/// Gives a saved search another filter.
///
/// # Errors
/// See `SearchError`; nothing has been changed.
pub async fn change_search(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    name: &SearchName,
    filter: AssetFilter,
    expected: Option<i64>,
) -> Result<SearchRow, SearchError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    let filter = filter.checked()?;
    if let Some(earlier) = earlier(engine, caller, &project, name).await? {
        return Ok(earlier);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let present = write.saved_search(project.number, name).await?;
    let present = present.ok_or_else(|| SearchError::NoSearch(name.clone()))?;
    check_revision(format!("the saved search {name}"), expected, present.revision)?;
    let search = SearchRow { filter, revision: present.revision + 1, ..present };
    write.put_saved_search(project.number, &search).await?;
    let draft = audit("saved_search.changed", &project, name, &search.filter);
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(search)
}

/// Removes a saved search. What it has found for releases stays in them.
///
/// # Errors
/// See `SearchError`; nothing has been changed.
pub async fn remove_search(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    name: &SearchName,
    expected: Option<i64>,
) -> Result<(), SearchError> {
    let project = caller.project(&engine.catalog, project, Permission::EditAssets).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let present = write.saved_search(project.number, name).await?;
    let present = present.ok_or_else(|| SearchError::NoSearch(name.clone()))?;
    check_revision(format!("the saved search {name}"), expected, present.revision)?;
    write.remove_saved_search(project.number, name).await?;
    let draft = audit("saved_search.removed", &project, name, &present.filter);
    write.record(&caller.principal, caller.now, draft);
    caller.note_outcome(&mut write, &()).await?;
    Ok(write.commit().await?)
}
