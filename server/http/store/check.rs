//! Checking the store: its progress as it goes, and at the end what is damaged and what that touches.

use std::collections::{BTreeSet, HashMap};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, post};
use bytes::Bytes;
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use shelfmark_domain::access::{Permission, Scope};
use shelfmark_domain::hash::ContentId;
use shelfmark_domain::name::{BuildName, ProjectName};
use shelfmark_engine::Engine;
use shelfmark_engine::catalog::{CatalogError, ContentUse};
use shelfmark_engine::operations::{self, Caller, CheckError, CheckProgress, Checked, DamagedBuild, DamagedContent};

use crate::http::extract::Asked;
use crate::web::Problem;

/// Lines that may wait for the client. Progress that finds no place is left out.
const LINES_WAITING: usize = 64;
const PROJECTS_AT_ONCE: u32 = 1_000;

/// How to check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckBody {
    /// Read only about this share of the store; all of it when absent.
    #[schema(minimum = 1, maximum = 100)]
    sample_percent: Option<u8>,
}

/// A line of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CheckLine {
    Progress {
        packs: u64,
        checked_packs: u64,
        checked_bytes: u64,
    },
    /// The last line.
    Done {
        checked_chunks: u64,
        checked_bytes: u64,
        damaged: Vec<DamagedContentView>,
        damaged_builds: Vec<DamagedBuildView>,
        /// Damaged chunks that nothing refers to.
        unused_chunks: u64,
    },
}

/// A content that can't be read back as it was written, and what it touches.
#[derive(Debug, Serialize, ToSchema)]
pub struct DamagedContentView {
    #[schema(value_type = String)]
    content: ContentId,
    /// What is wrong with its bytes.
    reason: String,
    versions: Vec<DamagedVersionView>,
    /// As `project/R-12`.
    releases: Vec<String>,
    /// Those that serve it now, as `project/environment`.
    environments: Vec<String>,
}

/// A version that has a damaged content.
#[derive(Debug, Serialize, ToSchema)]
pub struct DamagedVersionView {
    #[schema(value_type = String)]
    project: ProjectName,
    path: String,
    version: i64,
}

/// A build whose manifest can't be read back.
#[derive(Debug, Serialize, ToSchema)]
pub struct DamagedBuildView {
    #[schema(value_type = Option<String>)]
    project: Option<ProjectName>,
    #[schema(value_type = String)]
    build: BuildName,
    reason: String,
}

impl From<DamagedContent> for DamagedContentView {
    fn from(damaged: DamagedContent) -> Self {
        let DamagedContent { content, reason, uses, environments } = damaged;
        let mut releases = BTreeSet::new();
        for found in &uses {
            releases.extend(found.releases.iter().map(|release| format!("{}/{release}", found.project)));
        }
        let version =
            |found: ContentUse| DamagedVersionView { project: found.project, path: found.path, version: found.version };
        Self {
            content,
            reason,
            versions: uses.into_iter().map(version).collect(),
            releases: releases.into_iter().collect(),
            environments: environments.into_iter().map(|(project, name)| format!("{project}/{name}")).collect(),
        }
    }
}

/// Reads the store back, compares every chunk with its name, and says what is damaged and where it is used.
///
/// The answer is a stream of lines; the last one is the outcome. When whoever asks goes away, the check ends.
#[utoipa::path(tag = "store", request_body = CheckBody,
    responses((status = 200, body = CheckLine, content_type = "application/x-ndjson")))]
#[post("/store/fsck")]
pub async fn check_store(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, body) = asked.changing::<CheckBody>().await?;
    caller.principal.require(Permission::Administer, Scope::Service)?;
    let percent = body.sample_percent.unwrap_or(100);
    if !(1..=100).contains(&percent) {
        return Err(Problem::invalid("sample_percent", format!("{percent} is no percentage; give 1 to 100")));
    }
    let (lines, waiting) = mpsc::channel(LINES_WAITING);
    let engine = asked.engine().clone();
    actix_web::rt::spawn(async move {
        let gone = lines.clone();
        tokio::select! {
            () = gone.closed() => tracing::info!("a check of the store ended early: nobody waits for it any more"),
            () = check(engine, caller, percent, lines) => {}
        }
    });
    let body = stream::unfold(waiting, async |mut waiting| Some((waiting.recv().await?, waiting)));
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/x-ndjson")).streaming(body))
}

async fn check(engine: Engine, caller: Caller, percent: u8, lines: mpsc::Sender<Result<Bytes, CheckError>>) {
    let progress = |CheckProgress { packs, checked_packs, checked_bytes, .. }| {
        let _ = lines.try_send(Ok(line(&CheckLine::Progress { packs, checked_packs, checked_bytes })));
    };
    let checked = operations::check_store(&engine, &caller, f64::from(percent), progress).await;
    let done = match checked {
        Ok(checked) => done(&engine, checked).await.map_err(CheckError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = &done {
        tracing::error!(%error, "a check of the store could not go on"); // the client sees the stream break off
    }
    let _ = lines.send(done.map(|done| line(&done))).await; // fails when nobody waits any more
}

async fn done(engine: &Engine, checked: Checked) -> Result<CheckLine, CatalogError> {
    let Checked { progress, contents, builds, unused_chunks } = checked;
    let CheckProgress { checked_chunks, checked_bytes, .. } = progress;
    let names = if builds.is_empty() { HashMap::new() } else { project_names(engine).await? };
    let build = |DamagedBuild { project, build, reason }| DamagedBuildView {
        project: names.get(&project).cloned(),
        build,
        reason,
    };
    let damaged = contents.into_iter().map(DamagedContentView::from).collect();
    let damaged_builds = builds.into_iter().map(build).collect();
    Ok(CheckLine::Done { checked_chunks, checked_bytes, damaged, damaged_builds, unused_chunks })
}

async fn project_names(engine: &Engine) -> Result<HashMap<i64, ProjectName>, CatalogError> {
    let (mut names, mut after) = (HashMap::new(), 0);
    loop {
        let page = engine.catalog.projects(after, PROJECTS_AT_ONCE).await?;
        after = page.items.last().map_or(after, |project| project.number);
        names.extend(page.items.into_iter().map(|project| (project.number, project.name)));
        if page.next.is_none() {
            return Ok(names);
        }
    }
}

fn line(line: &CheckLine) -> Bytes {
    let mut text = serde_json::to_vec(line).expect("a line consists of texts and numbers");
    text.push(b'\n');
    text.into()
}
