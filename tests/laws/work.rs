//! The work register: items, what was said about them, which versions answer them, and who said yes to those.

mod attaching;
mod faults;
mod grouping;
mod lists;
mod repeating;
mod steps;

use shelfmark_domain::access::{Grant, Principal, Role};
use shelfmark_domain::name::{ReleaseNumber, WorkItemNumber};
use shelfmark_domain::pin::AssetId;
use shelfmark_domain::work_item::{Transition, WorkStatus};
use shelfmark_engine::catalog::{WorkItemRow, WorkItemSaid};
use shelfmark_engine::operations::work::{
    AttachedVersions, VersionRef, WorkError, WorkItemDraft, add_items, attach, create_work_item, take_step,
};
use shelfmark_engine::operations::{ChangedLines, create_user};

use crate::laws::ground::site::{Site, of};

/// The site, asked by a person with a role in it.
async fn asked_by(site: &Site, name: &str, role: Role) -> Site {
    let name = of(name);
    if site.engine.catalog.user(&name).await.unwrap().is_none() {
        create_user(&site.engine, &site.caller(), &name, "", None).await.unwrap();
    }
    let grants = vec![Grant { role, project: Some(site.name.clone()), environment: None }];
    site.asked_by(Principal { id: format!("@{name}"), name: name.to_string(), user: Some(name), grants })
}

fn draft(title: &str) -> WorkItemDraft {
    let said = WorkItemSaid { title: title.to_owned(), ..WorkItemSaid::default() };
    WorkItemDraft { said, requester: None }
}

async fn enter(site: &Site, title: &str) -> WorkItemNumber {
    create_work_item(&site.engine, &site.caller(), &site.name, draft(title)).await.unwrap().number
}

async fn item(site: &Site, number: WorkItemNumber) -> WorkItemRow {
    let project = site.row().await.number;
    site.engine.catalog.work_item(project, number).await.unwrap().expect("there is an item")
}

pub async fn status(site: &Site, number: WorkItemNumber) -> WorkStatus {
    item(site, number).await.status
}

async fn try_step(
    site: &Site,
    number: WorkItemNumber,
    step: Transition,
    reason: &str,
) -> Result<WorkItemRow, WorkError> {
    take_step(&site.engine, &site.caller(), &site.name, number, step, reason, None).await
}

async fn step(site: &Site, number: WorkItemNumber, step: Transition) -> WorkItemRow {
    try_step(site, number, step, "a reason").await.unwrap()
}

pub fn at(path: &str, version: i64) -> VersionRef {
    VersionRef::At { path: of(path), version: Some(version) }
}

async fn try_attach(
    site: &Site,
    number: WorkItemNumber,
    versions: &[VersionRef],
) -> Result<AttachedVersions, WorkError> {
    attach(&site.engine, &site.caller(), &site.name, number, versions, None).await
}

/// The versions that answer an item: paths and numbers.
async fn attached(site: &Site, number: WorkItemNumber) -> Vec<(String, i64)> {
    let project = site.row().await.number;
    let page = site.engine.catalog.attached_versions(project, number, None, 10_000).await.unwrap();
    let mut found: Vec<_> = page.items.into_iter().map(|one| (one.path, one.version)).collect();
    found.sort();
    found
}

/// What the valid authorisation covers; `None` without one.
async fn authorised(site: &Site, number: WorkItemNumber) -> Option<Vec<(AssetId, i64)>> {
    let (catalog, project) = (&site.engine.catalog, site.row().await.number);
    let valid = catalog.authorisation(project, number).await.unwrap().filter(|one| one.voided_at.is_none())?;
    Some(catalog.authorised_versions(project, number, valid.number, None, 10_000).await.unwrap().items)
}

/// An item that is authorised with these versions, whose requester and authoriser is whoever asks.
pub async fn authorised_item(site: &Site, title: &str, versions: &[VersionRef]) -> WorkItemNumber {
    let number = enter(site, title).await;
    try_attach(site, number, versions).await.unwrap();
    step(site, number, Transition::Resolve).await;
    step(site, number, Transition::Authorise).await;
    number
}

pub async fn group(
    site: &Site,
    release: ReleaseNumber,
    items: &[WorkItemNumber],
    unauthorised: bool,
) -> Result<ChangedLines, WorkError> {
    add_items(&site.engine, &site.caller(), &site.name, release, items, unauthorised, None).await
}

/// What happened to an item, oldest first.
async fn history(site: &Site, number: WorkItemNumber) -> Vec<String> {
    let page = site.engine.catalog.work_item_history(&site.name, number, None, 10_000).await.unwrap();
    page.items.into_iter().rev().map(|entry| entry.action).collect()
}
