//! Newer versions than a release pins: which there are, and pinning them.

use actix_web::{HttpResponse, get, post, web::Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::path::FolderPath;
use shelfmark_engine::catalog::{OutdatedLine, Selection};
use shelfmark_engine::operations::{self, Repinned};

use crate::http::docs::Repeatable;
use crate::http::extract::{Asked, PageView, at_most, plain, tag};
use crate::http::releases::release_of;
use crate::web::Problem;

/// Which changes of a release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectionBody {
    /// As the list of changes gives them.
    keys: Option<Vec<String>>,
    /// The changes of all paths in a folder.
    #[schema(value_type = Option<String>, example = "img/")]
    folder: Option<FolderPath>,
}

/// The selection that a request's keys and folder make; `None` when it names neither.
///
/// # Errors
/// Invalid when it names both; too large.
pub fn selection(
    asked: &Asked,
    keys: Option<Vec<String>>,
    folder: Option<FolderPath>,
) -> Result<Option<Selection>, Problem> {
    match (keys, folder) {
        (Some(_), Some(_)) => Err(Problem::invalid("folder", "name keys or a folder, not both")),
        (Some(keys), None) => {
            let keys = at_most("keys", keys, asked.config().limits.lines)?;
            let mut keys: Vec<String> = keys.into_iter().map(|key| plain("keys", key)).collect::<Result<_, _>>()?;
            keys.sort();
            keys.dedup();
            Ok(Some(Selection::Keys(keys)))
        }
        (None, folder) => Ok(folder.map(Selection::Folder)),
    }
}

/// Which part of a release, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OutdatedQuery {
    /// Only paths in this folder.
    #[param(value_type = Option<String>)]
    folder: Option<FolderPath>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One version of an asset, as far as it matters here.
#[derive(Debug, Serialize, ToSchema)]
pub struct PinView {
    version: i64,
    #[schema(value_type = String)]
    content: ContentId,
    size_bytes: u64,
}

/// A change whose asset has a newer version than it pins.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutdatedView {
    key: String,
    #[schema(value_type = String, format = "uuid")]
    asset: Uuid,
    /// What the release pins.
    pinned: PinView,
    /// What it would pin.
    newest: PinView,
    /// Whether the bytes differ, and not only what is said about them.
    content_changed: bool,
}

impl From<OutdatedLine> for OutdatedView {
    fn from(line: OutdatedLine) -> Self {
        let pinned = PinView { version: line.pinned, content: line.pinned_content, size_bytes: line.pinned_bytes };
        let newest = PinView { version: line.newest, content: line.newest_content, size_bytes: line.newest_bytes };
        let content_changed = pinned.content != newest.content;
        Self { key: line.key, asset: Uuid::from_bytes(line.asset.0), pinned, newest, content_changed }
    }
}

/// What was pinned anew.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepinnedView {
    /// Changes that pin another version now.
    repinned: u64,
    /// The release's revision now.
    revision: i64,
}

/// Lists the changes of a release that newer versions have come for, by key: what pinning anew would do.
#[utoipa::path(tag = "planning", params(OutdatedQuery), responses((status = 200, body = PageView<OutdatedView>)))]
#[get("/projects/{project}/releases/{release}/repin")]
pub async fn list_outdated(asked: Asked) -> Result<Json<PageView<OutdatedView>>, Problem> {
    let project = asked.readable_project().await?;
    let release = release_of(&asked, &project).await?.number;
    let OutdatedQuery { folder, limit, cursor } = asked.query()?;
    let page = asked.paging(limit, cursor, asked.config().limits.page_max)?;
    let folder = folder.unwrap_or_else(FolderPath::root);
    let lines = asked.catalog().outdated_lines(project.number, release, &folder, page.key(), page.limit).await?;
    Ok(Json(lines.into()))
}

/// Pins changes of a draft at the newest versions of their assets: those that are named, or all.
#[utoipa::path(tag = "planning", request_body = SelectionBody, responses((status = 200, body = RepinnedView)),
    params(Repeatable, ("If-Match" = Option<String>, Header, description = "Only if the release is at this revision, in quotes")))]
#[post("/projects/{project}/releases/{release}/repin")]
pub async fn repin_changes(mut asked: Asked) -> Result<HttpResponse, Problem> {
    let (caller, SelectionBody { keys, folder }) = asked.changing::<SelectionBody>().await?;
    let selection = selection(&asked, keys, folder)?.unwrap_or(Selection::All);
    let (project, release, expected) = (asked.project()?, asked.release()?, asked.expected_revision()?);
    let repinned = operations::repin(asked.engine(), &caller, &project, release, &selection, expected).await?;
    let Repinned { lines: repinned, revision } = repinned;
    Ok(HttpResponse::Ok().insert_header(tag(revision)).json(RepinnedView { repinned, revision }))
}
