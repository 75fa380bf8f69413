//! Asking the gate without moving anything: would this build pass there, then?

use shelfmark_domain::access::Permission;
use shelfmark_domain::gate::{Class, Question, Trigger, Verdict};
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName};
use shelfmark_domain::time::Timestamp;

use super::error::GateError;
use super::facts::{NoPlace, Place};
use super::prepared::{PrepareError, Prepared};
use crate::Engine;
use crate::operations::people::caller::Caller;

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub environment: EnvironmentName,
    pub build: BuildName,
    /// `None`: now.
    pub at: Option<Timestamp>,
    /// `None`: that of the release's kind.
    pub class: Option<Class>,
    pub trigger: Trigger,
}

impl From<PrepareError> for GateError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Read(error) => Self::Read(error),
            PrepareError::Catalog(error) => Self::Catalog(error),
            PrepareError::References(error) => Self::References(error),
        }
    }
}

/// What the gate would say, by the same function that a promotion asks.
///
/// # Errors
/// `NoEnvironment`, `NoBuild`, `Access`, `Read`, `Catalog`.
pub async fn preview(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    asked: Preview,
) -> Result<(Question, Verdict), GateError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    let mut snapshot = engine.catalog.snapshot().await?;
    let place = Place::read(&mut snapshot.reading(), &project, &asked.environment, asked.build).await;
    drop(snapshot); // what is prepared may take its time
    let place = place.map_err(|error| match error {
        NoPlace::Environment => GateError::NoEnvironment(asked.environment.clone()),
        NoPlace::Build => GateError::NoBuild(asked.build),
        NoPlace::Catalog(error) => GateError::Catalog(error),
    })?;
    let prepared = match Prepared::default() {
        nothing if nothing.fits(&place) => nothing,
        _ => Prepared::for_place(engine, &project, &place).await?,
    };
    let question = Question {
        environment: asked.environment,
        build: asked.build,
        at: asked.at.unwrap_or(caller.now),
        class: asked.class.unwrap_or_else(|| place.kind().into()),
        trigger: asked.trigger,
        reason: "a preview".to_owned(),
    };
    let mut snapshot = engine.catalog.snapshot().await?;
    let verdict = place.decide(engine, &mut snapshot.reading(), &project, &question, &prepared).await?;
    Ok((question, verdict))
}
