//! The list of assets: page by page for people, whole and short for programs that compare it with a folder.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use shelfmark_domain::hash::ContentId;
use shelfmark_domain::path::PATH_BYTES_MAX;
use shelfmark_engine::catalog::{AssetRow, AssetState, Catalog, CatalogError, InvalidCursor, Page, ProjectRow};

use super::versions::flag;
use crate::http::assets::AssetView;
use crate::http::extract::{Asked, PageView, Paging};
use crate::web::Problem;

const ASSET_REVISION: HeaderName = HeaderName::from_static("shelfmark-asset-revision");
const NDJSON: &str = "application/x-ndjson";
/// Assets read at a time for the whole list.
const ROWS_AT_ONCE: u32 = 5_000;
/// Digits of the instant in the cursor of deleted assets.
const INSTANT_DIGITS: usize = 20;

/// Which assets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AssetsQuery {
    /// What their paths start with.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    prefix: String,
    /// The deleted ones instead.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    deleted: Option<String>,
    /// Most items on the page.
    #[param(value_type = Option<u32>, minimum = 1)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A line of the whole list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetLine<'a> {
    path: &'a str,
    version: i64,
    #[schema(value_type = String)]
    content: ContentId,
    size_bytes: u64,
}

/// Lists assets by path.
///
/// With `Accept: application/x-ndjson` the answer is the whole list, one short JSON object a line and no pages; its
/// header `Shelfmark-Asset-Revision` says which state of the project it is at least as new as.
#[utoipa::path(tag = "assets", params(AssetsQuery),
    responses((status = 200, content((PageView<AssetView> = "application/json"), (AssetLine = "application/x-ndjson")))))]
#[get("/projects/{project}/assets")]
pub async fn list_assets(asked: Asked) -> Result<HttpResponse, Problem> {
    let project = asked.readable_project().await?;
    let AssetsQuery { prefix, deleted, limit, cursor } = asked.query()?;
    let deleted = flag("deleted", deleted)?;
    if prefix.len() > PATH_BYTES_MAX || prefix.chars().any(char::is_control) {
        let why = format!("no path starts like this: give at most {PATH_BYTES_MAX} bytes without control characters");
        return Err(Problem::invalid("prefix", why));
    }
    let accept = asked.request.headers().get(ACCEPT);
    if !deleted && accept.is_some_and(|accept| accept.as_bytes().starts_with(NDJSON.as_bytes())) {
        return whole_list(asked.catalog(), project, prefix).await;
    }
    let page = asked.paging(limit, cursor, asked.config().limits.assets_page_max)?;
    let rows: Page<AssetRow> = match deleted {
        false => asked.catalog().assets(project.number, &prefix, page.key(), page.limit).await?,
        true => asked.catalog().deleted_assets(project.number, &prefix, deleted_after(&page)?, page.limit).await?,
    };
    Ok(HttpResponse::Ok().json(PageView::<AssetView>::from(rows)))
}

/// The place in the list of deleted assets: a path, and the instant of a deletion there.
fn deleted_after(page: &Paging) -> Result<(&str, i64), Problem> {
    if page.key().is_empty() {
        return Ok(("", i64::MAX));
    }
    let parts = page.key().split_at_checked(INSTANT_DIGITS).and_then(|(at, path)| Some((path, at.parse().ok()?)));
    parts.ok_or_else(|| Problem::invalid("cursor", InvalidCursor))
}

async fn whole_list(catalog: &Catalog, project: ProjectRow, prefix: String) -> Result<HttpResponse, Problem> {
    let mut lines = Box::pin(lines(catalog.clone(), project.number, prefix));
    // The first rows are read before the status is sent: a database that is away is a problem and no short list.
    let first = lines.try_next().await?;
    let body = stream::iter(first.map(Ok)).chain(lines);
    let revision = HeaderValue::from(project.asset_revision);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, NDJSON)).insert_header((ASSET_REVISION, revision));
    Ok(answer.streaming(body))
}

/// The whole list as text, some thousand lines at a time.
fn lines(catalog: Catalog, project: i64, prefix: String) -> impl Stream<Item = Result<Bytes, CatalogError>> {
    stream::try_unfold(Some(String::new()), move |after| {
        let (catalog, prefix) = (catalog.clone(), prefix.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let states = catalog.asset_states(project, &prefix, &after, ROWS_AT_ONCE).await?;
            let next = states.last().filter(|_| states.len() == ROWS_AT_ONCE as usize).map(|state| state.path.clone());
            Ok((!states.is_empty()).then(|| (text(&states), next)))
        }
    })
}

fn text(states: &[AssetState]) -> Bytes {
    let mut text = Vec::with_capacity(states.len() * 160);
    for state in states {
        let AssetState { path, version, content, size_bytes, .. } = state;
        let line = AssetLine { path, version: *version, content: *content, size_bytes: *size_bytes };
        serde_json::to_writer(&mut text, &line).expect("a line consists of texts and numbers");
        text.push(b'\n');
    }
    text.into()
}
