//! Making projects and their environments.

use shelfmark_domain::access::{Denied, Permission, Scope};
use shelfmark_domain::failure::{Failure, FailureKind};
use shelfmark_domain::name::{EnvironmentName, ProjectName};
use shelfmark_domain::pin::Visibility;

use super::revision::{Stale, check_revision};
use super::text::{InvalidText, check_text};
use crate::Engine;
use crate::catalog::{AuditDraft, CatalogError, ProjectRow, Write};
use crate::operations::people::caller::{AccessError, Caller};

/// The environments of a new project in their order. Only what the last one serves is public at first.
const DEFAULT_ENVIRONMENTS: [(&str, Visibility); 3] =
    [("development", Visibility::Private), ("staging", Visibility::Private), ("production", Visibility::Public)];

/// Why a project or environment was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("there is a project {0} already; choose another name")]
    Taken(ProjectName),
    #[error("there is an environment {0} already; change it, or choose another name")]
    EnvironmentTaken(EnvironmentName),
    #[error("there is no environment {0} in this project; list them with GET environments")]
    NoEnvironment(EnvironmentName),
    #[error("position {0} is not between 1 and {1}; environments are counted from 1")]
    Position(i64, usize),
    #[error("the project has {0} environments, the most that are allowed")]
    TooMany(usize),
    #[error(transparent)]
    Text(#[from] InvalidText),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Failure for ProjectError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Taken(_) | Self::EnvironmentTaken(_) => FailureKind::Conflict,
            Self::Position(..) => FailureKind::Invalid,
            Self::NoEnvironment(_) => FailureKind::NotFound,
            Self::TooMany(_) => FailureKind::TooLarge,
            Self::Text(error) => error.kind(),
            Self::Stale(error) => error.kind(),
            Self::Denied(error) => error.kind(),
            Self::Access(error) => error.kind(),
            Self::Catalog(error) => error.kind(),
        }
    }

    fn present_revision(&self) -> Option<i64> {
        if let Self::Stale(error) = self { error.present_revision() } else { None }
    }
}

fn draft(action: &'static str, project: &ProjectName, subject: String, details: serde_json::Value) -> AuditDraft {
    AuditDraft { action, project: project.to_string(), subject, message: String::new(), details }
}

/// Makes a project with the environments development, staging and production.
///
/// # Errors
/// `Taken`, `Text`, `Denied`, `Catalog`; nothing has been changed.
pub async fn create_project(
    engine: &Engine,
    caller: &Caller,
    name: &ProjectName,
    title: &str,
) -> Result<ProjectRow, ProjectError> {
    caller.principal.require(Permission::Administer, Scope::Service)?;
    check_text("title", title, engine.limits.text_bytes_max)?;
    if let Some(made) = caller.earlier_outcome::<ProjectName>(&engine.catalog).await? {
        return Ok(caller.project(&engine.catalog, &made, Permission::Administer).await?);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let Some(project) = write.insert_project(name, title, caller.now).await? else {
        return Err(ProjectError::Taken(name.clone()));
    };
    let details = serde_json::json!({ "title": title });
    let sequence =
        write.record(&caller.principal, caller.now, draft("project.created", name, name.to_string(), details));
    for ((environment, visibility), position) in DEFAULT_ENVIRONMENTS.into_iter().zip(1..) {
        let environment = environment.parse().expect("the default names are names");
        write.put_environment(project.number, (&environment, visibility), position, true, sequence).await?;
    }
    caller.note_outcome(&mut write, name).await?;
    engine.pointers.commit(write, project.number).await?;
    Ok(project)
}

/// Gives a project another title; with `expected`, only if it is still at that revision.
///
/// # Errors
/// `Text`, `Stale`, `Access`, `Catalog`; nothing has been changed.
pub async fn retitle_project(
    engine: &Engine,
    caller: &Caller,
    name: &ProjectName,
    title: &str,
    expected: Option<i64>,
) -> Result<ProjectRow, ProjectError> {
    let project = caller.project(&engine.catalog, name, Permission::Administer).await?;
    check_text("title", title, engine.limits.text_bytes_max)?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(project);
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let present = write.project(project.number).await?.ok_or_else(|| AccessError::NoProject(name.clone()))?;
    check_revision(format!("project {name}"), expected, present.revision)?;
    write.set_project_title(project.number, title).await?;
    let details = serde_json::json!({ "title": title });
    write.record(&caller.principal, caller.now, draft("project.retitled", name, name.to_string(), details));
    caller.note_outcome(&mut write, &()).await?;
    write.commit().await?;
    Ok(ProjectRow { title: title.to_owned(), revision: present.revision + 1, ..present })
}

/// What to set of an environment; `None` keeps it, and for a new one means last and private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// Its place in the order, counted from 1.
    pub position: Option<i64>,
    /// Of what no access rule covers.
    pub visibility: Option<Visibility>,
    /// The revision that a present one must be at.
    pub expected: Option<i64>,
}

