//! What the gate was told: approvals, waivers, reports of outside checks, answers to the checklist, and locks.

use serde_json::{Value, json};

use super::archive::Archive;
use super::plan::point;
use super::{PackError, ROWS_AT_ONCE, Source};
use crate::catalog::{ApprovalRow, CatalogError, LockRow, ReportRow, WaiverRow};
use crate::operations::gate::release_checklist;

/// Adds all of it.
pub(super) async fn add(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    let (project, release) = (source.project.number, source.number());
    let catalog = &source.engine.catalog;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = catalog.approvals_of_release(project, release, before, ROWS_AT_ONCE).await?;
        before = page.items.last().map(|row| row.sequence);
        found.extend(page.items);
        if page.next.is_none() {
            break;
        }
    }
    archive.list("approvals.ndjson", found.iter().rev().map(approval)).await?;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = catalog.reports_of_release(project, release, before, ROWS_AT_ONCE).await?;
        before = page.items.last().map(|row| row.sequence);
        found.extend(page.items);
        if page.next.is_none() {
            break;
        }
    }
    archive.list("reports.ndjson", found.iter().rev().map(report)).await?;
    spans(source, archive).await?;
    checklist(source, archive).await
}

/// Waivers and locks that held during the release's life.
async fn spans(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    let (project, span, catalog) = (source.project.number, source.span(), &source.engine.catalog);
    archive.begin("waivers.ndjson").await?;
    let mut after = 0;
    loop {
        let page = catalog.waivers_between(project, source.number(), span, (after, ROWS_AT_ONCE)).await?;
        archive.lines(page.iter().map(waiver)).await?;
        after = page.last().map_or(after, |row| row.number);
        if page.len() < ROWS_AT_ONCE as usize {
            break;
        }
    }
    archive.begin("locks.ndjson").await?;
    let mut after = 0;
    loop {
        let page = catalog.locks_between(project, span, (after, ROWS_AT_ONCE)).await?;
        archive.lines(page.iter().map(lock)).await?;
        after = page.last().map_or(after, |row| row.number);
        if page.len() < ROWS_AT_ONCE as usize {
            return Ok(());
        }
    }
}

/// The points that the release has to answer with its answers, then its answers to points that are asked no more.
async fn checklist(source: &Source<'_>, archive: &mut Archive) -> Result<(), PackError> {
    let asked = release_checklist(source.engine, source.caller, &source.project.name, source.number()).await?;
    let answer = |row: &crate::catalog::AnswerRow| json!({ "answer": row.answer, "remark": row.remark, "by": row.by_name, "at": row.at });
    let numbers: Vec<i64> = asked.iter().map(|one| one.point.number).collect();
    let mut lines: Vec<Value> = asked
        .iter()
        .map(|one| json!({ "point": point(&one.point), "answer": one.answer.as_ref().map(answer) }))
        .collect();
    let mut snapshot = source.engine.catalog.snapshot().await?;
    let answers = snapshot.reading().answers(source.project.number, source.number()).await?;
    drop(snapshot);
    for row in answers.iter().filter(|row| !numbers.contains(&row.item)) {
        let page = source.engine.catalog.checklist(source.project.number, row.item - 1, 1).await?;
        let known = page.items.first().ok_or_else(|| CatalogError::Corrupt(format!("no point {}", row.item)))?;
        lines.push(json!({ "point": point(known), "answer": answer(row) }));
    }
    archive.list("checklist.ndjson", lines).await
}

fn approval(row: &ApprovalRow) -> Value {
    let said = &row.approval;
    json!({ "environment": row.environment, "build": row.build, "manifest": row.manifest, "decision": said.decision,
        "by": said.by_name, "role": said.role, "reason": said.reason, "at": said.at, "entry": row.sequence })
}

fn report(row: &ReportRow) -> Value {
    json!({ "name": row.name, "build": row.build, "manifest": row.manifest, "state": row.state,
        "summary": row.summary, "link": row.link, "by": row.by_name, "at": row.at, "entry": row.sequence })
}

fn waiver(row: &WaiverRow) -> Value {
    let said = &row.waiver;
    json!({ "environment": row.environment, "check": said.check.to_string(), "release": said.release,
        "by": said.by_name, "reason": said.reason, "at": row.at, "ends_at": said.ends_at,
        "revoked_at": row.revoked_at, "entry": row.number })
}

fn lock(row: &LockRow) -> Value {
    let ended = row.ended.as_ref().map(|(at, by, why)| json!({ "at": at, "by": by, "why": why }));
    let classes: Vec<&str> = row.facts.classes.iter().map(|class| class.as_str()).collect();
    json!({ "environment": row.environment, "kind": row.kind, "build": row.facts.build, "classes": classes,
        "by": row.facts.by_name, "reason": row.facts.reason, "since": row.facts.since, "until": row.facts.until,
        "ended": ended, "entry": row.number })
}
