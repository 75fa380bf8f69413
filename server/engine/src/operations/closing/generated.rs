//! A release's notes: what is generated, what a person wrote in its place, and what was published.

use shelfmark_domain::access::Permission;
use shelfmark_domain::environment::DeploymentKind;
use shelfmark_domain::name::{BuildName, EnvironmentName, ProjectName, ReleaseNumber};
use shelfmark_domain::notes::{
    Audience, NotesDocument, NotesFacts, NotesSubject, NotesTemplate, generate, to_markdown,
};

use super::error::ClosingError;
use super::facts::{Scope, gather};
use super::template::notes_template;
use crate::Engine;
use crate::catalog::{NoteEditRow, ProjectRow, PublishedNoteRow, ReleaseRow};
use crate::operations::builds::compare::Side;
use crate::operations::people::caller::Caller;

/// Deployments read at a time.
const DEPLOYMENTS_AT_ONCE: u32 = 1_000;

/// Notes that were generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedNotes {
    pub document: NotesDocument,
    pub markdown: String,
}

/// All that there is of a release's notes for an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseNotes {
    pub release: ReleaseRow,
    pub audience: Audience,
    pub generated: GeneratedNotes,
    /// What a person wrote last, or that they took it back.
    pub edit: Option<NoteEditRow>,
    /// Whether the release has changed since the edit: something else would be generated now.
    pub is_outdated: bool,
    pub published: Option<PublishedNoteRow>,
}

impl GeneratedNotes {
    pub(super) fn of(audience: Audience, template: &NotesTemplate, facts: &NotesFacts) -> Self {
        let document = generate(audience, template, facts);
        Self { markdown: to_markdown(&document), document }
    }

    /// What tells whether something else is generated now.
    pub(super) fn digest(&self) -> [u8; 32] {
        *blake3::hash(self.markdown.as_bytes()).as_bytes()
    }
}

impl ReleaseNotes {
    /// What a person wrote; `None` where the generated notes hold.
    pub fn edited(&self) -> Option<&str> {
        self.edit.as_ref()?.text.as_deref()
    }

    /// What holds: what a person wrote, or else what is generated.
    pub fn text(&self) -> &str {
        self.edited().unwrap_or(&self.generated.markdown)
    }

    /// Counts the edits.
    pub fn revision(&self) -> i64 {
        self.edit.as_ref().map_or(0, |edit| edit.revision)
    }
}

/// A release's notes for an audience. They are generated against the build's base, or with `against` against what that
/// environment served before the release came there (what it serves now, if it has not come there).
///
/// # Errors
/// See `ClosingError`.
pub async fn release_notes(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectName,
    number: ReleaseNumber,
    audience: Audience,
    against: Option<&EnvironmentName>,
) -> Result<ReleaseNotes, ClosingError> {
    let project = caller.project(&engine.catalog, project, Permission::Read).await?;
    let release = engine.catalog.release(project.number, number).await?.ok_or(ClosingError::NoRelease(number))?;
    let template = notes_template(engine, &project).await?;
    let plain = GeneratedNotes::of(audience, &template, &facts(engine, caller, &project, &release, None).await?);
    let generated = match against {
        None => plain.clone(),
        Some(_) => {
            let facts = facts(engine, caller, &project, &release, against).await?;
            GeneratedNotes::of(audience, &template, &facts)
        }
    };
    let mut snapshot = engine.catalog.snapshot().await?;
    let edit = snapshot.reading().note_edit(project.number, number, audience).await?;
    let published = snapshot.reading().last_published(project.number, number).await?;
    let is_outdated = edit.as_ref().is_some_and(|edit| edit.text.is_some() && edit.basis != plain.digest());
    let published = published.into_iter().find(|row| row.audience == audience);
    Ok(ReleaseNotes { release, audience, generated, edit, is_outdated, published })
}

/// What a release's notes are generated from.
pub(super) async fn facts(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectRow,
    release: &ReleaseRow,
    against: Option<&EnvironmentName>,
) -> Result<NotesFacts, ClosingError> {
    let number = release.number;
    let build = (release.last_build > 0).then_some(BuildName { release: number, number: release.last_build });
    let against = match (build, against) {
        (Some(build), None) => {
            let row = engine.catalog.build(project.number, build).await?;
            row.ok_or(ClosingError::LostBuild(build))?.base
        }
        (_, Some(environment)) => served_before(engine, project, number, environment).await?,
        (None, None) => None,
    };
    let side = |build: Option<BuildName>| build.map_or(Side::Empty, Side::Build);
    let scope = Scope {
        subject: NotesSubject::Release { release: number, title: release.title.clone(), build, against },
        releases: &[number],
        sides: build.map(|build| (side(against), Side::Build(build))),
    };
    gather(engine, caller, project, scope).await
}

/// What an environment served before a release came there.
async fn served_before(
    engine: &Engine,
    project: &ProjectRow,
    release: ReleaseNumber,
    environment: &EnvironmentName,
) -> Result<Option<BuildName>, ClosingError> {
    let present = engine.catalog.environment(project.number, environment).await?;
    let present = present.ok_or_else(|| ClosingError::NoEnvironment(environment.clone()))?.environment;
    let mut before = None;
    let mut after = 0;
    loop {
        let place = Some((environment, after));
        let rows = engine.catalog.deployments_of_release(project.number, release, place, DEPLOYMENTS_AT_ONCE).await?;
        let is_last =
            rows.len() < DEPLOYMENTS_AT_ONCE as usize || rows.iter().any(|row| row.environment != *environment);
        for row in rows.iter().filter(|row| row.environment == *environment) {
            let came = row.kind == DeploymentKind::Promotion && row.serves.build.release == release;
            if came && row.replaced.is_none_or(|replaced| replaced.release != release) {
                before = Some(row.replaced);
            }
            after = row.revision;
        }
        if is_last {
            return Ok(before.unwrap_or_else(|| present.serves.map(|served| served.build)));
        }
    }
}
