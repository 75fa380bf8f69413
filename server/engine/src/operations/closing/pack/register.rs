//! The work items of the release and its incidents: what was said, which versions answer them, tests, authorisations.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::WorkItemNumber;
use shelfmark_domain::pin::AssetId;

use super::archive::Archive;
use super::format::LeftOut;
use super::{PackError, ROWS_AT_ONCE, Source, sorted};
use crate::catalog::{AttachedVersion, CatalogError, CommentRow, EvidenceRow, WorkItemRow};

/// Adds the items and the files of their evidence; returns the files that were too large together.
pub(super) async fn add(source: &Source<'_>, archive: &mut Archive) -> Result<Vec<LeftOut>, PackError> {
    let items = items(source).await?;
    archive.list("items.ndjson", items.values().map(item)).await?;
    comments(source, archive, &items).await?;
    versions(source, archive, &items).await?;
    authorisations(source, archive, &items).await?;
    let files = evidence(source, archive, &items).await?;
    contents(source, archive, files).await
}

type Items = BTreeMap<WorkItemNumber, WorkItemRow>;

async fn items(source: &Source<'_>) -> Result<Items, PackError> {
    let (project, catalog) = (source.project.number, &source.engine.catalog);
    let mut items = Items::new();
    let mut after = 0;
    loop {
        let page = catalog.release_items(project, source.number(), after, ROWS_AT_ONCE).await?;
        after = page.items.last().map_or(after, |row| row.item.number.get());
        items.extend(page.items.into_iter().map(|row| (row.item.number, row.item)));
        if page.next.is_none() {
            break;
        }
    }
    let mut after = 0;
    loop {
        let page = catalog.incidents(project, source.number(), after, ROWS_AT_ONCE).await?;
        after = page.items.last().map_or(after, |row| row.item.get());
        for incident in page.items.iter().filter(|incident| !incident.is_grouped) {
            let row = catalog.work_item(project, incident.item).await?;
            items.extend(row.map(|row| (row.number, row)));
        }
        if page.next.is_none() {
            return Ok(items);
        }
    }
}

fn item(row: &WorkItemRow) -> Value {
    let said = &row.said;
    json!({
        "number": row.number, "kind": said.kind, "status": row.status, "title": said.title,
        "description": said.description, "requester": row.requester_name, "assignee": said.assignee,
        "priority": said.priority, "due_on": said.due_on.map(|day| day.to_string()), "labels": said.labels,
        "link": said.link, "impact": said.impact, "release_note": said.release_note, "created_by": row.created_by,
        "created_at": row.created_at, "changed_at": row.changed_at, "revision": row.revision,
    })
}

async fn comments(source: &Source<'_>, archive: &mut Archive, items: &Items) -> Result<(), PackError> {
    archive.begin("comments.ndjson").await?;
    for number in items.keys() {
        let mut after = 0;
        loop {
            let catalog = &source.engine.catalog;
            let page = catalog.comments(source.project.number, *number, after, ROWS_AT_ONCE).await?;
            after = page.items.last().map_or(after, |row| row.number);
            let line = |row: &CommentRow| {
                json!({ "item": number, "number": row.number, "by": row.author_name, "text": row.text, "at": row.at,
                    "edited_at": row.edited_at })
            };
            archive.lines(page.items.iter().map(line)).await?;
            if page.next.is_none() {
                break;
            }
        }
    }
    Ok(())
}

async fn versions(source: &Source<'_>, archive: &mut Archive, items: &Items) -> Result<(), PackError> {
    archive.begin("versions.ndjson").await?;
    for number in items.keys() {
        let mut after = None;
        loop {
            let catalog = &source.engine.catalog;
            let page = catalog.attached_versions(source.project.number, *number, after, ROWS_AT_ONCE).await?;
            after = page.items.last().map(|row| (row.asset, row.version));
            let line = |row: &AttachedVersion| {
                json!({ "item": number, "asset": Uuid::from_bytes(row.asset.0), "version": row.version,
                    "path": row.path, "added_by": row.added_by, "added_at": row.added_at })
            };
            archive.lines(page.items.iter().map(line)).await?;
            if page.next.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// The last authorisation of each item, with each version that it covers; earlier ones are in the audit extract.
async fn authorisations(source: &Source<'_>, archive: &mut Archive, items: &Items) -> Result<(), PackError> {
    archive.begin("authorisations.ndjson").await?;
    let (project, catalog) = (source.project.number, &source.engine.catalog);
    for number in items.keys() {
        let Some(row) = catalog.authorisation(project, *number).await? else { continue };
        let line = json!({ "item": number, "number": row.number, "by": row.authorised_by,
            "in_place": row.is_in_place, "remark": row.remark, "at": row.at, "voided_at": row.voided_at,
            "versions": row.versions });
        archive.lines([line]).await?;
        let mut after = None;
        loop {
            let page = catalog.authorised_versions(project, *number, row.number, after, ROWS_AT_ONCE).await?;
            after = page.items.last().copied();
            let line = |(asset, version): &(AssetId, i64)| json!({ "item": number, "number": row.number, "asset": Uuid::from_bytes(asset.0), "version": version });
            archive.lines(page.items.iter().map(line)).await?;
            if page.next.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// Adds what tests came to; returns the contents of their files with their sizes.
async fn evidence(
    source: &Source<'_>,
    archive: &mut Archive,
    items: &Items,
) -> Result<BTreeMap<ContentId, u64>, PackError> {
    archive.begin("evidence.ndjson").await?;
    let (project, catalog) = (source.project.number, &source.engine.catalog);
    let mut contents = BTreeMap::new();
    for number in items.keys() {
        let mut before = None;
        loop {
            let page = catalog.evidence_of_item(project, *number, before, ROWS_AT_ONCE).await?;
            before = page.items.last().map(|row| row.number);
            for row in &page.items {
                let mut files = Vec::new();
                for (asset, version) in &row.evidence.files {
                    let known = catalog.version(*asset, *version).await?;
                    let known = known.ok_or_else(|| CatalogError::Corrupt("evidence without its file".to_owned()))?;
                    contents.insert(known.content, known.size_bytes);
                    files.push(json!({ "asset": Uuid::from_bytes(asset.0), "version": version,
                        "content": known.content, "size_bytes": known.size_bytes, "media_type": known.media_type }));
                }
                archive.lines([test(row, files)]).await?;
            }
            if page.next.is_none() {
                break;
            }
        }
    }
    Ok(contents)
}

fn test(row: &EvidenceRow, files: Vec<Value>) -> Value {
    let said = &row.evidence;
    let (build, manifest) = said.build.unzip();
    json!({ "item": row.item, "number": row.number, "test_case": said.test_case, "expected": said.expected,
        "actual": said.actual, "outcome": said.outcome, "build": build, "manifest": manifest,
        "by": said.tested_by, "at": said.at, "void": row.is_void, "files": files })
}

/// Adds as many files as may be, by name; returns the others.
async fn contents(
    source: &Source<'_>,
    archive: &mut Archive,
    contents: BTreeMap<ContentId, u64>,
) -> Result<Vec<LeftOut>, PackError> {
    let mut room = source.engine.limits.evidence_bytes_max;
    let mut left_out = Vec::new();
    for (content, bytes) in contents {
        if bytes > room {
            left_out.push(LeftOut { content, bytes });
            continue;
        }
        room -= bytes;
        archive.begin_bytes(format!("evidence/{content}")).await?;
        let mut pieces = source.engine.contents.read(content, 0..bytes);
        while let Some(piece) = pieces.try_next().await? {
            archive.bytes(piece).await?;
        }
    }
    Ok(sorted(left_out))
}