/// Makes an environment.
///
/// # Errors
/// See `ProjectError`; nothing has been changed.
pub async fn create_environment(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    name: &EnvironmentName,
    settings: EnvironmentSettings,
) -> Result<(), ProjectError> {
    place_environment(engine, caller, project, name, settings, true).await
}

/// Changes an environment's place or visibility.
///
/// # Errors
/// See `ProjectError`; nothing has been changed.
pub async fn set_environment(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    name: &EnvironmentName,
    settings: EnvironmentSettings,
) -> Result<(), ProjectError> {
    place_environment(engine, caller, project, name, settings, false).await
}

async fn place_environment(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    name: &EnvironmentName,
    settings: EnvironmentSettings,
    is_new: bool,
) -> Result<(), ProjectError> {
    let project = caller.project(&engine.catalog, project, Permission::Administer).await?;
    if caller.earlier_outcome::<()>(&engine.catalog).await?.is_some() {
        return Ok(());
    }
    let mut write = caller.begin(&engine.catalog).await?;
    let order = new_order(&mut write, &project, name, settings, is_new, engine.limits.environments_max).await?;
    let action = if is_new { "environment.created" } else { "environment.changed" };
    let names: Vec<&str> = order.iter().map(|(name, _)| name.as_str()).collect();
    let details = serde_json::json!({ "order": names, "visibility": settings.visibility });
    let sequence = write.record(&caller.principal, caller.now, draft(action, &project.name, name.to_string(), details));
    for ((present, visibility), position) in order.iter().zip(1..) {
        let is_asked_for = present == name;
        write.put_environment(project.number, (present, *visibility), position, is_asked_for, sequence).await?;
    }
    caller.note_outcome(&mut write, &()).await?;
    engine.pointers.commit(write, project.number).await?;
    Ok(())
}

/// The project's environments in their new order.
async fn new_order(
    write: &mut Write,
    project: &ProjectRow,
    name: &EnvironmentName,
    settings: EnvironmentSettings,
    is_new: bool,
    most: usize,
) -> Result<Vec<(EnvironmentName, Visibility)>, ProjectError> {
    let present = write.environments(project.number).await?;
    if let Some(at) = present.iter().find(|at| !is_new && at.environment.name == *name) {
        check_revision(format!("environment {name}"), settings.expected, at.environment.revision)?;
    }
    let mut order: Vec<(EnvironmentName, Visibility)> =
        present.into_iter().map(|at| (at.environment.name, at.environment.visibility)).collect();
    let found = order.iter().position(|(present, _)| present == name);
    let (old_place, old_visibility) = match (found, is_new) {
        (Some(_), true) => return Err(ProjectError::EnvironmentTaken(name.clone())),
        (None, false) => return Err(ProjectError::NoEnvironment(name.clone())),
        (None, true) if order.len() >= most => return Err(ProjectError::TooMany(most)),
        (None, true) => (order.len(), Visibility::Private),
        (Some(place), false) => (place, order.remove(place).1),
    };
    let place = match settings.position {
        None => old_place,
        Some(position) => match usize::try_from(position) {
            Ok(position) if (1..=order.len() + 1).contains(&position) => position - 1,
            _ => return Err(ProjectError::Position(position, order.len() + 1)),
        },
    };
    order.insert(place, (name.clone(), settings.visibility.unwrap_or(old_visibility)));
    Ok(order)
}
