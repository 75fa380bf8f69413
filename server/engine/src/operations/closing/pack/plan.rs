//! The release itself: what it says, how it ended, its lines, its builds, and the manifest of each that was deployed.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use shelfmark_domain::name::BuildName;
use shelfmark_domain::notes::Audience;
use shelfmark_domain::pin::Entry;

use super::super::generated::{GeneratedNotes, facts};
use super::super::template::notes_template;
use super::archive::Archive;
use super::history::deployments;
use super::{PackError, ROWS_AT_ONCE, Source};
use crate::catalog::{BuildRow, ChangeValue, ChecklistItemRow, PinnedChange};

/// Entries of a manifest in one piece.
const ENTRIES_AT_ONCE: usize = 1_000;

/// Adds what was planned and built, and the notes.
pub(super) async fn add(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    archive.text("release.json", format!("{:#}\n", release(source).await?)).await?;
    changes(source, archive).await?;
    builds(source, archive).await?;
    notes(source, archive).await
}

async fn release(source: &Source<'_>) -> Result<Value, PackError> {
    let row = source.release;
    let closing = source.closing.map(
        |closing| json!({ "from": closing.state, "review": closing.review, "by": closing.by_name, "at": closing.at }),
    );
    let lessons = source.engine.catalog.lessons(source.project.number, row.number).await?;
    Ok(json!({
        "number": row.number, "title": row.title, "description": row.description, "kind": row.kind,
        "manager": row.manager, "state": row.state, "created_by": row.created_by, "created_at": row.created_at,
        "revision": row.revision, "closing": closing,
        "lessons": lessons.iter().map(point).collect::<Vec<_>>(),
    }))
}

/// A point of the checklist.
pub(super) fn point(row: &ChecklistItemRow) -> Value {
    json!({ "number": row.number, "step": row.step, "text": row.text, "selector": row.selector, "origin": row.origin,
        "by": row.by_name, "at": row.at, "retired_at": row.retired_at })
}

async fn changes(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    archive.begin("changes.ndjson").await?;
    let mut after = String::new();
    loop {
        let page = source.engine.catalog.changes(source.project.number, source.number(), &after, ROWS_AT_ONCE).await?;
        after = page.items.last().map_or(after, |row| row.change.key.clone());
        archive.lines(page.items.iter().map(change)).await?;
        if page.next.is_none() {
            return Ok(());
        }
    }
}

fn change(row: &PinnedChange) -> Value {
    let mut line = json!({ "key": row.change.key, "added_by": row.added_by, "added_at": row.added_at });
    match &row.change.value {
        ChangeValue::Pin { asset, version } => {
            line["asset"] = json!(Uuid::from_bytes(asset.0));
            line["version"] = json!(version);
            line["content"] = json!(row.content);
        }
        ChangeValue::Parameter(parameter) => line["parameter"] = json!(parameter),
        ChangeValue::Access(visibility) => line["access"] = json!(visibility),
        ChangeValue::Remove => line["removed"] = json!(true),
    }
    line
}

async fn builds(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    let mut deployed: BTreeSet<BuildName> = BTreeSet::new();
    for row in deployments(source).await? {
        deployed.extend(Some(row.serves.build).filter(|build| build.release == source.number()));
    }
    let mut found: Vec<BuildRow> = Vec::new();
    let mut before = None;
    loop {
        let page = source.engine.catalog.builds(source.project.number, source.number(), before, ROWS_AT_ONCE).await?;
        before = page.items.last().map(|row| row.name.number);
        found.extend(page.items);
        if page.next.is_none() {
            break;
        }
    }
    found.reverse();
    let line = |row: &BuildRow| {
        json!({ "name": row.name, "manifest": row.manifest, "base": row.base, "tracks": row.tracks, "pins": row.pins,
            "size_bytes": row.size_bytes, "created_by": row.created_by, "created_at": row.created_at,
            "deployed": deployed.contains(&row.name) })
    };
    archive.list("builds.ndjson", found.iter().map(line)).await?;
    for row in found.iter().filter(|row| deployed.contains(&row.name)) {
        manifest(source, archive, row).await?;
    }
    Ok(())
}

async fn manifest(source: &Source<'_>, archive: &mut Archive, build: &BuildRow) -> Result<(), PackError> {
    archive.begin(format!("manifests/{}.ndjson", build.name)).await?;
    let root = source.engine.manifests.root(build.manifest).await?;
    let mut entries = source.engine.manifests.entries(&root, "", None).try_chunks(ENTRIES_AT_ONCE);
    loop {
        let page = entries.try_next().await.map_err(|error| error.1)?;
        let Some(page) = page else { return Ok(()) };
        archive.lines(page.iter().map(|(key, value)| entry(key, value))).await?;
    }
}

fn entry(key: &str, entry: &Entry) -> Value {
    match entry {
        Entry::Pin(pin) => json!({
            "key": key, "asset": Uuid::from_bytes(pin.asset.0), "version": pin.version, "content": pin.content,
            "size_bytes": pin.size_bytes, "media_type": pin.media_type, "dimensions": pin.dimensions,
            "modified_at": pin.modified_at, "metadata": pin.metadata,
        }),
        Entry::Parameter(parameter) => json!({ "key": key, "parameter": parameter }),
        Entry::Access(visibility) => json!({ "key": key, "access": visibility }),
    }
}

async fn notes(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    let Source { engine, caller, project, release, .. } = *source;
    let template = notes_template(engine, project).await?;
    let facts = facts(engine, caller, project, release, None).await?;
    for audience in Audience::ALL {
        let generated = GeneratedNotes::of(audience, &template, &facts).markdown;
        let edit =
            engine.catalog.snapshot().await?.reading().note_edit(project.number, release.number, audience).await?;
        if let Some(text) = edit.and_then(|edit| edit.text) {
            archive.text(&format!("notes/{audience}.md"), text).await?;
            archive.text(&format!("notes/{audience}.generated.md"), generated).await?;
        } else {
            archive.text(&format!("notes/{audience}.md"), generated).await?;
        }
    }
    archive.begin("notes/published.ndjson").await?;
    for audience in Audience::ALL {
        let mut before = None;
        loop {
            let page =
                engine.catalog.published_notes(project.number, release.number, audience, before, ROWS_AT_ONCE).await?;
            before = page.items.last().map(|row| row.revision);
            let line = |row: &crate::catalog::PublishedNoteRow| {
                json!({ "audience": row.audience, "revision": row.revision, "text": row.text, "edited": row.is_edited,
                    "message": row.message, "by": row.by_name, "at": row.at })
            };
            archive.lines(page.items.iter().map(line)).await?;
            if page.next.is_none() {
                break;
            }
        }
    }
    Ok(())
}
