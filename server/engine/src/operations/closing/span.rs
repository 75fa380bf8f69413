//! Notes of an environment: what all its releases in a span of time made of it.

use shelfmark_domain::access::Permission;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::notes::{Audience, NotesSubject, Stayed, stayed};
use shelfmark_domain::time::Timestamp;

use super::error::ClosingError;
use super::facts::{Scope, gather};
use super::generated::GeneratedNotes;
use super::template::notes_template;
use crate::Engine;
use crate::operations::builds::compare::Side;
use crate::operations::people::caller::Caller;

/// Most deployments that are looked at; of later ones only the comparison tells.
const MOVES_MAX: u32 = 10_000;

/// The notes of an environment between two instants. What was taken back in between is not among them.
///
/// # Errors
/// `Span`, `NoEnvironment`; otherwise see `ClosingError`.
pub async fn environment_notes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    environment: &EnvironmentName,
    (from, to): (Timestamp, Timestamp),
    audience: Audience,
) -> Result<GeneratedNotes, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    if from >= to {
        return Err(ClosingError::Span { from, to });
    }
    if engine.catalog.environment(project.number, environment).await?.is_none() {
        return Err(ClosingError::NoEnvironment(environment.clone()));
    }
    let served = async |at: Timestamp| {
        let row = engine.catalog.deployment_at(project.number, environment, at).await?;
        Ok::<Option<BuildName>, ClosingError>(row.map(|row| row.serves.build))
    };
    let (served_from, served_to) = (served(from).await?, served(to).await?);
    let moves = engine.catalog.moves_between(project.number, environment, (from, to), MOVES_MAX).await?;
    let Stayed { releases, taken_back } = stayed(moves);
    let side = |build: Option<BuildName>| build.map_or(Side::Empty, Side::Build);
    let scope = Scope {
        releases: &releases.clone(),
        subject: NotesSubject::Environment {
            environment: environment.clone(),
            from,
            to,
            served_from,
            served_to,
            releases,
            taken_back,
        },
        sides: Some((side(served_from), side(served_to))),
    };
    let facts = gather(engine, caller, &project, scope).await?;
    Ok(GeneratedNotes::of(audience, &notes_template(engine, &project).await?, &facts))
}
