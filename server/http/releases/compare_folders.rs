//! What differs between two builds, environments or the library, summed up by folder.

use actix_web::{get, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_engine::catalog::{Cursor, InvalidCursor};
use shelfmark_engine::operations::{FolderDifference, by_folder};

use super::compare::{TotalsView, compared};
use crate::http::extract::Asked;
use crate::web::Problem;

/// The deepest that folders are told apart: a path has no more.
const DEPTH_MAX: usize = 512;
const MARK: char = '/';

/// What to compare, and which page of the folders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FoldersQuery {
    /// A side, as in compare.
    from: String,
    /// A side, as in compare.
    to: String,
    /// How deep folders are told apart: 1 for those at the top. Each folder for itself when absent.
    #[param(value_type = Option<u32>, minimum = 0)]
    depth: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What differs in a folder.
#[derive(Debug, Serialize, ToSchema)]
pub struct FolderView {
    /// With a slash at its end; empty for the root.
    #[schema(example = "img/")]
    folder: String,
    added: u64,
    changed: u64,
    removed: u64,
    /// Moved to here, from wherever.
    moved: u64,
    /// The files that differ, as they were.
    files_before: u64,
    bytes_before: u64,
    /// The files that differ, as they are then.
    files_after: u64,
    bytes_after: u64,
}

impl From<FolderDifference> for FolderView {
    fn from(difference: FolderDifference) -> Self {
        let FolderDifference { folder, added, changed, removed, moved, .. } = difference;
        let FolderDifference { files_before, bytes_before, files_after, bytes_after, .. } = difference;
        let folder = if folder.is_empty() { folder } else { format!("{folder}/") };
        Self { folder, added, changed, removed, moved, files_before, bytes_before, files_after, bytes_after }
    }
}

/// Differences by folder, and the sums over all of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoldersView {
    from: String,
    to: String,
    /// Parameters and access rules included, which are in no folder.
    totals: TotalsView,
    items: Vec<FolderView>,
    /// Where the next page starts. Null after the last one.
    next_cursor: Option<String>,
}

/// Compares two states of what is served, and sums up by folder.
#[utoipa::path(tag = "releases", params(FoldersQuery), responses((status = 200, body = FoldersView)))]
#[get("/projects/{project}/compare/folders")]
pub async fn compare_folders(asked: Asked) -> Result<Json<FoldersView>, Problem> {
    let FoldersQuery { from, to, depth, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let depth = depth.map(|text| {
        let depth = text.parse().ok().filter(|depth| *depth <= DEPTH_MAX);
        depth.ok_or_else(|| Problem::invalid("depth", format!("{text:?} is no depth; give 0 to {DEPTH_MAX}")))
    });
    let compared = compared(&asked, &from, &to).await?;
    let totals = TotalsView::of(&compared);
    let folders = by_folder(&compared, depth.transpose()?);
    // A mark in front of it tells the root, whose name is empty, from no cursor at all.
    let start = match page.key().strip_prefix(MARK) {
        None if page.key().is_empty() => 0,
        None => return Err(Problem::invalid("cursor", InvalidCursor)),
        Some(last) => folders.partition_point(|folder| folder.folder.as_str() <= last),
    };
    let rest = folders.get(start..).unwrap_or_default();
    let shown = &rest[..rest.len().min(page.limit as usize)];
    let last = shown.last().filter(|_| shown.len() < rest.len());
    let next_cursor = last.map(|last| Cursor::after(format!("{MARK}{}", last.folder)).to_string());
    let items = shown.iter().cloned().map(FolderView::from).collect();
    Ok(Json(FoldersView { from, to, totals, items, next_cursor }))
}
